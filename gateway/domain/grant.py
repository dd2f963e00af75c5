"""What persons granted for a while: a waiver lowers a label, broken glass opens a zone."""

from datetime import datetime
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from gateway.domain.label import Label

USES_MAX = 1_000_000


class GrantKind(StrEnum):
    """Which of the two."""

    WAIVER = "waiver"
    BREAK_GLASS = "break_glass"


class Grant(Struct, frozen=True):
    """One statement in effect, named by its digest, as decisions are made with it.

    It serves requests whose label is `label` at most, in `zone` alone; `repo`, `team` and `key`
    narrow it further where they are said. A waiver says under `treated_as` by which label they are
    judged at most. `uses_max` is how many requests it serves.
    """

    id: str
    kind: GrantKind
    zone: str
    label: Label
    begins: datetime
    until: datetime
    uses_max: int
    # WHY: left out where it says nothing, as in every record.
    treated_as: Label | UnsetType = UNSET
    repo: str | UnsetType = UNSET
    team: str | UnsetType = UNSET
    key: str | UnsetType = UNSET

    @property
    def word(self) -> str:
        """What a decision says that was made with it."""
        return f"{self.kind}:{self.id}"

    def holds(self, now: datetime) -> bool:
        """Is this its time?"""
        return self.begins <= now < self.until

    def treats(self, label: Label) -> Label:
        """Return the label by which the rules are asked: nothing is raised, and no more lowered.

        INVARIANT: a higher label is treated as no lower one, so that to claim more opens nothing.
        """
        return label if self.treated_as is UNSET else label.meet(self.treated_as)
