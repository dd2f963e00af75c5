"""A record on its way to the journal."""

from msgspec import Struct

from gateway.audit.canonical import encode
from gateway.audit.record import Decided, Record, Settled


class Entry(Struct, frozen=True):
    """The canonical bytes of a record, its time, and the request that it opens or closes."""

    data: bytes
    ts_us: int
    opens: str | None = None
    closes: str | None = None


def entry_of(record: Record, data: bytes | None = None) -> Entry:
    """Return the entry of a record; EntryRefused. `data` are its bytes where they are known."""
    return Entry(
        data=encode(record) if data is None else data,
        ts_us=record.ts_us,
        opens=record.id if isinstance(record, Decided) else None,
        closes=record.id if isinstance(record, Settled) else None,
    )
