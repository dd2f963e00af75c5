"""What policy obliges to is done to the call, told to the caller, and recorded."""

from typing import Any

import msgspec
import pytest

from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world, demo_with

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
    assert ("policy_notifies", {"record": envelope.id}) in stage.log.lines
    assert ("notice",) in stage.meters.counted
    silent = obliging("no_store")
    await silent.ask(an_envelope(chat()))
    assert ("notice",) not in silent.meters.counted


async def test_as_long_as_nothing_can_redact_the_request_is_refused_and_recorded() -> None:
    stage = obliging("redact")
    status, _, raw = await stage.ask(an_envelope(chat()))
    assert status == 400
    assert b"obliges to redact" in raw
    assert stage.sender.sent == []
    decision = stage.ledger.decided[0].decision
    assert (decision.reason, decision.obligations) == ("cannot_redact", ("redact",))


async def test_what_may_cost_too_much_is_not_asked() -> None:
    stage = obliging(cost_max_microusd=0)
    status, _, _ = await stage.ask(an_envelope(chat()))
    assert status == 200
    assert [call.backend for _, call in stage.sender.sent] == ["vllm"]
    assert {e.offering: e.reason for e in stage.ledger.decided[0].excluded} == {
        "opus@cloud": "cost"
    }


async def test_a_tool_that_a_provider_runs_goes_nowhere_although_the_zone_takes_it_in() -> None:
    stage = obliging("strip_provider_tools")
    world = stage.worlds.world
    passes = {"frontier": frozenset({"tools.web_search"})}
    program = msgspec.structs.replace(world.program, passes=passes)
    stage.worlds.world = msgspec.structs.replace(world, program=program)
    envelope = an_envelope(
        message(tools=[SEARCH]), surface="messages", dialect="anthropic_messages"
    )
    status, _, raw = await stage.ask(envelope)
    assert status == 400
    assert b"not_passed_tools.web_search" in raw
    assert stage.sender.sent == []
