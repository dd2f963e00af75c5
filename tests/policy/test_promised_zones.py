"""What an operator keeps and trains on is believed by evidence, and only as long as it holds."""

from datetime import date
from typing import Any

import pytest

from gateway.policy.evaluate import why_not
from tests.doubles.policies import CLOUD, HOME, NOW, a_program, problems, some_facts, values

CAVEATS = ["pii", "secret", "no-train", "no-retention"]
PROVEN = {"source": "a contract", "read_on": "2026-11-01", "expires_on": "2026-12-01"}
KEPT = CLOUD | {
    "caveats": ["no-train", "no-retention"],
    "training": "no",
    "retention_days": 0,
    "evidence": PROVEN,
}


def bundle(cloud: dict[str, Any]) -> dict[str, Any]:
    return {"policy__caveats": CAVEATS, "zones__zones": {"home": HOME, "cloud": cloud}}


def said(cloud: dict[str, Any]) -> list[str]:
    return [line.partition(":1: ")[2] for line in problems(**bundle(cloud))]


def clearing(cloud: dict[str, Any], day: date) -> frozenset[str]:
    return a_program(**bundle(cloud)).zones["cloud"].clearance(day).caveats


def test_a_zone_that_keeps_its_word_clears_what_asks_for_it() -> None:
    assert said(KEPT) == []
    program = a_program(**bundle(KEPT))
    facts = some_facts(program, "internal+no-train+no-retention")
    assert why_not(program, facts, "cloud", NOW) is None
    assert why_not(program, facts, "home", NOW) == "clearance"


def test_evidence_past_its_day_clears_neither_and_all_else_as_before() -> None:
    zone = KEPT | {"caveats": ["no-train", "no-retention", "pii"]}
    assert clearing(zone, date(2026, 12, 1)) == {"no-train", "no-retention", "pii"}
    assert clearing(zone, date(2026, 12, 2)) == {"pii"}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"training": "yes"}, "the zone does not keep `no-train` (training: no)"),
        ({"training": "unknown"}, "the zone does not keep `no-train` (training: no)"),
        ({"retention_days": 1}, "the zone does not keep `no-retention` (retention_days: 0)"),
    ],
)
def test_a_zone_does_not_clear_what_its_facts_speak_against(
    change: dict[str, Any], what: str
) -> None:
    assert said(KEPT | change) == [f"/zones/cloud/caveats: {what}"]


def test_what_nobody_says_of_training_counts_as_yes() -> None:
    silent = {name: value for name, value in KEPT.items() if name != "training"}
    assert said(silent) == [
        "/zones/cloud/caveats: the zone does not keep `no-train` (training: no)"
    ]


def test_a_word_without_evidence_clears_nothing_away_from_our_premises() -> None:
    bare = {name: value for name, value in KEPT.items() if name != "evidence"}
    assert said(bare) == [
        "/zones/cloud/caveats: nothing shows that the zone keeps `no-retention` (evidence)",
        "/zones/cloud/caveats: nothing shows that the zone keeps `no-train` (evidence)",
    ]


def test_our_own_premises_need_no_evidence() -> None:
    home = HOME | {"caveats": CAVEATS, "training": "no"}
    changes = {"policy__caveats": CAVEATS, "zones__zones": {"home": home, "cloud": CLOUD}}
    program = a_program(**changes)
    facts = some_facts(program, "restricted+no-train+no-retention")
    assert why_not(program, facts, "home", NOW) is None


def test_a_policy_that_does_not_list_the_caveats_is_not_asked_for_them() -> None:
    assert problems(**values()) == []


@pytest.mark.parametrize("basis", ["none", "adequacy", "scc", "dpf", "bcr", "derogation"])
def test_the_ground_of_a_transfer_is_one_of_those_of_the_law(basis: str) -> None:
    cloud = CLOUD | {"transfer_basis": basis, "dpa_ref": "DPA 7, annex 2"}
    zone = a_program(**bundle(cloud)).zones["cloud"]
    assert (zone.transfer_basis, zone.dpa_ref) == (basis, "DPA 7, annex 2")
    assert said(CLOUD | {"transfer_basis": "habit"})[0].startswith("/zones/cloud/transfer_basis: ")
    assert said(CLOUD | {"training": "maybe"})[0].startswith("/zones/cloud/training: ")
