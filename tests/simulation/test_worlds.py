"""No prompt leaves its boundary, in any of many random worlds."""

import asyncio

import pytest

from tests.simulation.clockwork import VirtualLoop
from tests.simulation.generate import FULL, generate
from tests.simulation.invariants import stories, violations
from tests.simulation.mutants import MUTANTS
from tests.simulation.scenario import Scenario
from tests.simulation.stage import SlowLedger, Stage
from tests.simulation.tally import Tally
from tests.simulation.worlds import SEED, a_loop, alone, main, run

# The gate plays both: 20,000 worlds.
WORLDS = 5_000
MORE_WORLDS = 15_000
TRUSTING = next(one for one in MUTANTS if one.name == "the guard trusts the carried zone")


@pytest.mark.parametrize(
    ("worlds", "first"),
    [
        pytest.param(WORLDS, SEED, id="some"),
        pytest.param(MORE_WORLDS, SEED + WORLDS, id="more", marks=pytest.mark.exhaustive),
    ],
)
def test_no_attempt_ever_leaves_its_boundary(worlds: int, first: int) -> None:
    tally = Tally()
    broken = run(worlds, first, tally)
    print(tally)
    assert broken is None, str(broken)
    assert tally.degenerate() == []


def test_worlds_in_which_nothing_happens_are_noticed() -> None:
    tally = Tally()
    tally.worlds, tally.requests, tally.sampled = 1_000, 2_000, 400
    assert len(tally.degenerate()) > 20


def test_a_seed_makes_the_same_world_and_the_same_story() -> None:
    for seed in range(SEED, SEED + 25):
        scenario = generate(seed)
        assert generate(seed) == scenario
        with a_loop() as loop:
            first, second = _played(scenario, loop), _played(scenario, loop)
        assert [one.body for one in first.heard] == [one.body for one in second.heard]
        assert first.ledger.records == second.ledger.records


def test_a_broken_promise_is_shrunk_and_can_be_seen_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    TRUSTING.install(monkeypatch)
    broken = run(1_000)
    assert broken is not None
    assert TRUSTING.promise in {one.promise for one in broken.shrunk}
    assert broken.small.size != FULL
    assert len(broken.small.requests) == 1
    told = str(broken)
    assert f"seed {broken.seed}" in told
    again = told.splitlines()[-1].split()
    assert main(again) == 1
    assert TRUSTING.promise in capsys.readouterr().out


def test_a_sound_world_can_be_seen_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--replay", str(SEED)]) == 0
    assert f'"seed": {SEED}' in capsys.readouterr().out


def test_many_worlds_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--worlds", "30", "--seed", "7"]) == 0
    assert "30 worlds" in capsys.readouterr().out


def test_a_command_that_finds_a_broken_promise_says_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    TRUSTING.install(monkeypatch)
    assert main(["--worlds", "1000"]) == 1
    assert "--replay" in capsys.readouterr().err


def test_the_day_of_a_decision_is_its_own() -> None:
    """Around midnight, evidence may expire while detectors work: the decision names its day."""
    found = set()
    with a_loop() as loop:
        for seed in range(SEED, SEED + 400):
            found |= {story.today for story in stories(_played(generate(seed), loop))}
    assert len(found) == 2


def test_a_record_that_is_missing_or_changed_is_noticed() -> None:
    with a_loop() as loop:
        stage = next(
            stage
            for stage in (_played(generate(seed), loop) for seed in range(SEED, SEED + 99))
            if [call.request for call in stage.calls] == [0]
        )
    assert violations(stage, stories(stage)) == []
    whole = list(stage.ledger.records)
    for missing in whole:
        stage.ledger.records = [one for one in whole if one is not missing]
        assert violations(stage, stories(stage)) != [], type(missing).__name__


def test_a_world_that_never_ends_is_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_ledger: SlowLedger, _records: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(SlowLedger, "append", never)
    found = {one.promise for seed in range(SEED, SEED + 9) for one in alone(generate(seed))}
    assert "a_world_comes_to_an_end" in found


def _played(scenario: Scenario, loop: VirtualLoop) -> Stage:
    stage = Stage(scenario, loop)
    loop.run_until_complete(stage.play())
    return stage
