"""What a body makes a provider fetch, keep, run or tell: refused, or left out by name."""

from typing import Any

import msgspec
import pytest

from gateway.audit import canonical
from tests.doubles.outside import held_in, told_outside
from tests.flow.test_adversaries_surfaces import BODIES
from tests.flow.test_references import ROWS, asking, converse, gemini, messages, responses, speaking

pytestmark = pytest.mark.anyio
PRESIGNED = (
    "https://internal.s3.eu-central-1.amazonaws.com/CANARY.pdf"
    "?X-Amz-Credential=AKIACANARY&X-Amz-Signature=CANARY"
)


def rows(*names: str) -> Any:
    found = [row for row in ROWS if row.values[2].startswith(names)]
    assert len({row.values[0] for row in found}) >= 2
    return pytest.mark.parametrize(("dialect", "body", "name"), found)


async def refused(dialect: str, body: dict[str, Any]) -> None:
    """Nothing is sent, and neither answer, record nor log repeats what was asked."""
    stage = speaking(dialect)
    status, _, raw = await stage.ask(asking(dialect, body))
    assert (status, stage.sender.sent) == (400, [])
    told = [raw, *map(canonical.encode, stage.ledger.records), repr(stage.log.lines).encode()]
    assert not [one for one in told if b"CANARY" in one]
    assert len(stage.ledger.decided) == len(stage.ledger.settled) == 1


async def sent(dialect: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return what an engine outside the premises is told of a body in its own dialect."""
    stage = speaking(dialect)
    await stage.ask(asking(dialect, body))
    return msgspec.json.decode(stage.sender.sent[0][1].body)


@rows("remote_url", "s3_location")
async def test_adv_21_a_place_that_a_provider_would_fetch_is_refused(dialect, body, name) -> None:
    await refused(dialect, body)


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai_chat", messages({"type": "image_url", "image_url": {"url": PRESIGNED}})),
        ("openai_responses", responses({"type": "input_file", "file_url": PRESIGNED})),
        (
            "anthropic_messages",
            messages({"type": "document", "source": {"type": "url", "url": PRESIGNED}}),
        ),
        ("gemini", gemini({"fileData": {"fileUri": PRESIGNED, "mimeType": "application/pdf"}})),
        (
            "bedrock_converse",
            converse(
                {
                    "document": {
                        "format": "pdf",
                        "name": "a",
                        "source": {"s3Location": {"uri": PRESIGNED}},
                    }
                }
            ),
        ),
    ],
)
async def test_adv_21_an_address_that_is_a_capability_is_repeated_nowhere(dialect, body) -> None:
    await refused(dialect, body)


@rows("file_id", "cached_content", "container")
async def test_adv_22_what_was_uploaded_elsewhere_is_refused(dialect, body, name) -> None:
    await refused(dialect, body)


async def test_adv_22_a_store_of_vectors_is_left_out_by_name() -> None:
    tool = {"type": "file_search", "vector_store_ids": ["vs_CANARY"]}
    stage = speaking("openai_responses")
    await stage.ask(asking("openai_responses", responses(tools=[tool])))
    assert b"CANARY" not in stage.sender.sent[0][1].body
    assert "tools.file_search" in stage.ledger.attempted[0].losses


@pytest.mark.parametrize(
    "more",
    [
        {"previous_response_id": "resp_CANARY"},
        {"conversation": "conv_CANARY"},
        {"conversation": {"id": "conv_CANARY"}},
        {"prompt": {"id": "pmpt_CANARY"}},
    ],
)
@pytest.mark.parametrize("dialect", ["openai_responses", "openai_input_tokens"])
async def test_adv_23_turns_that_a_provider_keeps_are_not_taken_up(dialect, more) -> None:
    await refused(dialect, responses(**more))


async def test_adv_23_an_item_that_stands_elsewhere_is_never_sent() -> None:
    body = responses()
    body["input"].append({"type": "item_reference", "id": "rs_CANARY"})
    stage = speaking("openai_responses")
    await stage.ask(asking("openai_responses", body))
    assert not [call for _, call in stage.sender.sent if b"CANARY" in call.body]


@pytest.mark.parametrize("more", [{}, {"store": True}, {"store": None}])
async def test_adv_24_no_response_is_stored(more) -> None:
    assert (await sent("openai_responses", responses(**more)))["store"] is False
    assert not (await sent("openai_chat", messages(**more))).get("store")


@pytest.mark.parametrize(
    "more",
    [
        {"background": True},
        {"webhook_url": "https://a.example/CANARY"},
        {"webhook": {"url": "https://a.example/CANARY"}},
        {"webhooks": ["https://a.example/CANARY"]},
    ],
)
async def test_adv_25_a_reply_goes_to_nobody_but_the_caller(more) -> None:
    await refused("openai_responses", responses(**more))


@pytest.mark.parametrize("dialect", BODIES)
async def test_adv_25_an_address_for_replies_reaches_no_engine_outside(dialect: str) -> None:
    hooks = {"webhook_url": "https://a.example/CANARY", "callback": "https://a.example/CANARY"}
    for call in await told_outside(dialect, BODIES[dialect]("hello") | hooks):
        assert not held_in(call, "CANARY")


@rows("tools.", "system_tool")
async def test_adv_26_a_tool_that_a_provider_runs_is_refused(dialect, body, name) -> None:
    await refused(dialect, body)


@pytest.mark.parametrize(
    "kind",
    ["web_search", "web_search_preview", "file_search", "code_interpreter", "x_search", "shell"],
)
async def test_adv_26_a_tool_that_openai_runs_does_not_go_along(kind: str) -> None:
    stage = speaking("openai_responses")
    body = responses(tools=[{"type": kind, "CANARY": 1}])
    await stage.ask(asking("openai_responses", body))
    assert not [call for _, call in stage.sender.sent if b"CANARY" in call.body]


async def test_adv_26_a_search_of_chat_does_not_go_along() -> None:
    told = await sent("openai_chat", messages(web_search_options={"user_location": "CANARY"}))
    assert "web_search_options" not in told


@rows("mcp_servers", "tools.mcp")
async def test_adv_27_a_server_of_tools_is_refused(dialect, body, name) -> None:
    await refused(dialect, body)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "mcp", "server_url": "https://a.example", "authorization": "CANARY"},
        {"type": "mcp", "connector_id": "connector_gmail", "authorization": "CANARY"},
    ],
)
async def test_adv_27_a_token_of_a_connector_is_repeated_nowhere(tool) -> None:
    await refused("openai_responses", responses(tools=[{**tool, "server_label": "a"}]))


# What chooses another provider, model, region or price; the gateway alone chooses.
CHOOSING: dict[str, Any] = {
    "extra_body": {"provider": "CANARY"},
    "provider": {"order": ["CANARY"], "allow_fallbacks": True},
    "models": ["CANARY"],
    "fallbacks": ["CANARY"],
    "route": "CANARY",
    "transforms": ["CANARY"],
    "service_tier": "CANARY",
    "prompt_cache_retention": "CANARY",
    "serviceTier": {"type": "CANARY"},
    "speed": "CANARY",
    "performanceConfig": {"latency": "CANARY"},
    "inference_geo": "CANARY",
    "anthropic_beta": ["CANARY-2026-01-01"],
    "additionalModelRequestFields": {"inference_geo": "CANARY"},
    "requestMetadata": {"CANARY": "CANARY"},
    "guardrailConfig": {"guardrailIdentifier": "CANARY"},
    "base_url": "https://CANARY.example",
    "api_base": "https://CANARY.example",
    "api_key": "CANARY",
    "region": "CANARY",
    "location": "CANARY",
}


@pytest.mark.parametrize("field", CHOOSING)
@pytest.mark.parametrize("dialect", BODIES)
async def test_adv_28_no_field_chooses_for_the_gateway(dialect: str, field: str) -> None:
    body = BODIES[dialect]("hello") | {field: CHOOSING[field]}
    for call in await told_outside(dialect, body):
        assert not held_in(call, "CANARY")


@pytest.mark.parametrize("dialect", BODIES)
async def test_adv_28_no_header_chooses_for_the_gateway(dialect: str) -> None:
    told = {
        "anthropic-beta": "context-1m-CANARY",
        "x-vertex-ai-llm-request-type": "CANARY",
        "openai-organization": "CANARY",
        "x-amzn-bedrock-performanceconfig-latency": "CANARY",
    }
    for call in await told_outside(dialect, BODIES[dialect]("hello"), told=told):
        assert not held_in(call, "CANARY")


@pytest.mark.parametrize("dialect", BODIES)
async def test_what_is_plain_reaches_an_engine_outside(dialect: str) -> None:
    """What holds of every call outside is shown by calls: each surface has some."""
    assert await told_outside(dialect, BODIES[dialect]("hello"))
