"""Where a label may be answered, offering by offering, and the reason for each no."""

from collections.abc import Iterable, Mapping
from datetime import date

from msgspec import Struct

from gateway.domain.fleet import Offering
from gateway.policy.prove import Row

ENDED = "ended"
NOTHING_OFFERED = "nothing_offered"


class Answer(Struct, frozen=True):
    """May that label be answered by that offering? `offering` is empty where the zone has none.

    `reason` is that of the zone, or `ended` where the backend no longer offers it, or
    `nothing_offered`.
    """

    label: str
    zone: str
    offering: str
    reachable: bool
    reason: str


def answers(
    rows: Iterable[Row], offerings: Iterable[Offering], ends: Mapping[str, date], today: date
) -> tuple[Answer, ...]:
    """Return one answer for each label, zone and offering there."""
    by_zone: dict[str, list[str]] = {}
    for offering in offerings:
        by_zone.setdefault(offering.zone, []).append(offering.id)
    found: list[Answer] = []
    for row in rows:
        for cell in row.cells:
            for name in by_zone.get(cell.zone, [""]):
                fault = "" if name else NOTHING_OFFERED
                if name and ends.get(name, date.max) <= today:
                    fault = ENDED
                reachable = cell.reachable and not fault
                reason = fault if cell.reachable and fault else cell.reason
                found.append(Answer(row.label, cell.zone, name, reachable, reason))
    return tuple(found)
