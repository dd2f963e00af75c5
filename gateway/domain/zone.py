"""A place where data may be: a clearance and dated facts."""

from datetime import date

from msgspec import Struct

from gateway.domain.label import Label, Level


class Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a zone's facts were read, when, and until when they are believed."""

    source: str
    read_on: date
    expires_on: date


class Zone(Struct, frozen=True):
    """One zone of the policy.

    Regions are ISO 3166-1 alpha-2 codes; None stands for the world. `addresses` are the CIDR
    blocks to which every host of the zone must resolve. `premises` says that the machines are ours.
    """

    name: str
    level: Level
    caveats: frozenset[str]
    processing_regions: frozenset[str] | None
    storage_regions: frozenset[str] | None
    operator: str
    operator_jurisdiction: str
    retention_days: int
    addresses: tuple[str, ...]
    premises: bool = False
    evidence: Evidence | None = None

    def clearance(self, today: date) -> Label:
        """Return the strictest label that the zone clears on that day.

        INVARIANT: facts without evidence, or with evidence past its day, count as the world.
        """
        return Label(self.level, self.caveats, self._regions(today))

    def clears(self, label: Label, today: date) -> bool:
        """May data of this label be here? Dominance is the only comparison."""
        return label.has_lawful_place and self.clearance(today).dominates(label)

    def _regions(self, today: date) -> frozenset[str] | None:
        if self.processing_regions is None or self.storage_regions is None:
            return None
        believed = self.premises if self.evidence is None else today <= self.evidence.expires_on
        if not believed:
            return None
        return (self.processing_regions | self.storage_regions) or None
