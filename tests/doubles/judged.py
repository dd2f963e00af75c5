"""What a gateway made of a request, by its answer and by its ledger."""

from typing import Any

from gateway.audit.record import Attempted, Decided
from tests.doubles.raw_http import Field, Heard
from tests.doubles.serving_house import House
from tests.doubles.surfaces_asked import Served


def recorded(house: House, heard: Heard) -> tuple[Decided, list[Attempted]]:
    """Return what was decided and attempted, which stands before anything is sent."""
    assert heard.record, (heard.status, heard.body)
    found = house.sight.of(heard.record)
    (decided,) = [one for one in found if isinstance(one, Decided)]
    return decided, [one for one in found if isinstance(one, Attempted)]


def assert_label(house: House, heard: Heard, label: str) -> Decided:
    """It was judged under that label, and went nowhere but on our premises."""
    decided, tried = recorded(house, heard)
    assert str(decided.label) == label, (heard.status, heard.body)
    assert {one.zone for one in tried} <= {"on_prem"}
    assert decided.decision.boundary <= {"on_prem"}
    return decided


def assert_turned_away(
    house: House, surface: Served, heard: Heard, status: int = 400, reason: str = ""
) -> Decided:
    """A clear refusal in the client's own form, with a record, and nothing attempted."""
    assert heard.status == status, (heard.status, heard.body)
    decided, tried = recorded(house, heard)
    assert reason in ("", decided.decision.reason)
    assert not decided.decision.boundary
    assert tried == []
    surface.require_own_form(heard, decided.decision.reason)
    return decided


def assert_refused(house: House, surface: Served, *fields: Field, **how: Any) -> Decided:
    """A clear refusal with a record, and nothing sent."""
    with house.nothing_sent():
        heard = surface.ask(house, *fields, **how)
    return assert_turned_away(house, surface, heard)


def posts(house: House) -> dict[str, int]:
    """Return how often each engine was asked for anything but how it is."""
    return {
        name: sum(count for path, count in one.engine.served.items() if path.startswith("POST"))
        for name, one in house.engines.items()
    }
