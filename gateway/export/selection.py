"""Which records of a log are exported: those of a time, and all that belongs to their requests.

Without labels the export is one unbroken run of records, with the one before the time and the one
after it: so that whoever verifies it sees that nothing of that time is left out. With labels it
holds the requests of these labels alone and every Admin record of the time.
"""

from collections.abc import Iterator
from itertools import islice

import msgspec
from msgspec import Struct

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
        begun = self.from_us is None or ts_us >= self.from_us
        return begun and (self.to_us is None or ts_us < self.to_us)

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


class Chosen(Struct, frozen=True):
    """One record of an export. `inside` is False for one that only shows where the time ends."""

    index: int
    entry: bytes
    inside: bool


_SEEN: msgspec.json.Decoder[Seen] = msgspec.json.Decoder(Seen)


def select(folder: LedgerFolder, size: int, asked: Asked) -> Selection:
    """Find the run of records of that time in a log of that size; LedgerUnavailable for none."""
    first = last = None
    for index, _, seen in _records(folder, size):
        if asked.holds(seen.ts_us):
            first = index if first is None else first
            last = index
    if first is None or last is None:
        raise LedgerUnavailable(NOTHING, hint=HINT)
    return Selection(asked, max(0, first - 1), min(size - 1, last + 1), size)


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
        edge = not asked.labels and selection.first <= index <= selection.last
        if wanted or edge:
            yield Chosen(index, entry, inside=wanted)


def _records(folder: LedgerFolder, size: int) -> Iterator[tuple[int, bytes, Seen]]:
    for stored in islice(Reading(folder), size):
        try:
            yield stored.index, stored.entry, _SEEN.decode(stored.entry)
        except msgspec.MsgspecError:
            raise ChainBroken(
                f"record {stored.index} cannot be read", hint="run perimeter verify"
            ) from None
