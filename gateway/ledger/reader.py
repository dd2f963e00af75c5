"""Reads what the log says of one request, over all its shards.

Records are counted through: the first of the second shard has the number after the last of the
first.
"""

from collections.abc import Iterator
from contextlib import closing

from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.record import Admin, Attempted, Decided, Record, Settled
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger.index import Index
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import Stored
from gateway.ledger.shard_reader import ShardReader
from gateway.ledger.shards import shards, size_of


class RequestRecords(Struct, frozen=True):
    """What the log says of one request, and at which indexes.

    `decided.key_id` is the key of the caller who may read it.
    """

    decided: Decided
    attempted: tuple[Attempted, ...] = ()
    settled: Settled | None = None
    indexes: tuple[int, ...] = ()


class Live(Struct, frozen=True):
    """The shard that this process writes."""

    folder: LedgerFolder
    reader: ShardReader


class Reader:
    """Finds records by id in all shards, the newest first.

    With `live`, it reads of that shard what is durable, and asks the indexes of the closed ones;
    without it, the journals are read to their ends. Methods block. LedgerUnavailable when a journal
    cannot be read, ChainBroken when a record cannot.
    """

    def __init__(self, folder: LedgerFolder, live: Live | None = None) -> None:
        self._folder = folder
        self._live = live

    def follow(self, live: Live) -> None:
        """Another shard is written now."""
        self._live = live

    def entries(self, start: int = 0) -> Iterator[Stored]:
        """Yield every durable entry from that number on."""
        live = self._live
        base = 0
        for folder in self._shards():
            reader = self._reader(folder, live)
            if live is not None and folder == live.folder:
                yield from _counted(reader, start, base)
                return
            size = self._size(folder)
            if size is None or base + size > start:
                yield from _counted(reader, start, base)
            base += size or 0

    def record_of(self, record_id: str) -> RequestRecords | None:
        """Return the records of one request; None when the log has none of that id."""
        live, found = self._live, list[tuple[int, Record]]()
        for folder in reversed(self._shards()):
            found[:0] = self._found(folder, live, record_id)
            if any(isinstance(record, Decided) for _, record in found):
                return of_request(found)
        return None

    def close(self) -> None:
        """Let go of the index."""
        if self._live is not None:
            self._live.reader.close()

    def _shards(self) -> tuple[LedgerFolder, ...]:
        try:
            return shards(self._folder)
        except OSError as error:
            raise _unavailable(error) from None

    def _found(
        self, folder: LedgerFolder, live: Live | None, record_id: str
    ) -> list[tuple[int, Record]]:
        base = sum(self._size(one) or 0 for one in self._before(folder))
        if live is None or folder == live.folder:
            found = self._reader(folder, live).found(record_id)
        else:
            with closing(ShardReader(folder, Index.peek(folder))) as reader:
                found = reader.found(record_id)
        return [(base + index, record) for index, record in found]

    def _before(self, folder: LedgerFolder) -> tuple[LedgerFolder, ...]:
        known = self._shards()
        return known[: known.index(folder)]

    def _size(self, folder: LedgerFolder) -> int | None:
        """Return how many records a closed shard has; None of the last, which is not closed."""
        if folder == self._shards()[-1]:
            return None
        try:
            return size_of(folder)
        except OSError as error:
            raise _unavailable(error) from None

    @staticmethod
    def _reader(folder: LedgerFolder, live: Live | None) -> ShardReader:
        is_live = live is not None and folder == live.folder
        return live.reader if live is not None and is_live else ShardReader(folder)


def _counted(reader: ShardReader, start: int, base: int) -> Iterator[Stored]:
    for stored in reader.entries(max(0, start - base)):
        yield replace(stored, index=base + stored.index) if base else stored


def of_request(found: list[tuple[int, Record]]) -> RequestRecords:
    """Return what these numbered records say of one request; one of them is its Decided."""
    told = [(index, record) for index, record in found if not isinstance(record, Admin)]
    decided = next(record for _, record in told if isinstance(record, Decided))
    attempted = tuple(record for _, record in told if isinstance(record, Attempted))
    settled = next((record for _, record in told if isinstance(record, Settled)), None)
    return RequestRecords(decided, attempted, settled, tuple(index for index, _ in told))


def _unavailable(error: OSError) -> LedgerUnavailable:
    return LedgerUnavailable("the ledger cannot be read", hint=error.strerror or "")
