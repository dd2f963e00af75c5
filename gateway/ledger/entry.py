"""A record on its way to the journal."""

from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.canonical import encode
from gateway.audit.ends import Carried, Next, told
from gateway.audit.record import Admin, Attempted, Decided, Record, Settled
from gateway.audit.story import says_that_the_clock_stepped

# WHY: the last microsecond of the year 9999; later times have no month, and the store no number.
TS_US_MAX = 253_402_300_799_999_999
_ENDS_A_BOOT = ("stopped", "shard_closed")


class Opened(Struct, frozen=True):
    """A request that was decided and not settled: its index, and what later records must fit."""

    position: int = 0
    boot: str = ""
    boundary: frozenset[str] = frozenset()
    candidates: tuple[str, ...] = ()
    attempts: tuple[tuple[str, str], ...] = ()


class Entry(Struct, frozen=True):
    """The canonical bytes of a record, its time, and what it changes for those after it.

    It opens a request, tries it with an offering in a zone, or closes it. `boot` is the boot that
    goes on after a start, empty after a stop. `steps` says that time may go back to this one.
    `stores` is a document with its name, `announces` a key; `closes_for` names the next shard, and
    `asks` says that somebody wants it.
    """

    data: bytes
    ts_us: int
    opens: str | None = None
    closes: str | None = None
    opened: Opened = Opened()
    tries: str | None = None
    tried: tuple[str, str] = ("", "")
    boot: str | None = None
    steps: bool = False
    stores: tuple[str, str] | None = None
    announces: str | None = None
    closes_for: Next | None = None
    asks: bool = False

    def latest_after(self, latest_us: int) -> int:
        """Return the time that later records are held against, as `verify` holds them."""
        return self.ts_us if self.steps else max(latest_us, self.ts_us)


def entry_of(record: Record, data: bytes | None = None) -> Entry:
    """Return the entry of a record; EntryRefused. `data` are its bytes where they are known."""
    data = encode(record) if data is None else data
    match record:
        case Decided():
            boundary = frozenset(record.decision.boundary)
            opened = Opened(0, record.boot, boundary, tuple(record.candidates))
            return Entry(data, record.ts_us, opens=record.id, opened=opened)
        case Attempted():
            tried = (record.offering, record.zone)
            return Entry(data, record.ts_us, tries=record.id, tried=tried)
        case Settled():
            return Entry(data, record.ts_us, closes=record.id)
        case Admin():
            steps = says_that_the_clock_stepped(record)
            entry = Entry(data, record.ts_us, boot=_boot_after(record), steps=steps)
            return _with_what_it_tells(entry, record)


def _boot_after(record: Admin) -> str | None:
    if record.what == "started":
        return record.boot
    return "" if record.what in _ENDS_A_BOOT else None


def _with_what_it_tells(entry: Entry, record: Admin) -> Entry:
    facts = record.facts
    match record.what:
        case "document_stored":
            named = (str(facts.get("digest", "")), str(facts.get("name", "")))
            return replace(entry, stores=named)
        case "key_rotated":
            return replace(entry, announces=str(facts.get("vkey", "")))
        case "hand_over_asked":
            return replace(entry, asks=True)
        case "shard_closed":
            return replace(entry, closes_for=told(facts, Next))
        case "carried":
            return _carrying(entry, told(facts, Carried))
    return entry


def _carrying(entry: Entry, one: Carried | None) -> Entry:
    if one is None:
        return entry
    opened = Opened(0, one.boot, one.boundary, one.candidates, one.attempts)
    return replace(entry, opens=one.request, opened=opened)
