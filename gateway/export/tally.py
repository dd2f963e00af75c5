"""What the records of an export say in sum, for its report."""

from collections import Counter
from typing import Any

from msgspec import UNSET, Struct

from gateway.audit.canonical import decode
from gateway.audit.record import Admin, Attempted, Decided, Record, Settled
from gateway.export.selection import Chosen

EVENTS_MAX = 1_000
DENIED_MAX = 1_000
NO_LABEL = "no label"


class Event(Struct, frozen=True):
    """One Admin record, as a line of the report."""

    index: int
    ts_us: int
    what: str
    facts: dict[str, Any]


class Denied(Struct, frozen=True):
    """One request that policy did not permit."""

    index: int
    ts_us: int
    id: str
    label: str
    reason: str
    rules: tuple[str, ...]


class Tally:
    """Counts as it reads. What it lists has an end; `unlisted` says how much lies behind it."""

    def __init__(self) -> None:
        self.records = 0
        self.first_us: int | None = None
        self.last_us: int | None = None
        self.effects: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.pairs: Counter[tuple[str, str, str]] = Counter()
        self.outside = 0
        self.excluded: Counter[str] = Counter()
        self.raised: Counter[str] = Counter()
        self.observed: Counter[str] = Counter()
        self.documents: dict[str, str] = {}
        self.events: list[Event] = []
        self.denied: list[Denied] = []
        self.unlisted: Counter[str] = Counter()
        self.cost_microusd = 0
        self._open: dict[str, tuple[str, frozenset[str]]] = {}

    @property
    def open(self) -> int:
        """How many requests were decided and not settled."""
        return len(self._open)

    def read(self, chosen: Chosen) -> Record:
        """Take one record of the export."""
        record = decode(chosen.entry)
        self._name(record)
        if not chosen.inside:
            return record
        self.records += 1
        self.first_us = record.ts_us if self.first_us is None else self.first_us
        self.last_us = record.ts_us
        match record:
            case Decided():
                self._decided(chosen.index, record)
            case Attempted():
                self._attempted(record)
            case Settled():
                self._settled(record)
            case Admin():
                self._event(Event(chosen.index, record.ts_us, record.what, record.facts))
        return record

    def _name(self, record: Record) -> None:
        """Take note of the documents that a record names; one at the edge names some too."""
        if isinstance(record, Decided):
            self.documents.update({digest: name for name, digest in record.documents.items()})
        if isinstance(record, Admin) and record.what == "document_stored":
            digest = str(record.facts.get("digest", ""))
            self.documents.setdefault(digest, str(record.facts.get("name", "")))

    def _decided(self, index: int, record: Decided) -> None:
        label = NO_LABEL if record.label is None else str(record.label)
        decision = record.decision
        self.effects[str(decision.effect)] += 1
        self.excluded.update(one.reason for one in record.excluded)
        self.raised.update(record.raised_by)
        self._open[record.id] = (label, decision.boundary)
        if str(decision.effect) == "permit":
            return
        if len(self.denied) == DENIED_MAX:
            self.unlisted["denied"] += 1
            return
        rules, reason = decision.because, decision.reason
        self.denied.append(Denied(index, record.ts_us, record.id, label, reason, rules))

    def _attempted(self, record: Attempted) -> None:
        label, boundary = self._open.get(record.id, ("decided before", frozenset({record.zone})))
        self.pairs[label, record.zone, record.backend] += 1
        self.outside += record.zone not in boundary

    def _settled(self, record: Settled) -> None:
        self._open.pop(record.id, None)
        self.outcomes[str(record.outcome)] += 1
        self.cost_microusd += record.cost_microusd or 0
        if record.attestation is not UNSET:
            self.observed[str(record.attestation)] += 1

    def _event(self, event: Event) -> None:
        if len(self.events) == EVENTS_MAX:
            self.unlisted["events"] += 1
            return
        self.events.append(event)
