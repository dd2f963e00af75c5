from datetime import date

from gateway.domain.label import Label, Level
from gateway.domain.zone import Evidence, Zone

TODAY = date(2026, 11, 20)
PUBLIC, RESTRICTED = Level(0, "public"), Level(1, "restricted")
GERMANY = frozenset({"DE"})


def a_zone(
    *,
    processing: frozenset[str] | None = GERMANY,
    storage: frozenset[str] | None = GERMANY,
    premises: bool = False,
    evidence: Evidence | None = None,
) -> Zone:
    return Zone(
        "z", RESTRICTED, frozenset({"pii"}), processing, storage, "x", "DE", 0, ("10.0.0.0/8",),
        premises, evidence,
    )  # fmt: skip


def until(day: date) -> Evidence:
    return Evidence("a page", date(2026, 1, 1), day)


def test_a_zone_clears_what_its_clearance_dominates() -> None:
    zone = a_zone(premises=True)
    assert zone.clears(Label(RESTRICTED, frozenset({"pii"}), frozenset({"DE", "FR"})), TODAY)
    assert not zone.clears(Label(RESTRICTED, frozenset({"secret"})), TODAY)
    assert not zone.clears(Label(PUBLIC, residency=frozenset({"FR"})), TODAY)


def test_a_label_without_a_lawful_place_is_cleared_nowhere() -> None:
    nowhere = a_zone(processing=frozenset(), storage=frozenset(), premises=True)
    for zone in (a_zone(premises=True), nowhere):
        assert not zone.clears(Label(PUBLIC, residency=frozenset()), TODAY)


def test_facts_without_evidence_or_past_its_day_count_as_the_world() -> None:
    assert a_zone().clearance(TODAY).residency is None
    assert a_zone(evidence=until(TODAY)).clearance(TODAY).residency == GERMANY
    assert a_zone(evidence=until(date(2026, 11, 19))).clearance(TODAY).residency is None


def test_a_place_of_storage_counts_as_much_as_a_place_of_processing() -> None:
    zone = a_zone(storage=frozenset({"US"}), evidence=until(TODAY))
    assert zone.clearance(TODAY).residency == {"DE", "US"}
    assert a_zone(storage=None, evidence=until(TODAY)).clearance(TODAY).residency is None
    assert a_zone(processing=None, evidence=until(TODAY)).clearance(TODAY).residency is None
