"""What a provider would fetch, keep or run passes by policy's word alone, on every surface."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.dialects import DIALECTS
from gateway.domain.errors import CannotExpress
from gateway.transport.backend import Backend, Way
from tests.doubles.fleets import a_catalogue, a_fleet, an_offering
from tests.doubles.houses import CLOUD, HOME, Stage, an_envelope
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world
from tests.flow.test_borders import letting

pytestmark = pytest.mark.anyio

URL = "https://a.example/CANARY.png"
FILE = "file-CANARY"
GS = "gs://bucket/CANARY.pdf"
S3 = {"s3Location": {"uri": "s3://bucket/CANARY.png"}}


def messages(*content, **more):
    said = [{"role": "user", "content": [{"type": "text", "text": "look"}, *content]}]
    return {"model": "code", "max_tokens": 9, "messages": said, **more}


def responses(*content, **more):
    said = {"role": "user", "content": [{"type": "input_text", "text": "look"}, *content]}
    return {"model": "code", "input": [said], **more}


def gemini(*parts, **more):
    return {"contents": [{"role": "user", "parts": [{"text": "look"}, *parts]}], **more}


def converse(*blocks, **more):
    return {"messages": [{"role": "user", "content": [{"text": "look"}, *blocks]}], **more}


def vendor(kind):
    return {"tools": [{"type": kind, "name": "CANARY"}]}


OFFERING = an_offering("m", "cloud", "frontier")

TABLE = {
    "anthropic_messages": [
        (messages({"type": "image", "source": {"type": "url", "url": URL}}), "remote_url"),
        (messages({"type": "document", "source": {"type": "file", "file_id": FILE}}), "file_id"),
        (messages(**vendor("web_search_20260209")), "tools.web_search"),
        (messages(**vendor("web_fetch_20260209")), "tools.web_fetch"),
        (messages(**vendor("code_execution_20250825")), "tools.code_execution"),
        (messages(**vendor("computer_20251124")), "tools.computer"),
        (messages(mcp_servers=[{"url": URL}]), "mcp_servers"),
        (messages(container=FILE), "container"),
    ],
    "openai_chat": [
        (messages({"type": "image_url", "image_url": {"url": URL}}), "remote_url"),
        (messages({"type": "image_url", "image_url": {"url": GS}}), "remote_url"),
        (messages({"type": "input_image", "image_url": URL}), "remote_url"),
        (messages({"type": "file", "file": {"file_id": FILE}}), "file_id"),
    ],
    "openai_responses": [
        (responses({"type": "input_image", "image_url": URL}), "remote_url"),
        (responses({"type": "input_file", "file_url": URL}), "remote_url"),
        (responses({"type": "input_file", "file_id": FILE}), "file_id"),
        (responses(tools=[{"type": "mcp", "server_url": URL}]), "tools.mcp"),
    ],
    "gemini": [
        (gemini({"fileData": {"fileUri": GS, "mimeType": "application/pdf"}}), "remote_url"),
        (gemini(cachedContent="cachedContents/CANARY"), "cached_content"),
        (gemini(tools=[{"googleSearch": {"CANARY": 1}}]), "tools.google_search"),
        (gemini(tools=[{"urlContext": {"CANARY": 1}}]), "tools.url_context"),
        (gemini(tools=[{"codeExecution": {"CANARY": 1}}]), "tools.code_execution"),
        (gemini(tools=[{"mcpServers": [{"CANARY": 1}]}]), "tools.mcp_servers"),
    ],
    "bedrock_converse": [
        (converse({"image": {"format": "png", "source": S3}}), "s3_location"),
        (
            converse(toolConfig={"tools": [{"systemTool": {"name": "CANARY"}}]}),
            "system_tool",
        ),
    ],
}
ROWS = [
    pytest.param(dialect, body, name, id=f"{dialect}:{name}:{at}")
    for dialect, rows in TABLE.items()
    for at, (body, name) in enumerate(rows)
]
# Taken out by name, and not refused: Codex offers one with every request.
LOST = ("web_search", "file_search", "code_interpreter", "image_generation", "computer_use_preview")


def asking(dialect, body):
    inside = "model" in body
    return an_envelope(
        body, dialect=dialect, asked="" if inside else "code", streams=None if inside else False
    )


def speaking(dialect) -> Stage:
    """Return a house whose engine outside the premises speaks that dialect alone."""
    able = replace(CLOUD, capabilities=frozenset({"images", "documents", "tools"}))
    catalogue = a_catalogue(able, HOME, tasks={"code": ("opus", "qwen")})
    broken = [ScriptedReply(b"{}", status=500)] * 2
    stage = Stage(a_world(a_fleet(catalogue)), cloud=broken, vllm=broken)
    ways = (Way(dialect=DIALECTS[dialect], path="/said"),)
    stage.house.backends["cloud"] = Backend(name="c", ways=ways, credential=lambda _: ())
    return stage


@pytest.mark.parametrize(("dialect", "body", "name"), ROWS)
async def test_without_the_word_nothing_is_sent_and_nothing_is_repeated(dialect, body, name):
    stage = speaking(dialect)
    others = DIALECTS[dialect].reaching - {name}
    for passed in (frozenset(), others):
        letting(stage, frontier=passed)
        status, _, raw = await stage.ask(asking(dialect, body))
        assert status == 400
        assert b"CANARY" not in raw
        assert stage.sender.sent == []


@pytest.mark.parametrize(("dialect", "body", "name"), ROWS)
async def test_with_the_word_it_goes_as_it_is_to_that_zone_and_the_record_says_so(
    dialect, body, name
):
    stage = speaking(dialect)
    letting(stage, frontier=frozenset({name}))
    await stage.ask(asking(dialect, body))
    assert {zone for zone, _ in stage.sender.sent} == {"frontier"}
    assert b"CANARY" in stage.sender.sent[0][1].body
    decided = stage.ledger.decided[0]
    assert decided.ask.reaches == {name}
    assert {one.reason for one in decided.excluded} == {f"not_passed_{name}"}


@pytest.mark.parametrize(("dialect", "body", "name"), ROWS)
async def test_an_engine_of_another_dialect_has_no_word_for_it(dialect, body, name):
    stage = speaking("anthropic_messages" if dialect != "anthropic_messages" else "openai_chat")
    letting(stage, frontier=frozenset({name}))
    status, _, raw = await stage.ask(asking(dialect, body))
    assert status == 400
    assert b"CANARY" not in raw
    assert stage.sender.sent == []
    assert stage.ledger.settled[0].unable == ("opus@cloud",)


@pytest.mark.parametrize("kind", LOST)
async def test_a_tool_that_openai_runs_is_lost_by_name_without_the_word(kind):
    stage = speaking("openai_responses")
    body = responses(tools=[{"type": kind, "CANARY": 1}])
    await stage.ask(asking("openai_responses", body))
    assert f"tools.{kind}" in stage.ledger.attempted[0].losses
    letting(stage, frontier=frozenset({f"tools.{kind}"}))
    await stage.ask(asking("openai_responses", body))
    first, second = (call.body for zone, call in stage.sender.sent if zone == "frontier")
    assert b"CANARY" not in first
    assert b"CANARY" in second


def test_every_name_that_a_dialect_of_a_row_knows_is_one_that_a_policy_may_say() -> None:
    for dialect, rows in TABLE.items():
        assert {name for _, name in rows} <= DIALECTS[dialect].reaching


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (dialect, body)
        for dialect in ("anthropic_messages", "openai_chat", "openai_responses")
        for body, name in TABLE[dialect]
        if name in {"remote_url", "file_id"}
    ],
)
def test_vllm_fetches_nothing_whatever_policy_says(dialect, body) -> None:
    vllm = BACKENDS["vllm"]
    way = vllm.way(DIALECTS[dialect], "m")
    assert way is not None
    offering = an_offering("m", "vllm", "on_prem")
    *others, last = vllm.quirks
    for quirk in others:
        quirk(body, offering)
    with pytest.raises(CannotExpress):
        last(body, offering)


def test_vllm_takes_data_and_the_arguments_of_a_tool_whatever_they_are_called() -> None:
    data = "data:image/png;base64,AA=="
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"file_id": 1, "image_url": URL}}
    bodies = [
        messages({"type": "image_url", "image_url": {"url": data}}, call),
        responses({"type": "input_image", "image_url": data}),
        messages({"type": "image", "source": {"type": "base64", "data": "AA=="}}),
        {"model": "m", "input": "words"},
    ]
    for body in bodies:
        for quirk in BACKENDS["vllm"].quirks:
            assert quirk(body, an_offering("m", "vllm", "on_prem")) == body


def test_the_bytes_of_a_row_are_json() -> None:
    assert all(msgspec.json.encode(body) for rows in TABLE.values() for body, _ in rows)


def test_a_count_of_a_prompt_lets_pass_what_its_reply_would() -> None:
    count = DIALECTS["openai_input_tokens"]
    for body, name in TABLE["openai_responses"]:
        let = count.letting(frozenset({name}))
        assert let.peek(body).reaches == {name}
        assert "CANARY" in str(let.rewrite(body, OFFERING, False))
        assert let.sheds(body) == ()
