"""One pass over the entries of a journal, from its bytes."""

from collections.abc import Iterator
from enum import Enum
from typing import BinaryIO

from msgspec import Struct

from gateway.ledger import frames
from gateway.ledger.frames import FRAME_HEADER_BYTES, HEADER_BYTES
from gateway.ledger.paths import LedgerFolder


class Place(Struct, frozen=True):
    """Where a frame begins: the segment (by its first index) and the byte in it."""

    segment: int
    offset: int


class Stored(Struct, frozen=True):
    """One entry, its index, and where its frame begins."""

    index: int
    entry: bytes
    place: Place


class DamageKind(Enum):
    """A torn tail is what a crash leaves; anything else was done to the journal."""

    TORN = "torn"
    BROKEN = "broken"


class Damage(Struct, frozen=True):
    """Why reading ended early: before which record, where, and what was found."""

    kind: DamageKind
    index: int
    place: Place
    reason: str


START = Place(0, HEADER_BYTES)


class Reading:
    """Iterates once over the entries from a place on; `damage` says why it ended early.

    `index` is that of the next entry and `end` its place, during the pass and after it.
    """

    def __init__(self, folder: LedgerFolder, index: int = 0, start: Place = START) -> None:
        self.index = index
        self.end = start
        self.damage: Damage | None = None
        self._folder = folder

    def __iter__(self) -> Iterator[Stored]:
        """Yield every whole entry; OSError when a segment cannot be read."""
        found = [first for first in self._folder.segments() if first >= self.end.segment]
        if not found or found[0] != self.end.segment:
            self._broken("its segment is missing")
            return
        for position, first in enumerate(found):
            if position:
                if first != self.index:
                    self._broken(f"the next segment begins with record {first}")
                    return
                self.end = Place(first, HEADER_BYTES)
            yield from self._segment(is_last=position == len(found) - 1)
            if self.damage is not None:
                return

    def _segment(self, *, is_last: bool) -> Iterator[Stored]:
        first = self.end.segment
        with self._folder.segment(first).open("rb") as file:
            if file.read(HEADER_BYTES) != frames.header(first):
                self._bad_header(file, is_last=is_last)
                return
            if file.seek(0, 2) < self.end.offset:
                self._broken("the segment ends before this place")
                return
            file.seek(self.end.offset)
            while (data := self._next_frame(file)) is not None:
                frame = frames.read(data)
                if frame is None:
                    rest = data[1:] + file.read()
                    self._bad_frame(rest, is_last=is_last)
                    return
                stored = Stored(self.index, frame.entry, self.end)
                self.index += 1
                self.end = Place(first, self.end.offset + len(data))
                yield stored

    @staticmethod
    def _next_frame(file: BinaryIO) -> bytes | None:
        head = file.read(FRAME_HEADER_BYTES)
        if not head:
            return None
        size = frames.entry_bytes(head)
        return head if size is None else head + file.read(size)

    def _bad_frame(self, rest: bytes, *, is_last: bool) -> None:
        if not is_last:
            self._broken("the segment is damaged here, and the log goes on after it")
        elif frames.has_later_group(rest, self.index):
            self._broken("the segment is damaged here, before records that were written later")
        else:
            self._torn()

    def _bad_header(self, file: BinaryIO, *, is_last: bool) -> None:
        file.seek(0)
        data = file.read()
        # WHY: a segment is made, then its header is written with the first group: until that is
        # on the disk, nothing in this file was acknowledged.
        is_new = self.end.offset == HEADER_BYTES and self.index == self.end.segment
        if is_last and is_new and self.index and not frames.has_later_group(data, self.index):
            self.end = Place(self.end.segment, 0)
            self._torn()
        else:
            self._broken("the segment has no header of its own")

    def _torn(self) -> None:
        reason = "the tail is torn, as a crash leaves it"
        self.damage = Damage(DamageKind.TORN, self.index, self.end, reason)

    def _broken(self, reason: str) -> None:
        self.damage = Damage(DamageKind.BROKEN, self.index, self.end, reason)
