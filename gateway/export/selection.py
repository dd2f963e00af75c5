"""Which records of a log are exported: those of a time, and all that belongs to their requests.

Without labels the export is one unbroken run of records, from the last one before the time to the
first one after it: so that whoever verifies it sees that nothing of that time is left out. Of a
shard beside the time, the run shows that alone: no record of it lies inside. A key that the shard
announced earlier is told before the run. With labels it holds the requests of these labels alone
and every Admin record of the time.
"""

from collections.abc import Iterator
from itertools import islice

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.story import CLOCK_BACK_US_MAX
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.domain.label import Label
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import Reading

LABELS_MAX = 64
NOTHING = "no record lies in that time"
HINT = "perimeter audit shows which times it has"


class Asked(Struct, frozen=True):
    """The time in microseconds since the epoch, its end excluded; None is open. And labels."""

    from_us: int | None = None
    to_us: int | None = None
    labels: tuple[str, ...] = ()

    def holds(self, ts_us: int) -> bool:
        """Does a record of that time belong to the export?"""
        return self.has_begun(ts_us) and (self.to_us is None or ts_us < self.to_us)

    def has_begun(self, ts_us: int) -> bool:
        """Has the time begun by then?"""
        return self.from_us is None or ts_us >= self.from_us

    def widened(self) -> "Asked":
        """Return the time with what records near its ends may be early or late."""
        begin, end = self.from_us, self.to_us
        return replace(
            self,
            from_us=None if begin is None else begin - CLOCK_BACK_US_MAX,
            to_us=None if end is None else end + CLOCK_BACK_US_MAX,
        )

    def wants(self, label: Label | None) -> bool:
        """Is this one of the labels, by its whole text, its level or one of its caveats?"""
        if label is None:
            return False
        names = {str(label), label.level.name, *label.caveats}
        return not names.isdisjoint(self.labels)


class Selection(Struct, frozen=True):
    """What was asked for, and the run of records that this is in a log of `size`."""

    asked: Asked
    first: int
    last: int
    size: int

    @property
    def is_whole(self) -> bool:
        """Is this the whole log?"""
        return not self.asked.labels and (self.first, self.last) == (0, self.size - 1)


class Seen(Struct, frozen=True):
    """What of a record says whether it belongs to an export."""

    type: str
    id: str
    ts_us: int
    label: Label | None = None
    what: str = ""


class Chosen(Struct, frozen=True):
    """One record of an export. `inside` is False for one that only shows where the time ends."""

    index: int
    entry: bytes
    inside: bool


_SEEN: msgspec.json.Decoder[Seen] = msgspec.json.Decoder(Seen)


def select(folder: LedgerFolder, size: int, asked: Asked, *, beside: bool = False) -> Selection:
    """Find the run of records of that time in a log of that size; LedgerUnavailable for none.

    `beside`: one of which no record lies inside is a run too.

    INVARIANT: it begins before the time or with the first record, it ends after the time or with
    the last one, by as much as a record may be late; and no record outside of it is of the time,
    whatever the clock did.
    """
    before, after, found = 0, None, beside
    is_before, wide = True, asked.widened()
    for index, _, seen in _records(folder, size):
        if wide.holds(seen.ts_us):
            found, is_before, after = found or asked.holds(seen.ts_us), False, None
        elif not wide.has_begun(seen.ts_us):
            before, after = (index, None) if is_before else (before, after)
        elif after is None:
            after = index
    if not found:
        raise LedgerUnavailable(NOTHING, hint=HINT)
    return Selection(asked, before, size - 1 if after is None else after, size)


def has_any(folder: LedgerFolder, size: int, asked: Asked) -> bool:
    """Is there a record of that time in a log of that size?"""
    return any(asked.holds(seen.ts_us) for _, _, seen in _records(folder, size))


def chosen(folder: LedgerFolder, selection: Selection) -> Iterator[Chosen]:
    """Yield the records of an export in their order."""
    asked, opened = selection.asked, set[str]()
    for index, entry, seen in _records(folder, selection.size):
        inside = asked.holds(seen.ts_us)
        if seen.type == "admin":
            wanted = inside
        elif seen.type == "decided":
            wanted = inside and (not asked.labels or asked.wants(seen.label))
            opened.update([seen.id] if wanted else [])
        else:
            wanted = seen.id in opened or (inside and not asked.labels)
        if seen.type == "settled":
            opened.discard(seen.id)
        edge = selection.first <= index <= selection.last
        if asked.labels:
            # WHY: what a shard says of those beside it.
            edge = seen.type == "admin" and index in {0, selection.size - 1} and edge
        # WHY: a shard announces one other key, with which later checkpoints are signed too.
        announces = seen.what == "key_rotated" and index < selection.first
        if wanted or edge or announces:
            yield Chosen(index, entry, inside=wanted)


def _records(folder: LedgerFolder, size: int) -> Iterator[tuple[int, bytes, Seen]]:
    for stored in islice(Reading(folder), size):
        try:
            yield stored.index, stored.entry, _SEEN.decode(stored.entry)
        except msgspec.MsgspecError:
            raise ChainBroken(
                f"record {stored.index} cannot be read", hint="run perimeter verify"
            ) from None
