"""Grants as values, and who counts their uses in a test."""

from datetime import timedelta
from typing import Any

from gateway.domain.grant import Grant, GrantKind
from gateway.domain.label import Label, Level
from tests.doubles.policies import NOW

RESTRICTED = Label(Level(2, "restricted"))
INTERNAL = Label(Level(1, "internal"))


def a_grant(name: str = "waiver", **changed: Any) -> Grant:
    """A waiver of the small bundle: restricted as internal, in the cloud."""
    known: dict[str, Any] = {
        "id": name,
        "kind": GrantKind.WAIVER,
        "zone": "cloud",
        "label": RESTRICTED,
        "begins": NOW - timedelta(hours=1),
        "until": NOW + timedelta(hours=1),
        "uses_max": 2,
        "treated_as": INTERNAL,
    }
    return Grant(**(known | changed))


def broken_glass(name: str = "glass", **changed: Any) -> Grant:
    """Broken glass: restricted may go to the cloud."""
    known = a_grant(name, kind=GrantKind.BREAK_GLASS, **changed)
    return Grant(
        **{
            field: getattr(known, field)
            for field in Grant.__struct_fields__
            if field != "treated_as"
        }
    )


class CountedGrants:
    """Counts uses as the gateway does; `ended` are revoked."""

    def __init__(self) -> None:
        self.uses: dict[str, list[str]] = {}
        self.ended: set[str] = set()
        self.recorded_ids: list[str] = []

    def use(self, grant: Grant, record: str) -> bool:
        """Count one."""
        known = self.uses.setdefault(grant.id, [])
        if grant.id in self.ended or len(known) >= grant.uses_max:
            return False
        known.append(record)
        return True

    def recorded(self, record: str) -> None:
        """Note one that is durable."""
        self.recorded_ids.append(record)
