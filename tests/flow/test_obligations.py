"""What policy obliges to is done to the call, told to the caller, and recorded."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from gateway.cli.mock_backend import anthropic
from gateway.dialects import DIALECTS
from gateway.domain.decision import Effect
from gateway.domain.errors import Denied
from gateway.domain.request import Ask, Envelope
from gateway.flow.exchange import Exchange
from gateway.flow.stripping import reached, stripped
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world, demo_with
from tests.flow.test_texts import Shelf

pytestmark = pytest.mark.anyio

CHAT = ScriptedReply(
    b'{"id":"c","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)
SEARCH = {"type": "web_search_20260209", "name": "web_search"}


def obliging(*obligations: str, **more: Any) -> Stage:
    said = {"obligations": list(obligations)} if obligations else {}
    rule = {"id": "duty", "effect": "oblige", "when": {"any": True}, **said, **more}
    world = a_world(a_fleet(CATALOGUE), demo_with(rule))
    return Stage(world, cloud=[CHAT], vllm=[CHAT])


def sent(stage: Stage) -> dict[str, Any]:
    ((_, call),) = stage.sender.sent
    return msgspec.json.decode(call.body)


@pytest.mark.parametrize("store", [{}, {"store": True}], ids=["unsaid", "asked"])
async def test_an_engine_is_told_to_keep_nothing_whatever_the_client_asked(
    store: dict[str, bool],
) -> None:
    stage = obliging("no_store")
    status, headers, _ = await stage.ask(an_envelope(chat(**store)))
    assert status == 200
    assert sent(stage)["store"] is False
    assert "x-perimeter-obligations" not in headers
    assert stage.ledger.decided[0].decision.obligations == ("no_store",)


async def test_without_the_obligation_nothing_is_said_of_keeping() -> None:
    stage = obliging("notify")
    await stage.ask(an_envelope(chat()))
    assert "store" not in sent(stage)


async def test_a_dialect_without_a_word_for_keeping_is_left_as_it_is() -> None:
    stage = obliging("no_store")
    await stage.ask(an_envelope(message(), surface="messages", dialect="anthropic_messages"))
    assert stage.sender.sent
    assert all(b'"store"' not in call.body for _, call in stage.sender.sent)


async def test_a_review_is_asked_for_in_a_header_and_in_the_record() -> None:
    stage = obliging("require_review", "no_store")
    _, headers, _ = await stage.ask(an_envelope(chat()))
    assert headers["x-perimeter-obligations"] == "require_review"
    assert "require_review" in stage.ledger.decided[0].decision.obligations


async def test_policy_is_heard_in_the_log_and_in_a_count() -> None:
    stage = obliging("notify")
    envelope = an_envelope(chat())
    await stage.ask(envelope)
    told = {"record": envelope.id, "rules": ("duty",)}
    assert ("policy_notifies", told) in stage.log.lines
    assert ("notice",) in stage.meters.counted
    silent = obliging("no_store")
    await silent.ask(an_envelope(chat()))
    assert ("notice",) not in silent.meters.counted


async def test_the_line_names_every_rule_that_wants_to_be_told_of_and_no_other() -> None:
    rules = [
        {"id": name, "effect": "oblige", "when": when, "obligations": [word]}
        for name, when, word in (
            ("b-told", {"any": True}, "notify"),
            ("a-told", {"level_max": "restricted"}, "notify"),
            ("kept", {"any": True}, "no_store"),
            ("other", {"team": "nobody-at-all"}, "notify"),
        )
    ]
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with(*rules)), cloud=[CHAT], vllm=[CHAT])
    assert (await stage.ask(an_envelope(chat())))[0] == 200
    [(event, fields)] = stage.log.lines
    assert (event, fields["rules"]) == ("policy_notifies", ("a-told", "b-told"))


async def test_where_nothing_is_found_nothing_is_redacted() -> None:
    stage = obliging("redact")
    status, _, _ = await stage.ask(an_envelope(chat()))
    assert status == 200
    decided = stage.ledger.decided[0]
    assert (decided.decision.effect, decided.decision.obligations) == (Effect.PERMIT, ("redact",))
    assert decided.redaction.decision.reason == "redact_first"
    assert decided.redaction.replaced is UNSET


async def test_what_may_cost_too_much_is_not_asked() -> None:
    stage = obliging(cost_max_microusd=0)
    status, _, _ = await stage.ask(an_envelope(chat()))
    assert status == 200
    assert [call.backend for _, call in stage.sender.sent] == ["vllm"]
    assert {e.offering: e.reason for e in stage.ledger.decided[0].excluded} == {
        "opus@cloud": "cost"
    }


CLOUDY = ScriptedReply(anthropic.whole(engine_bytes.a_script()))
MINE = {"name": "look", "input_schema": {"type": "object"}}


def searching(*tools: dict[str, Any], **more: Any) -> tuple[Stage, Envelope]:
    """A request with tools that the zone would take in, under the obligation to strip them."""
    stage = obliging("strip_provider_tools")
    stage.sender.answers["cloud"] = [CLOUDY]
    world = stage.worlds.world
    passes = {"frontier": frozenset({"tools.web_search", "mcp_servers"})}
    program = msgspec.structs.replace(world.program, passes=passes)
    stage.worlds.world = msgspec.structs.replace(world, program=program)
    body = message(tools=list(tools), **more)
    return stage, an_envelope(body, surface="messages", dialect="anthropic_messages")


async def test_tools_that_a_provider_runs_are_taken_out_by_name() -> None:
    servers = [{"type": "url", "url": "https://tools.example.com", "name": "tools"}]
    stage, envelope = searching(SEARCH, MINE, mcp_servers=servers, tool_choice={"type": "auto"})
    status, headers, raw = await stage.ask(envelope)
    assert status == 200, raw
    assert sent(stage)["tools"] == [MINE]
    assert "mcp_servers" not in sent(stage)
    assert headers["x-perimeter-lost"].split(", ") == ["mcp_servers", "tools.web_search"]
    assert stage.ledger.attempted[0].losses == ("mcp_servers", "tools.web_search")
    assert stage.ledger.decided[0].ask.reaches is UNSET
    assert envelope.body["tools"] == [SEARCH, MINE]


async def test_without_a_tool_that_is_left_none_is_spoken_of() -> None:
    stage, envelope = searching(SEARCH, tool_choice={"type": "auto"})
    assert (await stage.ask(envelope))[0] == 200
    assert not {"tools", "tool_choice"} & sent(stage).keys()


@pytest.mark.parametrize("tools", [(SEARCH,), (SEARCH, MINE)], ids=["alone", "beside another"])
async def test_a_tool_that_is_demanded_stays_and_nothing_leaves(tools: Any) -> None:
    stage, envelope = searching(*tools, tool_choice={"type": "tool", "name": "web_search"})
    status, _, raw = await stage.ask(envelope)
    assert status == 400
    assert b"Policy takes out the tools that a provider runs" in raw
    assert stage.sender.sent == []
    assert stage.ledger.decided[0].decision.effect is Effect.REFUSED


async def test_another_tool_may_be_demanded() -> None:
    stage, envelope = searching(SEARCH, MINE, tool_choice={"type": "tool", "name": "look"})
    assert (await stage.ask(envelope))[0] == 200
    assert sent(stage)["tools"] == [MINE]


async def test_that_no_body_is_kept_stands_in_the_record() -> None:
    stage = obliging("no_log_bodies")
    assert (await stage.ask(an_envelope(chat())))[0] == 200
    assert stage.ledger.decided[0].decision.obligations == ("no_log_bodies",)


@pytest.mark.parametrize("duty", ["no_log_bodies", "notify"])
async def test_where_bodies_are_kept_those_of_such_a_request_are_not(duty: str) -> None:
    stage, shelf = obliging(duty), Shelf()
    stage.exchange = Exchange(msgspec.structs.replace(stage.house, bodies=shelf))
    envelope = msgspec.structs.replace(an_envelope(chat()), raw=b"{}", body_bytes=2)
    assert (await stage.ask(envelope))[0] == 200
    kept = duty != "no_log_bodies"
    assert [kind for kind, _, _ in shelf.kept] == (["Decided"] if kept else [])
    assert (stage.ledger.decided[0].body == "no_log_bodies") != kept


@pytest.mark.parametrize("only", [["metadata"], ["remote_url"], []], ids=["one", "other", "none"])
async def test_of_what_may_pass_by_name_only_what_is_named_does(only: list[str]) -> None:
    stage = obliging(passes_only=only)
    world = stage.worlds.world
    passes = {"frontier": frozenset({"metadata", "user"})}
    program = msgspec.structs.replace(world.program, passes=passes)
    stage.worlds.world = msgspec.structs.replace(world, program=program)
    status, headers, raw = await stage.ask(an_envelope(chat(metadata={"a": "b"}, user="u")))
    assert status == 200, raw
    assert {"metadata", "user"} & sent(stage).keys() == set(only) & {"metadata"}
    lost = {"metadata", "user"} - set(only)
    assert set(headers["x-perimeter-lost"].split(", ")) == lost
    assert stage.ledger.decided[0].decision.obligations == (f"passes_only:{','.join(only)}",)


async def test_a_search_that_a_field_asks_for_is_taken_out_as_well() -> None:
    stage = obliging("strip_provider_tools")
    world = stage.worlds.world
    passes = {"frontier": frozenset({"web_search_options"})}
    program = msgspec.structs.replace(world.program, passes=passes)
    stage.worlds.world = msgspec.structs.replace(world, program=program)
    status, headers, raw = await stage.ask(an_envelope(chat(web_search_options={})))
    assert status == 200, raw
    assert "web_search_options" not in sent(stage)
    assert headers["x-perimeter-lost"] == "web_search_options"


CONVERSE_TOOLS = [{"systemTool": {"name": "nova_grounding"}}, {"toolSpec": {"name": "look"}}]


@pytest.mark.parametrize(
    ("tools", "choice", "refuses"),
    [
        (CONVERSE_TOOLS[:1], {"any": {}}, True),
        (CONVERSE_TOOLS[:1], {"auto": {}}, False),
        (CONVERSE_TOOLS, {"tool": {"name": "nova_grounding"}}, True),
        (CONVERSE_TOOLS, {"tool": {"name": "look"}}, False),
        (CONVERSE_TOOLS, {"any": {}}, False),
    ],
)
def test_a_tool_that_converse_demands_is_known_in_its_own_form(
    tools: list[Any], choice: dict[str, Any], refuses: bool
) -> None:
    def peek(body: dict[str, Any]) -> Ask:
        listed = body.get("toolConfig", {}).get("tools", [])
        runs = any("systemTool" in tool for tool in listed)
        return Ask("m", reaches=frozenset({"system_tool"}) if runs else UNSET)

    body = {"toolConfig": {"tools": tools, "toolChoice": choice}}
    if refuses:
        with pytest.raises(Denied):
            stripped(body, peek)
        return
    kept, lost = stripped(body, peek)
    assert lost == ("system_tool",)
    assert kept.get("toolConfig", {}).get("tools", []) == tools[1:]


SHAPES = {
    "openai_responses": (
        {
            "model": "code",
            "input": "hi",
            "tools": [{"type": "mcp", "server_label": "x", "server_url": "https://x.example"}],
        },
        {"tools.mcp"},
    ),
    "gemini": (
        {
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "tools": [{"googleSearch": {}, "functionDeclarations": [{"name": "look"}]}],
        },
        {"tools.google_search"},
    ),
    "bedrock_converse": (
        {
            "messages": [{"role": "user", "content": [{"text": "hi"}]}],
            "toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]},
        },
        {"system_tool"},
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_dialect_that_has_such_tools_loses_them(name: str) -> None:
    body, wanted = SHAPES[name]
    dialect = DIALECTS[name]
    speaking = dialect.letting(dialect.reaching)
    assert reached(speaking.peek(body)) == wanted
    kept, lost = stripped(body, speaking.peek)
    assert set(lost) == wanted
    assert not reached(speaking.peek(kept))
    if name == "gemini":
        assert kept["tools"] == [{"functionDeclarations": [{"name": "look"}]}]
    else:
        assert not {"tools", "toolConfig"} & kept.keys()
