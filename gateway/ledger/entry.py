"""A record on its way to the journal."""

from msgspec import Struct

from gateway.audit.canonical import encode
from gateway.audit.record import Admin, Attempted, Decided, Record, Settled

# WHY: the last microsecond of the year 9999; later times have no month, and the store no number.
TS_US_MAX = 253_402_300_799_999_999


class Entry(Struct, frozen=True):
    """The canonical bytes of a record, its time, and what it changes for those after it.

    It opens a request inside a boundary, tries it, or closes it; `boot` is the boot that goes on
    after a start, empty after a stop. `steps` says that time may go back to that of this record.
    """

    data: bytes
    ts_us: int
    opens: str | None = None
    closes: str | None = None
    tries: str | None = None
    boundary: frozenset[str] = frozenset()
    boot: str | None = None
    steps: bool = False

    def latest_after(self, latest_us: int) -> int:
        """Return the time that later records are held against, as `verify` holds them."""
        return self.ts_us if self.steps else max(latest_us, self.ts_us)


def entry_of(record: Record, data: bytes | None = None) -> Entry:
    """Return the entry of a record; EntryRefused. `data` are its bytes where they are known."""
    data = encode(record) if data is None else data
    match record:
        case Decided():
            boundary = frozenset(record.decision.boundary)
            return Entry(data, record.ts_us, opens=record.id, boundary=boundary)
        case Attempted():
            return Entry(data, record.ts_us, tries=record.id)
        case Settled():
            return Entry(data, record.ts_us, closes=record.id)
        case Admin():
            return Entry(data, record.ts_us, boot=_boot_after(record), steps=_steps(record))


def _boot_after(record: Admin) -> str | None:
    if record.what == "started":
        return record.boot
    return "" if record.what == "stopped" else None


def _steps(record: Admin) -> bool:
    started_back = record.what == "started" and "clock_from_us" in record.facts
    return started_back or record.what == "clock_stepped"
