"""The checkpoint store: the last word of each log, apart from its evidence.

It is small and it is trusted: whoever can change it can make a log sign two histories. It moves
only forward, by compare and swap: a log that was restored from an older copy, or that two
processes write, no longer fits, and is refused.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.audit.tree import EMPTY_ROOT, HASH_BYTES, Head
from gateway.domain.errors import ChainBroken
from gateway.ledger.entry import Opened
from gateway.ledger.reading import START, Place

BUSY_S_MAX = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS checkpoints (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL,
  latest_us INTEGER NOT NULL, boot TEXT NOT NULL,
  frontier BLOB NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL,
  before_size INTEGER NOT NULL, before_frontier BLOB NOT NULL, before_segment INTEGER NOT NULL,
  before_offset INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS open_requests (
  origin TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL, opened BLOB NOT NULL,
  PRIMARY KEY (origin, id)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS never_back BEFORE UPDATE ON checkpoints
WHEN NEW.size < OLD.size BEGIN SELECT RAISE(ABORT, 'a checkpoint never goes back'); END;
CREATE TRIGGER IF NOT EXISTS never_gone BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'a checkpoint is never deleted'); END;
PRAGMA user_version = 2;
"""


class Mark(Struct, frozen=True):
    """Where a reader can go on: how many entries, the tree over them, the place after them."""

    size: int = 0
    frontier: tuple[bytes, ...] = ()
    end: Place = START


class Sealed(Struct, frozen=True):
    """The last checkpoint of a log, and what a start needs so that it reads only the newest part.

    `mark` is at the checkpoint and `before` at the one before it: what lies between them must
    give this root. `latest_us` is the time that the next record is held against, and `boot` the
    boot that was writing, empty when it had stopped.
    """

    head: Head
    note: str = ""
    mark: Mark = Mark()
    before: Mark = Mark()
    latest_us: int = 0
    boot: str = ""


class OpenChange(Struct, frozen=True):
    """Requests decided and not settled: those that came or were tried, and those that went."""

    came: Mapping[str, Opened] = {}
    went: frozenset[str] = frozenset()


_OPENED = msgspec.json.Decoder(Opened)
NOTHING_YET = Sealed(Head(0, EMPTY_ROOT))


class CheckpointStore:
    """One SQLite file. Methods raise sqlite3.Error when it cannot be read or written."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    @classmethod
    def make(cls, path: Path) -> "CheckpointStore":
        """Open the store, and make it where it is not there yet."""
        path.touch(mode=0o600)
        store = cls(_connect(path, "rw"))
        store._sql.executescript(_SCHEMA)
        return store

    @classmethod
    def open(cls, path: Path, *, reading: bool = False) -> "CheckpointStore":
        """Open an existing store; one that is not there is an error, never made anew."""
        return cls(_connect(path, "ro" if reading else "rw"))

    def latest(self, origin: str) -> Sealed | None:
        """Return the last checkpoint of that log; None when the store does not know it."""
        row = self._sql.execute(
            "SELECT size, root, note, latest_us, boot, size, frontier, segment, offset,"
            " before_size, before_frontier, before_segment, before_offset FROM checkpoints"
            " WHERE origin = ?",
            (origin,),
        ).fetchone()
        if row is None:
            return None
        size, root, note, latest_us, boot = row[:5]
        return Sealed(Head(size, root), note, _mark(row[5:9]), _mark(row[9:]), latest_us, boot)

    def open_requests(self, origin: str) -> dict[str, Opened]:
        """Return the requests that were open at the last checkpoint, in the order of the log."""
        rows = self._sql.execute(
            "SELECT id, opened FROM open_requests WHERE origin = ? ORDER BY position", (origin,)
        )
        return {record_id: _OPENED.decode(opened) for record_id, opened in rows.fetchall()}

    def begin(self, origin: str) -> None:
        """Take a new log into the store; ChainBroken when one of that name has a checkpoint."""
        known = self.latest(origin)
        if known is not None and known.note:
            raise ChainBroken("the checkpoint store has a log of this name already")
        self._sql.execute(
            "INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (origin, *_columns(NOTHING_YET)),
        )

    def advance(self, origin: str, expected: Head, fresh: Sealed, change: OpenChange) -> None:
        """Put a newer checkpoint in the place of the expected one, durably; ChainBroken.

        INVARIANT: a checkpoint that is not the one we wrote last is never replaced.
        """
        with self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            swapped = self._sql.execute(
                "UPDATE checkpoints SET size = ?, root = ?, note = ?, latest_us = ?, boot = ?,"
                " frontier = ?, segment = ?, offset = ?, before_size = ?, before_frontier = ?,"
                " before_segment = ?, before_offset = ? WHERE origin = ? AND size = ? AND root = ?",
                (*_columns(fresh), origin, expected.size, expected.root),
            )
            if swapped.rowcount != 1 or fresh.head.size < expected.size:
                raise ChainBroken(
                    "the checkpoint store holds another checkpoint than the one written last",
                    hint="a second writer, or a copy that was put back; run perimeter verify",
                )
            self._sql.executemany(
                "DELETE FROM open_requests WHERE origin = ? AND id = ?",
                [(origin, record_id) for record_id in change.went],
            )
            self._sql.executemany(
                "INSERT OR REPLACE INTO open_requests VALUES (?, ?, ?, ?)",
                [
                    (origin, record_id, came.position, msgspec.json.encode(came, order="sorted"))
                    for record_id, came in change.came.items()
                ],
            )

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_S_MAX,
        isolation_level=None,
        check_same_thread=False,
    )
    if mode == "rw":
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    return connection


def _columns(sealed: Sealed) -> tuple[object, ...]:
    _, *mark = _packed(sealed.mark)
    head = sealed.head
    told = (head.size, head.root, sealed.note, sealed.latest_us, sealed.boot)
    return (*told, *mark, *_packed(sealed.before))


def _packed(mark: Mark) -> tuple[int, bytes, int, int]:
    return mark.size, b"".join(mark.frontier), mark.end.segment, mark.end.offset


def _mark(row: tuple[int, bytes, int, int]) -> Mark:
    size, packed, segment, offset = row
    frontier = (packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES))
    return Mark(size, tuple(frontier), Place(segment, offset))
