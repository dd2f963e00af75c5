"""Waivers and broken glass on a request's way: the last resort, counted, visible, taken back."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.domain.decision import Finding, Scan
from gateway.domain.route import Failure, FailureKind
from gateway.domain.vocabulary import Vocabulary
from gateway.flow.comparing import _granted
from gateway.flow.replay import replay
from tests.doubles.fleets import a_fleet
from tests.doubles.granted import CountedGrants, a_grant, broken_glass
from tests.doubles.houses import CATALOGUE, CLOUD, Stage, an_envelope, chat
from tests.doubles.records import a_decided
from tests.doubles.worlds import a_world, demo_policy
from tests.flow.test_replay import a_store
from tests.flow.test_replay import a_world as a_stored_world

pytestmark = pytest.mark.anyio
REFUSED = Failure(FailureKind.UNREACHABLE, sent=False)
CONFIDENTIAL = demo_policy().vocabulary.parse("confidential")
INTERNAL = demo_policy().vocabulary.parse("internal")
CALLER = {"label": "confidential"}
TURN = "What does the ledger of payments hold, and who may read it? " * 6


def a_waiver(name: str = "waiver", **changed: Any):
    said = {"zone": "frontier", "label": CONFIDENTIAL, "treated_as": INTERNAL, **changed}
    now = Stage().house.clock.now()
    times = {"begins": now - timedelta(hours=1), "until": now + timedelta(hours=1)}
    return a_grant(name, **(times | said))


def glass(name: str = "glass", **changed: Any):
    said = {"zone": "frontier", "label": CONFIDENTIAL, **changed}
    now = Stage().house.clock.now()
    times = {"begins": now - timedelta(hours=1), "until": now + timedelta(hours=1)}
    return broken_glass(name, **(times | said))


def staged(*grants, **more: Any) -> Stage:
    stage = Stage(replace(a_world(a_fleet(CATALOGUE)), grants=grants), **more)
    stage.grants = CountedGrants()
    stage.house = replace(stage.house, grants=stage.grants)
    stage.exchange = type(stage.exchange)(stage.house)
    return stage


async def asked(stage: Stage, model: str = "opus", **changed: Any) -> list[str]:
    before = len(stage.sender.sent)
    await stage.ask(an_envelope(chat(model), **({"caller": CALLER} | changed)))
    return [call.backend for _, call in stage.sender.sent[before:]]


@pytest.mark.parametrize("grant", [a_waiver(), glass()])
async def test_a_grant_answers_what_nothing_else_may(grant) -> None:
    assert await asked(staged()) == []
    stage = staged(grant)
    assert await asked(stage) == ["cloud"]
    record = stage.ledger.decided[-1]
    assert record.granted == grant
    assert grant.word in record.decision.because
    assert str(record.label) == "confidential"
    assert stage.grants.uses == {grant.id: [record.id]}
    assert stage.grants.recorded_ids == [record.id]


async def test_a_grant_is_the_last_resort() -> None:
    stage = staged(a_waiver(), glass())
    assert await asked(stage, "code") == ["vllm"]
    assert stage.ledger.decided[-1].granted is UNSET
    assert stage.grants.uses == {}


async def test_a_failure_at_home_is_no_reason_to_go_elsewhere() -> None:
    stage = staged(a_waiver(), vllm=[REFUSED], **{"vllm-2": [REFUSED]})
    assert await asked(stage, "code") == ["vllm", "vllm-2"]
    assert stage.grants.uses == {}


async def test_waivers_are_asked_before_glass_and_one_alone_is_used() -> None:
    other = a_waiver("other", team="others")
    stage = staged(other, a_waiver(), glass())
    assert await asked(stage) == ["cloud"]
    assert stage.grants.uses.keys() == {"waiver"}


async def test_adv_11_exhausted_uses_grant_nothing_even_to_requests_at_the_same_time() -> None:
    stage = staged(a_waiver(uses_max=1))
    assert await asked(stage) == ["cloud"]
    assert await asked(stage) == []
    assert stage.ledger.decided[-1].granted is UNSET
    stage.worlds.world = replace(stage.worlds.world, spent=frozenset({"waiver"}))
    assert await asked(stage) == []


async def test_the_next_grant_takes_over_when_one_is_spent() -> None:
    stage = staged(a_waiver(uses_max=1), glass())
    assert await asked(stage) == ["cloud"]
    assert await asked(stage) == ["cloud"]
    assert stage.grants.uses.keys() == {"waiver", "glass"}


@pytest.mark.parametrize("change", ["revoked", "over"])
async def test_a_grant_taken_back_in_the_middle_ends_the_tries(change: str) -> None:
    second = replace(CLOUD, id="opus@second", backend="vllm-2")
    world = a_world(a_fleet(replace(CATALOGUE, offerings=(*CATALOGUE.offerings, second))))
    for changes in (False, True):
        stage = staged(a_waiver(), cloud=[REFUSED])
        stage.worlds.world = replace(world, grants=stage.worlds.world.grants)

        def rest(_backend: str, _reason: str, stage: Stage = stage, on: bool = changes) -> None:
            if on and change == "revoked":
                stage.worlds.world = replace(stage.worlds.world, grants=())
            elif on:
                stage.house.clock.pass_ms(2 * 3_600_000)

        stage.health.rest = rest
        assert await asked(stage) == (["cloud"] if changes else ["cloud", "vllm-2"])


@pytest.mark.parametrize("grant", [a_waiver(), glass()])
async def test_a_closed_zone_is_opened_by_no_grant(grant) -> None:
    fleet = a_fleet(CATALOGUE)
    stage = staged(grant)
    shut = replace(fleet, closed=frozenset({"frontier"}))
    stage.worlds.world = replace(stage.worlds.world, fleet=shut)
    assert await asked(stage) == []
    assert stage.grants.uses == {}


@pytest.mark.parametrize("grant", [a_waiver(), glass()])
async def test_a_grant_is_for_the_key_that_was_signed(grant) -> None:
    stage = staged(replace(grant, key="key-1"))
    assert await asked(stage) == ["cloud"]
    assert stage.ledger.decided[-1].facts.key == "key-1"
    assert await asked(staged(replace(grant, key="key-2"))) == []


@pytest.mark.parametrize("grant", [a_waiver(), glass()])
async def test_a_key_that_may_not_goes_nowhere_by_a_grant(grant) -> None:
    from gateway.domain.caller import Allowance

    stage = staged(grant)
    limited = CALLER | {"allowance": Allowance(zones=frozenset({"on_prem"}))}
    assert await asked(stage, caller=limited) == []
    low = CALLER | {"allowance": Allowance(clearances=("internal",))}
    assert await asked(stage, caller=low) == []
    assert stage.grants.uses == {}


async def test_a_finding_above_the_waived_label_is_not_served() -> None:
    stage = staged(a_waiver())
    stage.scanner.found = Scan((Finding("secrets", "aws", "/x", 0, 9),))
    assert await asked(stage) == []


async def test_adv_08_a_later_turn_remembers_the_label_and_not_what_it_was_treated_as() -> None:
    stage = staged(a_waiver(uses_max=1))
    turn = {"role": "user", "content": TURN}
    await stage.ask(an_envelope(chat("opus", messages=[turn]), caller=CALLER))
    assert len(stage.sender.sent) == 1
    turns = [turn, {"role": "assistant", "content": "x"}, {"role": "user", "content": "more"}]
    await stage.ask(an_envelope(chat("opus", messages=turns)))
    assert str(stage.ledger.decided[-1].label) == "confidential"
    assert len(stage.sender.sent) == 1


@pytest.mark.parametrize("grant", [a_waiver(), glass()])
async def test_a_decision_with_a_grant_is_made_again_from_its_record(grant) -> None:
    store = a_store()
    world = a_stored_world(store)
    policy = world.vocabulary
    stage = staged()
    ready = replace(
        grant,
        zone="frontier",
        label=policy.parse("confidential"),
        begins=stage.house.clock.now() - timedelta(hours=1),
        until=stage.house.clock.now() + timedelta(hours=1),
    )
    stage.worlds.world = replace(world, grants=(ready,))
    await stage.ask(an_envelope(chat("claude-opus"), caller={"label": "confidential"}))
    record = stage.ledger.decided[-1]
    assert record.granted == ready, record.excluded
    again = canonical.decode(canonical.encode(record))
    assert again == record
    assert replay(again, store.__getitem__) == ()
    without = replay(replace(again, granted=UNSET), store.__getitem__)
    assert any(line.startswith("boundary") for line in without)


def test_another_policy_is_held_against_what_was_granted() -> None:
    words = demo_policy().vocabulary
    record = replace(a_decided("one"), granted=a_waiver())
    assert _granted(record, words) == (a_waiver(),)
    assert _granted(replace(record, granted=glass()), words) == (glass(),)
    assert _granted(a_decided("one"), words) == ()
    assert _granted(record, Vocabulary(("low", "high"))) == ()
    ranked = Vocabulary(("internal", "confidential"))
    assert _granted(record, ranked)[0].label.level.rank == 1


async def test_a_grant_that_is_revoked_while_the_decision_is_written_sends_nothing() -> None:
    stage = staged(a_waiver())
    append = stage.ledger.append

    async def revoking(records: Any) -> Any:
        stage.worlds.world = replace(stage.worlds.world, grants=())
        return await append(records)

    stage.ledger.append = revoking
    assert await asked(stage) == []
    (tried,) = stage.ledger.settled[0].tried
    assert tried.outcome.failure.detail == "grant_over"
    assert not tried.outcome.failure.sent
    assert stage.health.resting == {}


async def test_a_zone_that_closes_at_the_last_look_is_not_the_engines_fault() -> None:
    closed = Failure(FailureKind.UNREACHABLE, sent=False, detail="zone_closed")
    stage = staged(a_waiver(), cloud=[closed])
    assert await asked(stage) == ["cloud"]
    assert stage.health.resting == {}
    assert stage.ledger.settled[0].tried[0].outcome.failure.detail == "zone_closed"


async def test_a_grant_for_a_repository_is_none_where_a_client_speaks_of_a_strange_one() -> None:
    caller = CALLER | {"repos": ("website",)}
    assert await asked(staged(glass(repo="website")), caller=caller) == ["cloud"]
    strange = {"workspaces": ("https://git.example.com/nobody/knows.git",)}
    assert await asked(staged(glass(repo="website")), caller=caller, claims=strange) == []
    assert await asked(staged(glass(team="team")), caller=caller, claims=strange) == ["cloud"]
