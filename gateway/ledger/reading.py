"""One pass over the entries of a journal, from its bytes; the journal may grow meanwhile."""

import os
from collections.abc import Iterator
from enum import Enum
from typing import BinaryIO

from msgspec import Struct

from gateway.ledger import frames
from gateway.ledger.frames import FRAME_BYTES_MAX, FRAME_HEADER_BYTES, HEADER_BYTES, Frame
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import open_plain
from gateway.ledger.torn import Rest, look


class Place(Struct, frozen=True):
    """Where a frame begins: the segment (by its first index) and the byte in it."""

    segment: int
    offset: int


class Stored(Struct, frozen=True):
    """One entry, its index, where its frame begins, and the group and MAC of the frame."""

    index: int
    entry: bytes
    place: Place
    group: int = 0
    mac: bytes = b""


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

    `index` is that of the next entry and `end` its place, during the pass and after it; `last` is
    the place after the last whole entry, which differs where a segment has begun without one.
    """

    def __init__(self, folder: LedgerFolder, index: int = 0, start: Place = START) -> None:
        self.index = index
        self.end = start
        self.last = start
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
        with open_plain(self._folder.segment(self.end.segment)) as file:
            if not self._begins(file, is_last=is_last):
                return
            file.seek(self.end.offset)
            while (data := self._next_frame(file)) is not None:
                frame = frames.read(data)
                if frame is None:
                    frame = self._second_look(file, is_last=is_last)
                if frame is None:
                    return
                stored = Stored(self.index, frame.entry, self.end, frame.group, frame.mac)
                self.index += 1
                offset = self.end.offset + FRAME_HEADER_BYTES + len(frame.entry)
                self.end = self.last = Place(self.end.segment, offset)
                yield stored

    def _begins(self, file: BinaryIO, *, is_last: bool) -> bool:
        """Does the segment have its header, and reach to the place where reading begins?"""
        first = self.end.segment
        if file.read(HEADER_BYTES) != frames.header(first):
            rest = self._rest(file, 0)
            if os.pread(file.fileno(), HEADER_BYTES, 0) != frames.header(first):
                self._bad_header(rest, is_last=is_last)
                return False
        if file.seek(0, os.SEEK_END) < self.end.offset:
            self._broken("the segment ends before this place")
            return False
        return True

    def _second_look(self, file: BinaryIO, *, is_last: bool) -> Frame | None:
        """Return the frame if it was only being written; else say what is wrong with it.

        INVARIANT: the rest is read before the frame is read again: a later group in the rest
        proves that this frame had been written before, so it must be whole by now.
        """
        rest = self._rest(file, self.end.offset + 1)
        again = os.pread(file.fileno(), FRAME_BYTES_MAX, self.end.offset)
        frame = frames.read(again)
        if frame is not None:
            file.seek(self.end.offset + FRAME_HEADER_BYTES + len(frame.entry))
            return frame
        if not is_last:
            self._broken("the segment is damaged here, and the log goes on after it")
        elif rest is Rest.LATER:
            self._broken("the segment is damaged here, before records that were written later")
        elif rest is Rest.TOO_MUCH:
            self._broken("the segment is damaged here, and more follows than a crash leaves")
        else:
            self._torn()
        return None

    def _bad_header(self, rest: Rest, *, is_last: bool) -> None:
        # WHY: a segment is made, then its header is written with the first group: until that is
        # on the disk, nothing in this file was acknowledged.
        is_new = self.end.offset == HEADER_BYTES and self.index == self.end.segment
        if is_last and is_new and self.index and rest is Rest.TORN:
            self.end = Place(self.end.segment, 0)
            self._torn()
        else:
            self._broken("the segment has no header of its own")

    @staticmethod
    def _next_frame(file: BinaryIO) -> bytes | None:
        head = file.read(FRAME_HEADER_BYTES)
        if not head:
            return None
        size = frames.entry_bytes(head)
        return head if size is None else head + file.read(size)

    def _rest(self, file: BinaryIO, offset: int) -> Rest:
        return look(file, offset, self.index)

    def _torn(self) -> None:
        reason = "the tail is torn, as a crash leaves it"
        self.damage = Damage(DamageKind.TORN, self.index, self.end, reason)

    def _broken(self, reason: str) -> None:
        self.damage = Damage(DamageKind.BROKEN, self.index, self.end, reason)
