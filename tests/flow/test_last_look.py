"""Between the record of a try and its dial the world may change: then nothing leaves after all."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.audit.record import Attempted
from gateway.domain.obligation import Obligation, costing, passing_only
from gateway.domain.route import Failure, FailureKind, OutcomeKind
from gateway.domain.zone import Evidence
from gateway.flow.ports import World
from gateway.flow.stopping import FLEET_CHANGED, KEY_CHANGED, POLICY_CHANGED, UNGRANTED, _owes_more
from gateway.policy.program import Program
from gateway.routing.plan import ZONE_CLOSED
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_catalogue, a_fleet
from tests.doubles.granted import CountedGrants
from tests.doubles.houses import CATALOGUE, HOME, SPARE, Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world, demo_with
from tests.flow.test_grants import a_waiver, glass

pytestmark = pytest.mark.anyio
Change = Callable[[Stage], None]
Moment = Callable[[Stage, Change, str], None]
RESTRICTED = {"repos": ("payments",)}
CONFIDENTIAL = {"label": "confidential"}
SSE = "text/event-stream"
DENYING = {"id": "n", "effect": "deny", "when": {"any": True}, "reason": "x"}
ANY = {"any": True}
SURFACES = {
    "openai_chat": ("chat_completions", chat),
    "anthropic_messages": ("messages", message),
}


def written(stage: Stage, change: Change, backend: str) -> None:
    """The change comes while the try is being written down."""
    append = stage.ledger.append

    async def slow(records: Any) -> Any:
        receipt = await append(records)
        if any(isinstance(one, Attempted) and one.backend == backend for one, _ in records):
            change(stage)
        return receipt

    stage.ledger.append = slow


def resolved(stage: Stage, change: Change, backend: str) -> None:
    """The change comes while the name of that backend is looked up."""
    stage.sender.resolving = lambda asked: change(stage) if asked == backend else None


MOMENTS: tuple[Moment, ...] = (written, resolved)


def of_world(change: Callable[[World], World]) -> Change:
    def changed(stage: Stage) -> None:
        stage.worlds.world = change(stage.worlds.world)

    return changed


def of_program(change: Callable[[Program], Program]) -> Change:
    return of_world(lambda world: replace(world, program=change(world.program)))


def ruled(*rules: dict[str, Any]) -> Change:
    program = demo_with(*rules).program
    return of_program(lambda _: program)


def shut(world: World) -> World:
    return replace(world, fleet=replace(world.fleet, closed=frozenset({"on_prem", "frontier"})))


def without(*offerings: str) -> Change:
    def fewer(world: World) -> World:
        left = [one for one in world.fleet.catalogue.offerings if one.id not in offerings]
        known = replace(world.fleet.catalogue, offerings=tuple(left))
        return replace(world, fleet=replace(world.fleet, catalogue=known))

    return of_world(fewer)


def lowered(program: Program) -> Program:
    """Every zone clears public alone by now: its facts got narrower."""
    public = replace(next(iter(program.zones.values())).level, rank=0)
    zones = {name: replace(zone, level=public) for name, zone in program.zones.items()}
    return replace(program, zones=zones)


EVERY_CHANGE: dict[str, tuple[Change, str]] = {
    "closed": (of_world(shut), ZONE_CLOSED),
    "denied": (ruled({**DENYING, "zones": ["on_prem", "frontier"]}), POLICY_CHANGED),
    "lowered": (of_program(lowered), POLICY_CHANGED),
    "redacting": (
        ruled({"id": "o", "effect": "oblige", "when": ANY, "obligations": ["redact"]}),
        POLICY_CHANGED,
    ),
    "no_store": (
        ruled({"id": "o", "effect": "oblige", "when": ANY, "obligations": ["no_store"]}),
        POLICY_CHANGED,
    ),
    "asks_keys": (
        ruled({**DENYING, "when": {"key": "other"}, "zones": ["frontier"]}),
        POLICY_CHANGED,
    ),
    "gone": (without(HOME.id, SPARE.id), FLEET_CHANGED),
}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_key_that_says_something_else_by_now_serves_nothing(moment) -> None:
    stage, ended = Stage(), []
    stage.house = replace(stage.house, stands=lambda caller: caller.key_id not in ended)
    stage.exchange = type(stage.exchange)(stage.house)
    moment(stage, lambda _: ended.append("key-pay"), "vllm")
    status, _, said = await stage.ask(an_envelope(caller=RESTRICTED | {"key_id": "key-pay"}))
    assert stage.sender.sent == []
    assert tried(stage) == [KEY_CHANGED]
    assert (status, KEY_CHANGED.encode() in said) == (503, True)


def tried(stage: Stage) -> list[str]:
    return [one.outcome.failure.detail for one in stage.ledger.settled[0].tried]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("dialect", SURFACES)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", EVERY_CHANGE)
async def test_what_is_taken_away_between_the_record_and_the_dial_gets_nothing(
    name, moment, dialect, streams
) -> None:
    change, why = EVERY_CHANGE[name]
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with()))
    moment(stage, change, "vllm")
    surface, body = SURFACES[dialect]
    status, headers, said = await stage.ask(
        an_envelope(body(stream=streams), caller=RESTRICTED, dialect=dialect, surface=surface)
    )
    assert stage.sender.sent == []
    assert tried(stage) == [why]
    assert not stage.ledger.settled[0].tried[0].outcome.failure.sent
    assert stage.health.resting == {}
    assert status == 503
    assert headers["content-type"] == "application/json"
    assert b"changed meanwhile" in said
    assert why.encode() in said
    assert stage.ledger.settled[0].outcome is OutcomeKind.FAILED
    assert (stage.ledger.settled[0].status, stage.ledger.settled[0].zone) == (503, None)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_the_request_goes_on_to_what_is_still_allowed(moment) -> None:
    stage = Stage(vllm_2=[ScriptedReply(engine_bytes.chat_whole())])
    moment(stage, without(HOME.id), "vllm")
    status, _, _ = await stage.ask(an_envelope(caller=RESTRICTED))
    assert (status, [call.backend for _, call in stage.sender.sent]) == (200, ["vllm-2"])
    first, second = stage.ledger.settled[0].tried
    assert (first.number, first.outcome.failure.detail) == (1, FLEET_CHANGED)
    assert (second.number, second.outcome.kind) == (2, OutcomeKind.COMPLETED)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_fallback_is_asked_about_as_well(moment) -> None:
    stage = Stage(
        a_world(a_fleet(CATALOGUE), demo_with()),
        vllm=[Failure(FailureKind.UNREACHABLE, sent=False)],
    )
    moment(stage, ruled({**DENYING, "zones": ["on_prem"]}), "vllm-2")
    status, _, _ = await stage.ask(an_envelope(caller=RESTRICTED))
    assert [call.backend for _, call in stage.sender.sent] == ["vllm"]
    assert tried(stage) == ["", POLICY_CHANGED]
    assert status == 502


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_second_try_at_the_same_engine_is_asked_about_as_well(moment) -> None:
    busy = Failure(FailureKind.OVERLOADED, sent=True, retry_after_s=0)
    world = a_world(a_fleet(a_catalogue(HOME, tasks={"code": ("qwen",)})), demo_with())
    stage = Stage(world, vllm=[busy])
    times: list[str] = []

    def second(stage: Stage) -> None:
        times.append("vllm")
        if len(times) == 2:
            stage.worlds.world = shut(stage.worlds.world)

    moment(stage, second, "vllm")
    await stage.ask(an_envelope(caller=RESTRICTED))
    assert len(stage.sender.sent) == 1
    assert tried(stage) == ["", ZONE_CLOSED]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("grant", [a_waiver(), glass()], ids=lambda one: str(one.kind))
@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_grant_that_ends_between_the_record_and_the_dial_sends_nothing(
    end, grant, moment
) -> None:
    stage = Stage(replace(a_world(a_fleet(CATALOGUE)), grants=(grant,)))
    stage.house = replace(stage.house, grants=CountedGrants())
    stage.exchange = type(stage.exchange)(stage.house)

    def ends(stage: Stage) -> None:
        if end == "revoked":
            stage.worlds.world = replace(stage.worlds.world, grants=())
        else:
            stage.house.clock.pass_ms(3_600_000)

    moment(stage, ends, "cloud")
    status, _, said = await stage.ask(an_envelope(chat("opus"), caller=CONFIDENTIAL))
    assert stage.sender.sent == []
    assert tried(stage) == [UNGRANTED]
    assert (status, b"grant_over" in said) == (503, True)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_evidence_that_ends_at_midnight_counts_at_the_dial(moment) -> None:
    world = a_world(a_fleet(CATALOGUE), demo_with())
    today = date(2026, 11, 21)
    told = Evidence("a page", today - timedelta(days=9), today)
    zones = {name: replace(zone, evidence=told) for name, zone in world.program.zones.items()}
    stage = Stage(replace(world, program=replace(world.program, zones=zones)))
    moment(stage, lambda stage: stage.house.clock.pass_ms(12 * 3_600_000), "vllm")
    await stage.ask(an_envelope(caller={"label": "confidential@EU"}))
    assert stage.sender.sent == []
    assert tried(stage) == [POLICY_CHANGED]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_adv_67_what_opens_meanwhile_is_not_open_to_a_request_under_way(moment) -> None:
    first = demo_with({**DENYING, "zones": ["frontier"]})
    failing = {name: [Failure(FailureKind.UNREACHABLE, sent=False)] for name in ("vllm", "vllm_2")}
    stage = Stage(a_world(a_fleet(CATALOGUE), first), **failing)
    moment(stage, ruled(), "vllm")
    await stage.ask(an_envelope())
    assert [call.backend for _, call in stage.sender.sent] == ["vllm", "vllm-2"]
    assert stage.ledger.decided[0].decision.boundary == {"on_prem"}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_policy_that_says_the_same_stops_nothing(moment) -> None:
    stage = Stage(
        a_world(a_fleet(CATALOGUE), demo_with()), vllm=[ScriptedReply(engine_bytes.chat_whole())]
    )
    moment(stage, of_program(lambda program: replace(program, digest="sha256:other")), "vllm")
    status, _, _ = await stage.ask(an_envelope(caller=RESTRICTED))
    assert status == 200


async def test_a_reply_that_has_begun_keeps_what_it_was_decided_on() -> None:
    world = a_world(a_fleet(CATALOGUE), demo_with())
    denying = ruled({**DENYING, "zones": ["on_prem", "frontier"]})
    stage = Stage(world)
    late = ScriptedReply(
        *engine_bytes.message_events(), content_type=SSE, before_chunk=lambda _: denying(stage)
    )
    stage.sender.answers["vllm"] = [late]
    status, _, said = await stage.ask(
        an_envelope(message(stream=True), caller=RESTRICTED, dialect="anthropic_messages")
    )
    assert (status, said) == (200, b"".join(engine_bytes.message_events()))


def test_what_is_owed_more_by_now() -> None:
    store, review = str(Obligation.NO_STORE), str(Obligation.REQUIRE_REVIEW)
    assert not _owes_more((), ())
    assert not _owes_more((store, review), (store,))
    assert _owes_more((store,), (store, review))
    assert _owes_more((), (costing(5),))
    assert _owes_more((costing(6),), (costing(5),))
    assert not _owes_more((costing(5),), (costing(6),))
    assert not _owes_more((), (passing_only(["store"]),))


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_call_that_was_made_for_another_backend_of_that_name_is_not_sent(moment) -> None:
    def another(stage: Stage) -> None:
        stage.house.backends["vllm"] = replace(stage.house.backends["vllm"])

    stage = Stage(vllm_2=[ScriptedReply(engine_bytes.chat_whole())])
    moment(stage, another, "vllm")
    status, _, _ = await stage.ask(an_envelope(caller=RESTRICTED))
    assert (status, [call.backend for _, call in stage.sender.sent]) == (200, ["vllm-2"])
    assert stage.ledger.settled[0].tried[0].outcome.failure.detail == FLEET_CHANGED


@pytest.mark.parametrize("moment", MOMENTS)
async def test_another_price_stops_nothing_that_is_under_way(moment) -> None:
    def dearer(world: World) -> World:
        offerings = tuple(replace(one, context_tokens=9) for one in world.fleet.catalogue.offerings)
        known = replace(world.fleet.catalogue, offerings=offerings)
        return replace(world, fleet=replace(world.fleet, catalogue=known))

    stage = Stage(vllm=[ScriptedReply(engine_bytes.chat_whole())])
    moment(stage, of_world(dearer), "vllm")
    status, _, _ = await stage.ask(an_envelope(caller=RESTRICTED))
    assert status == 200


@pytest.mark.parametrize("moment", MOMENTS)
async def test_what_may_not_be_passed_any_more_is_not_passed(moment) -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    stage = Stage()
    of_program(lambda one: replace(one, passes={"frontier": frozenset({"tools.web_search"})}))(
        stage
    )
    moment(stage, of_program(lambda one: replace(one, passes={})), "cloud")
    await stage.ask(
        an_envelope(message(tools=[search]), surface="messages", dialect="anthropic_messages")
    )
    assert stage.sender.sent == []
    assert tried(stage) == [POLICY_CHANGED]
