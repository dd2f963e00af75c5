"""What identifies, and what makes a provider act, crosses a border only by policy's word."""

import msgspec
import pytest

from gateway.backends import BACKENDS
from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT
from gateway.domain.fleet import Fleet
from gateway.domain.request import Operation
from gateway.flow.abilities import operations
from gateway.transport.backend import Way
from tests.doubles.houses import CATALOGUE, VLLM, Stage, an_envelope, message
from tests.doubles.scripted_sender import ScriptedReply

pytestmark = pytest.mark.anyio

SEARCH = {"type": "web_search_20260209", "name": "web_search"}
ANSWER = ScriptedReply(
    b'{"type":"message","role":"assistant","id":"m","model":"x","content":'
    b'[{"type":"text","text":"hi"}],"stop_reason":"end_turn",'
    b'"usage":{"input_tokens":1,"output_tokens":1}}'
)


def letting(stage: Stage, **passes: frozenset[str]) -> None:
    world = stage.worlds.world
    program = msgspec.structs.replace(world.program, passes=passes)
    stage.worlds.world = msgspec.structs.replace(world, program=program)


def asked(**more):
    return an_envelope(message(**more), surface="messages", dialect="anthropic_messages")


async def test_a_tool_that_a_provider_runs_is_refused_without_policys_word() -> None:
    stage = Stage(cloud=[ANSWER])
    status, _, raw = await stage.ask(asked(tools=[SEARCH]))
    assert status == 400
    assert b"web_search" in raw
    assert stage.sender.sent == []


async def test_it_passes_to_the_zone_that_takes_it_in_and_to_no_other() -> None:
    stage = Stage(cloud=[ANSWER], vllm=[ANSWER])
    letting(stage, frontier=frozenset({"tools.web_search"}))
    status, _, _ = await stage.ask(asked(tools=[SEARCH]))
    assert status == 200
    ((_, call),) = stage.sender.sent
    assert call.backend == "cloud"
    assert msgspec.json.decode(call.body)["tools"] == [SEARCH]
    decided = stage.ledger.decided[0]
    assert {e.reason for e in decided.excluded} == {"not_passed_tools.web_search"}
    assert decided.ask.reaches == {"tools.web_search"}


async def test_a_restricted_caller_gets_no_such_tool_whatever_passes() -> None:
    stage = Stage(cloud=[ANSWER], vllm=[ANSWER])
    letting(stage, frontier=frozenset({"tools.web_search"}))
    envelope = an_envelope(
        message(tools=[SEARCH]),
        surface="messages",
        dialect="anthropic_messages",
        caller={"label": "restricted"},
    )
    status, _, _ = await stage.ask(envelope)
    assert status == 400
    assert stage.sender.sent == []


async def test_a_field_that_identifies_stays_unless_policy_names_it() -> None:
    stage = Stage(cloud=[ANSWER, ANSWER])
    body = {"metadata": {"user_id": "ada"}, "zeta": 1}
    _, headers, _ = await stage.ask(asked(**body))
    assert headers["x-perimeter-lost"] == "metadata, unknown_field"
    letting(stage, frontier=frozenset({"metadata", "zeta"}))
    _, headers, _ = await stage.ask(asked(**body))
    assert headers["x-perimeter-lost"] == "unknown_field"
    first, second = (msgspec.json.decode(call.body) for _, call in stage.sender.sent)
    assert "metadata" not in first
    assert second["metadata"] == body["metadata"]
    assert "zeta" not in second


async def test_a_count_goes_where_the_prompt_may_go_and_where_somebody_counts() -> None:
    stage = Stage(cloud=[ScriptedReply(b'{"input_tokens": 3}')])
    world = stage.worlds.world
    counts = {"opus@cloud": frozenset({Operation.COUNT})}
    fleet = Fleet(world.fleet.catalogue, operations=counts)
    stage.worlds.world = msgspec.structs.replace(world, fleet=fleet)
    kind = msgspec.structs.replace(
        VLLM,
        ways=(
            *VLLM.ways,
            Way(dialect=ANTHROPIC_COUNT, path="/v1/messages/count_tokens"),
        ),
    )
    stage.house.backends["cloud"] = kind
    body = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
    envelope = an_envelope(body, surface="count_tokens", dialect="anthropic_count")
    status, _, raw = await stage.ask(envelope)
    assert (status, raw) == (200, b'{"input_tokens": 3}')
    assert stage.sender.sent[0][1].path == "/v1/messages/count_tokens"
    assert stage.ledger.settled[0].usage is None
    restricted = an_envelope(
        body, surface="count_tokens", dialect="anthropic_count", caller={"label": "restricted"}
    )
    status, _, _ = await stage.ask(restricted)
    assert status == 400
    assert len(stage.sender.sent) == 1


async def test_an_engine_without_such_a_way_is_never_asked() -> None:
    stage = Stage(cloud=[ANSWER])
    counts = {"opus@cloud": frozenset({Operation.COUNT})}
    world = stage.worlds.world
    fleet = Fleet(world.fleet.catalogue, operations=counts)
    stage.worlds.world = msgspec.structs.replace(world, fleet=fleet)
    body = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
    status, _, _ = await stage.ask(an_envelope(body, dialect="anthropic_count"))
    assert status == 400
    assert stage.sender.sent == []


async def test_the_path_says_the_model_and_the_stream_where_the_body_does_not() -> None:
    stage = Stage(cloud=[ANSWER])
    envelope = an_envelope(
        message("unknown", stream=True),
        dialect="anthropic_messages",
        asked="code",
        streams=False,
    )
    status, headers, _ = await stage.ask(envelope)
    assert (status, headers["content-type"]) == (200, "application/json")
    sent = msgspec.json.decode(stage.sender.sent[0][1].body)
    assert sent["stream"] is False
    assert stage.ledger.decided[0].ask.model == "code"


def test_what_an_engine_does_is_told_by_its_ways() -> None:
    found = operations(CATALOGUE, {"vllm": VLLM})
    assert found == {"qwen@vllm": frozenset({Operation.GENERATE})}


async def test_adv_45_an_engine_gets_the_fields_that_it_takes_and_the_salt_of_its_tenant() -> None:
    stage = Stage(vllm=[ANSWER])
    stage.house.backends["vllm"] = BACKENDS["vllm"]
    house = msgspec.structs.replace(stage.house, tenant_of=lambda team: f"keyed:{team}")
    body = message("qwen", zeta=1, speed="fast", priority=None, metadata={"user_id": "u"})
    envelope = an_envelope(body, dialect="anthropic_messages", caller={"label": "restricted"})
    reply = await type(stage.exchange)(house).exchange(envelope)
    assert dict(reply.headers)["x-perimeter-lost"] == "unknown_field, speed"
    sent = msgspec.json.decode(stage.sender.sent[0][1].body)
    assert sent["cache_salt"] == "keyed:team"
    assert sent["metadata"] == {"user_id": "u"}
    assert not {"zeta", "speed", "priority"} & sent.keys()
    await stage.background.drain(5)
