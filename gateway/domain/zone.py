"""A place where data may be: a clearance and dated facts."""

from datetime import date

from msgspec import Struct

from gateway.domain.label import Label, Level

NO_TRAIN = "no-train"
NO_RETENTION = "no-retention"
UNKNOWN = "unknown"
_BOUND = frozenset({NO_TRAIN, NO_RETENTION})


class Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a zone's facts were read, when, and until when they are believed."""

    source: str
    read_on: date
    expires_on: date


class Zone(Struct, frozen=True):
    """One zone of the policy.

    Regions are ISO 3166-1 alpha-2 codes; None stands for the world. `addresses` are the CIDR
    blocks to which every host of the zone must resolve. `premises` says that the machines are ours.
    `training` says whether the operator trains on what he sees: no, yes, or unknown, which counts
    as yes. `transfer_basis` and `dpa_ref` are for people: on which ground data goes there, and
    under which agreement.
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
    training: str = UNKNOWN
    transfer_basis: str = "none"
    dpa_ref: str = ""

    def clearance(self, today: date) -> Label:
        """Return the strictest label that the zone clears on that day.

        INVARIANT: facts without evidence, or with evidence past its day, count as the world, and
        as those of an operator who keeps what he sees and trains on it.
        """
        believed = self._believed(today)
        # WHY: most zones clear no caveat that facts could take away.
        caveats = self.caveats
        if not caveats.isdisjoint(_BOUND):
            caveats -= self.unkept if believed else _BOUND
        return Label(self.level, caveats, self._regions() if believed else None)

    @property
    def unkept(self) -> frozenset[str]:
        """The caveats that the zone's own facts speak against."""
        against = {NO_TRAIN: self.training != "no", NO_RETENTION: self.retention_days != 0}
        return frozenset(caveat for caveat, told in against.items() if told)

    def clears(self, label: Label, today: date) -> bool:
        """May data of this label be here? Dominance is the only comparison."""
        return label.has_lawful_place and self.clearance(today).dominates(label)

    def _believed(self, today: date) -> bool:
        return self.premises if self.evidence is None else today <= self.evidence.expires_on

    def _regions(self) -> frozenset[str] | None:
        if self.processing_regions is None or self.storage_regions is None:
            return None
        return (self.processing_regions | self.storage_regions) or None
