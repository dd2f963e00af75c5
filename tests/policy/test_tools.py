"""What cases exercise, and where each label may be answered."""

from datetime import date, timedelta

from msgspec.structs import replace

from gateway.domain.fleet import Offering
from gateway.domain.money import Price
from gateway.policy.cases import Got, Recorded
from gateway.policy.coverage import Covered, coverage
from gateway.policy.offered import ENDED, NOTHING_OFFERED, answers
from gateway.policy.prove import Written, matrix, reached, row_of
from tests.doubles.policies import ANYWHERE, NOW, a_program, broken_clause, compiled, some_facts

TODAY = NOW.date()
GUESTS = {"id": "guests", "effect": "deny", "when": {"team": "guests"}, "zones": ["cloud"]}
OBLIGED = {"id": "obliged", "effect": "oblige", "when": {"any": True}, "obligations": ["no_store"]}
SHADOW = {**GUESTS, "id": "watched", "mode": "shadow"}


def got(*because: str, **facts: str) -> Got:
    program = a_program()
    return Got(
        "permit", "internal", frozenset({"home"}), because, "permitted", Recorded(),
        facts=some_facts(program, **facts),
    )  # fmt: skip


def an_offering(name: str, zone: str) -> Offering:
    return Offering(
        name,
        "m",
        "b",
        zone,
        "w",
        1,
        1,
        frozenset(),
        Price(0, 0, source="a test", verified_on=TODAY),
    )


def test_a_rule_is_exercised_where_its_conditions_hold() -> None:
    program = a_program(ANYWHERE, GUESTS, OBLIGED, SHADOW)
    refused = Got("refused", None, frozenset(), (), "malformed", Recorded())
    found = coverage(program, [got("anywhere"), got("anywhere", team="guests"), refused])
    assert found == (
        Covered("anywhere", 2, 2),
        Covered("guests", 1, 0),
        Covered("obliged", 2, 0),
        Covered("watched", 1, 0),
    )


def test_a_rule_without_an_answer_is_not_exercised() -> None:
    program = replace(a_program(), clauses=(broken_clause("broken"),))
    assert coverage(program, [got("broken")]) == (Covered("broken", 0, 1),)


def test_every_offering_of_a_zone_has_its_answer_and_its_reason() -> None:
    program = a_program(ANYWHERE)
    rows = [row_of(program, Written(text, program.vocabulary.parse(text)), TODAY)
            for text in ("internal", "restricted+pii+secret")]  # fmt: skip
    offerings = [an_offering("a", "home"), an_offering("old", "home"), an_offering("next", "home")]
    ends = {"old": TODAY, "next": TODAY + timedelta(days=1)}
    found = {(one.label, one.offering or one.zone): (one.reachable, one.reason)
             for one in answers(rows, offerings, ends, TODAY)}  # fmt: skip
    assert found == {
        ("internal", "a"): (True, "permitted"),
        ("internal", "old"): (False, ENDED),
        ("internal", "next"): (True, "permitted"),
        ("internal", "cloud"): (False, NOTHING_OFFERED),
        ("restricted+pii+secret", "a"): (True, "permitted"),
        ("restricted+pii+secret", "old"): (False, ENDED),
        ("restricted+pii+secret", "next"): (True, "permitted"),
        ("restricted+pii+secret", "cloud"): (False, "clearance"),
    }


def test_a_row_of_one_label_is_that_of_the_matrix() -> None:
    program = a_program(ANYWHERE, GUESTS)
    for row in matrix(program, TODAY).rows:
        written = Written(row.label, program.vocabulary.parse(row.label))
        assert row_of(program, written, TODAY) == row


def test_what_an_invariant_speaks_of_is_followed_to_every_zone() -> None:
    promises = {
        "version": 1,
        "invariants": [
            {"id": "low", "labels": {"level_is": "public"}, "only_zones": ["home", "cloud"]},
            {"id": "pii", "labels": {"caveat": "pii"}, "only_zones": ["home"]},
        ],
    }
    found = compiled(invariants=promises).require()
    assert reached(found.program, found.invariants, date(2026, 11, 20)) == {
        "low": {"cloud": ("public",), "home": ("public+pii+secret@EU",)},
        "pii": {"home": ("restricted+pii+secret@EU",)},
    }
