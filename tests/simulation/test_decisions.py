"""Many random requests, decided: the laws of labels, boundaries and orders hold for each."""

import pytest
from msgspec.structs import replace

from gateway.domain.decision import Facts
from gateway.domain.label import Label
from gateway.policy import evaluate as evaluate_module
from gateway.routing import plan as plan_module
from gateway.surfaces import headers as headers_module
from tests.simulation import decisions
from tests.simulation.decisions import main, run, run_by
from tests.simulation.laws import (
    CLEAR,
    HEADERS,
    INSIDE,
    LAST,
    LATTICE,
    LAWS,
    RAISED,
    RULES,
    SIGNALS,
    SIGNED,
    STEADY,
    STILL_OWED,
    Broken,
)

# The gate decides 200,000, in a step of its own.
DECISIONS = 20_000
ENOUGH = DECISIONS // 20
SOME = 2_000
# What few requests have: a grant that opens something for them; and what is asked of a world.
RARE = {LAST, SIGNED, STILL_OWED}
JOIN = Label.join


def test_every_law_holds_for_random_decisions() -> None:
    tally = run(DECISIONS)
    print(tally)
    assert tally.decisions == DECISIONS
    assert tally.permitted > 3 * ENOUGH
    assert DECISIONS - tally.permitted > 3 * ENOUGH
    assert all(tally.said[law] > ENOUGH for law in LAWS if law not in RARE)
    assert all(tally.said[law] > ENOUGH // 10 for law in RARE)


def test_the_same_seed_decides_the_same_requests() -> None:
    assert str(run(SOME, 7)) == str(run(SOME, 7))


def test_several_workers_decide_what_one_does_in_parts_with_seeds_of_their_own(monkeypatch) -> None:
    monkeypatch.setattr(decisions, "PART", SOME)
    tally = run_by(2, SOME + 1, 7)
    assert tally.decisions == SOME + 1
    alone = run(SOME, 7)
    alone.add(run(1, 7 + decisions.SEEDS_APART))
    assert str(tally) == str(run_by(1, SOME + 1, 7)) == str(alone)


def test_a_law_that_breaks_in_another_process_is_told_with_its_world(monkeypatch) -> None:
    monkeypatch.setattr(decisions, "_is_join", lambda *_: False)
    with pytest.raises(Broken) as broken:
        run_by(1, SOME, 7)
    assert broken.value.told[:2] == (LATTICE, 7)


def broken_law(law: str) -> None:
    with pytest.raises(Broken) as broken:
        run(DECISIONS)
    assert broken.value.law == law


def test_a_boundary_that_does_not_ask_for_clearance_is_found(monkeypatch) -> None:
    monkeypatch.setattr("gateway.domain.zone.Zone.clears", lambda *_: True)
    broken_law(CLEAR)


def test_a_plan_outside_the_boundary_is_found(monkeypatch) -> None:
    real = plan_module._objection

    def lax(offering, decision, *rest):  # type: ignore[no-untyped-def]
        everywhere = replace(decision, boundary=decision.boundary | {offering.zone})
        return real(offering, everywhere if decision.boundary else decision, *rest)

    monkeypatch.setattr(plan_module, "_objection", lax)
    broken_law(INSIDE)


def test_a_gateway_that_believes_the_first_header_alone_is_found(monkeypatch) -> None:
    real = headers_module.claims_of
    monkeypatch.setattr(decisions, "claims_of", lambda headers: real(list(headers)[:3]))
    broken_law(HEADERS)


def test_rules_of_which_the_first_alone_counts_are_found(monkeypatch) -> None:
    real = evaluate_module._matched

    def first(clauses, facts):  # type: ignore[no-untyped-def]
        return real(clauses[:1], facts)

    monkeypatch.setattr(evaluate_module, "_matched", first)
    with pytest.raises(Broken) as broken:
        run(DECISIONS)
    assert broken.value.law in {CLEAR, RULES}


def test_a_label_that_forgets_the_others_caveats_is_found(monkeypatch) -> None:
    def forgetful(self: Label, other: Label) -> Label:
        whole = JOIN(self, other)
        return replace(whole, caveats=self.caveats)

    monkeypatch.setattr(Label, "join", forgetful)
    with pytest.raises(Broken) as broken:
        run(DECISIONS)
    assert broken.value.law in {SIGNALS, LATTICE, RAISED, HEADERS}


def test_a_finding_that_switches_a_deny_off_is_found(monkeypatch) -> None:
    real = evaluate_module._in_force

    def blind(program, facts: Facts):  # type: ignore[no-untyped-def]
        matched = real(program, facts)
        return replace(matched, denies=()) if facts.findings else matched

    monkeypatch.setattr(evaluate_module, "_in_force", blind)
    with pytest.raises(Broken) as broken:
        run(DECISIONS)
    assert broken.value.law in {CLEAR, STEADY}


def test_the_command_says_how_many_it_decided(capsys, monkeypatch) -> None:
    assert main(["--decisions", "500"]) == 0
    assert "500 decisions" in capsys.readouterr().out
    monkeypatch.setattr(decisions, "_is_join", lambda *_: False)
    assert main(["--decisions", "500"]) == 1
    assert LATTICE in capsys.readouterr().err
