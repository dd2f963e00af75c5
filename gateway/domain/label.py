"""The sensitivity label: a product lattice of level, caveats and residency."""

from functools import reduce

from msgspec import Struct


class Level(Struct, frozen=True, order=True):
    """One step of the policy's ordered chain; a higher rank is more sensitive."""

    rank: int
    name: str


class Label(Struct, frozen=True):
    """How sensitive something is: level x caveats x residency.

    `residency` is the set of places (ISO 3166-1 alpha-2) where the data may be, None for anywhere.
    A smaller residency set is stricter; an empty one means that no lawful place exists.
    """

    level: Level
    caveats: frozenset[str] = frozenset()
    residency: frozenset[str] | None = None

    def join(self, other: "Label") -> "Label":
        """Return the least label that dominates both (the high-water mark)."""
        return Label(
            level=max(self.level, other.level),
            caveats=self.caveats | other.caveats,
            residency=_meet(self.residency, other.residency),
        )

    def meet(self, other: "Label") -> "Label":
        """Return the strictest label that both dominate."""
        return Label(
            level=min(self.level, other.level),
            caveats=self.caveats & other.caveats,
            residency=_either(self.residency, other.residency),
        )

    def dominates(self, other: "Label") -> bool:
        """Is this label at least as strict as the other in every part?"""
        return (
            self.level >= other.level
            and self.caveats >= other.caveats
            and _within(self.residency, other.residency)
        )

    @property
    def has_lawful_place(self) -> bool:
        """Is there any place left where data of this label may be?"""
        return self.residency is None or bool(self.residency)

    def __str__(self) -> str:
        """Return the label as people write it: `level+caveat@AA,BB`."""
        caveats = "".join(f"+{caveat}" for caveat in sorted(self.caveats))
        places = "" if self.residency is None else "@" + ",".join(sorted(self.residency))
        return f"{self.level.name}{caveats}{places}"


def join(first: Label, *others: Label) -> Label:
    """Return the join of one or more labels."""
    return reduce(Label.join, others, first)


def _meet(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    if a is None:
        return b
    return a if b is None else a & b


def _either(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    return None if a is None or b is None else a | b


def _within(inner: frozenset[str] | None, outer: frozenset[str] | None) -> bool:
    if outer is None:
        return True
    return inner is not None and inner <= outer
