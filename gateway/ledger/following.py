"""What reads beside the thread that writes, and follows it from shard to shard."""

from collections.abc import Callable

from gateway.ledger.follower import Follower
from gateway.ledger.index import Index
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Live, Reader
from gateway.ledger.shard import Shard
from gateway.ledger.shard_reader import ShardReader
from gateway.ledger.writer import Writer


class Following:
    """The reader of a ledger, and the thread that lets its index follow."""

    def __init__(self, root: LedgerFolder, writer: Writer, shard: Shard) -> None:
        self._writer = writer
        size = _size_in(writer)
        index = _index(shard.folder, size())
        live = Live(shard.folder, ShardReader(shard.folder, index, size))
        self.reader = Reader(root, live)
        self.follower = None if index is None else Follower(index, size)

    def moved(self, shard: Shard) -> None:
        """Another shard is written now; the index of the one before is left to the thread."""
        size = _size_in(self._writer)
        index = _index(shard.folder, size()) if self.follower is not None else None
        if index is not None and self.follower is not None:
            self.follower.follow(index, size)
        self.reader.follow(Live(shard.folder, ShardReader(shard.folder, index, size)))

    def close(self) -> None:
        """Let go of the indexes."""
        self.reader.close()
        if self.follower is not None:
            self.follower.close()


def _size_in(writer: Writer) -> Callable[[], int]:
    """Return what tells how many entries of the shard that is written now are durable."""
    base = writer.base
    return lambda: writer.size - base


def _index(folder: LedgerFolder, size: int) -> Index | None:
    try:
        return Index.make(folder, size)
    except Exception:  # noqa: BLE001 - whatever stands in that file must not stop a start
        # WHY: without an index the reader goes through the journal; nothing is lost but time.
        return None
