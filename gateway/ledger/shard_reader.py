"""Reads what one shard says of a request."""

import sqlite3
from collections.abc import Callable, Iterator

from gateway.audit.canonical import EntryUnreadable, decode
from gateway.audit.record import Decided, Record, Settled
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.index import Index, Indexed, stored_at
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.pruning import is_pruned
from gateway.ledger.reading import START, DamageKind, Place, Reading, Stored

HINT = "run perimeter verify"
LAST = 2**63 - 1


class ShardReader:
    """Finds records by id in the journal; an index, where one is given, tells where to look.

    INVARIANT: the index hides no record of a request of which it tells any: between the first and
    the last, and to the end of the log while the request is open, the journal itself is read.

    `size` returns how many entries are durable; without it the journal is read to its end.
    Methods block. LedgerUnavailable when the journal cannot be read, ChainBroken when a record
    cannot.
    """

    def __init__(
        self,
        folder: LedgerFolder,
        index: Index | None = None,
        size: Callable[[], int] | None = None,
    ) -> None:
        self._folder = folder
        self._index = index
        self._size = size

    def entries(self, start: int = 0) -> Iterator[Stored]:
        """Yield every durable entry from that index on."""
        try:
            first = max((one for one in self._folder.segments() if one <= start), default=0)
        except OSError as error:
            raise _unavailable(error) from None
        for stored in self.entries_from(first, Place(first, START.offset)):
            if stored.index >= start:
                yield stored

    def entries_from(self, start: int, place: Place) -> Iterator[Stored]:
        """Yield every durable entry from that one on, which stands at that place."""
        try:
            yield from self._from(start, place)
        except OSError as error:
            raise _unavailable(error) from None

    def found(self, record_id: str) -> list[tuple[int, Record]]:
        """Return the records of one request in this shard, with their indexes."""
        try:
            return list(self._find(record_id))
        except OSError as error:
            raise _unavailable(error) from None

    def found_from(
        self, record_id: str, start: int, place: Place, last: int
    ) -> Iterator[tuple[int, Record]]:
        """Yield the records of one request from that entry on, until it ends or the last was seen.

        OSError when the journal cannot be read.
        """
        wanted = record_id.encode()
        for stored in self._from(start, place):
            if stored.index > last:
                return
            if wanted in stored.entry and (record := _record(stored)).id == record_id:
                yield stored.index, record
                if isinstance(record, Settled):
                    return

    def close(self) -> None:
        """Let go of the index."""
        if self._index is not None:
            self._index.close()

    def _find(self, record_id: str) -> Iterator[tuple[int, Record]]:
        indexed = self._indexed(record_id)
        start, place = indexed.size, indexed.end
        if indexed.places:
            start, place = indexed.places[0]
            first = self._at(start, place)
            if not isinstance(first, Decided) or first.id != record_id:
                # WHY: the index is wrong about one record, so it may be wrong about any.
                start, place = 0, START
        yield from self.found_from(record_id, start, place, LAST)

    def _indexed(self, record_id: str) -> Indexed:
        if self._index is None:
            return Indexed()
        try:
            if self._size is not None:
                self._index.catch_up(self._size())
            return self._index.find(record_id)
        except sqlite3.Error:
            return Indexed()

    def _at(self, index: int, place: Place) -> Record | None:
        stored = stored_at(self._folder, index, place)
        return None if stored is None else _record(stored)

    def _from(self, index: int, start: Place) -> Iterator[Stored]:
        size = None if self._size is None else self._size()
        # WHY: what a pruned shard said is nowhere any more, and that is no damage.
        if is_pruned(self._folder) or (size is not None and index >= size):
            return
        reading = Reading(self._folder, index, start)
        for stored in reading:
            yield stored
            if size is not None and stored.index + 1 >= size:
                return
        damage = reading.damage
        if damage is not None and damage.kind is DamageKind.BROKEN:
            raise ChainBroken(f"the journal is damaged before record {damage.index}", hint=HINT)


def _unavailable(error: OSError) -> LedgerUnavailable:
    return LedgerUnavailable("the ledger cannot be read", hint=error.strerror or "")


def _record(stored: Stored) -> Record:
    try:
        return decode(stored.entry)
    except EntryUnreadable:
        raise ChainBroken(f"record {stored.index} cannot be read", hint=HINT) from None
