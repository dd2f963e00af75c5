"""A ledger in memory, with the same promise: what append returned for is there, in order."""

from collections.abc import Sequence

from gateway.audit.record import Attempted, Decided, Personal, Receipt, Record, Settled
from gateway.domain.errors import LedgerUnavailable


class MemoryLedger:
    def __init__(self, trace: list[str] | None = None) -> None:
        self.records: list[Record] = []
        self.personal: list[Personal | None] = []
        self.commits = 0
        self.full = False
        self.trace = trace if trace is not None else []

    async def append(self, records: Sequence[tuple[Record, Personal | None]]) -> Receipt:
        if self.full:
            raise LedgerUnavailable("The ledger cannot take a record.")
        self.commits += 1
        for record, personal in records:
            self.records.append(record)
            self.personal.append(personal)
        self.trace.append("durable:" + "+".join(type(record).__name__ for record, _ in records))
        return Receipt(len(self.records) - 1)

    @property
    def decided(self) -> list[Decided]:
        return [record for record in self.records if isinstance(record, Decided)]

    @property
    def attempted(self) -> list[Attempted]:
        return [record for record in self.records if isinstance(record, Attempted)]

    @property
    def settled(self) -> list[Settled]:
        return [record for record in self.records if isinstance(record, Settled)]
