"""Where each record stands, by id: made from the journal, and made again whenever it is lost.

It is no evidence. It follows the journal from behind and never holds up an append.
"""

import sqlite3
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.audit.tree import leaf_hash
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import START, Place, Reading, Stored

VERSION = 1
BUSY_S_MAX = 2.0
CHUNK_ENTRIES_MAX = 1_000
_SCHEMA = """
CREATE TABLE entries (
  position INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, segment INTEGER NOT NULL,
  offset INTEGER NOT NULL, leaf BLOB NOT NULL
);
CREATE INDEX entries_by_id ON entries (id);
CREATE TABLE covered (
  one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, segment INTEGER NOT NULL,
  offset INTEGER NOT NULL
);
PRAGMA user_version = 1;
"""


class _Named(Struct, frozen=True):
    id: str
    type: str


_NAMED = msgspec.json.Decoder(_Named)


class Indexed(Struct, frozen=True):
    """How far the index goes, and index and place of the entries that were asked for."""

    size: int = 0
    end: Place = START
    places: tuple[tuple[int, Place], ...] = ()


class Index:
    """One SQLite file. Methods raise sqlite3.Error; safe to use from several threads."""

    def __init__(self, connection: sqlite3.Connection, folder: LedgerFolder) -> None:
        self._sql = connection
        self._folder = folder
        self._lock = threading.Lock()

    @classmethod
    def make(cls, folder: LedgerFolder, size: int) -> "Index":
        """Open the index of a log of that size; one that does not fit is made anew."""
        try:
            index = cls(_connect(folder.index, "rwc"), folder)
            if index._fits(size):
                return index
            index.close()
        except sqlite3.Error:
            # WHY: a damaged index is worth nothing; the journal has all that it held.
            pass
        _remove(folder.index)
        connection = _connect(folder.index, "rwc")
        connection.executescript(_SCHEMA)
        connection.execute("INSERT INTO covered VALUES (1, 0, ?, ?)", (START.segment, START.offset))
        return cls(connection, folder)

    @classmethod
    def peek(cls, folder: LedgerFolder) -> "Index | None":
        """Open an existing index only to read it; None when there is none that fits."""
        try:
            index = cls(_connect(folder.index, "ro"), folder)
            return index if index._version() == VERSION else None
        except sqlite3.Error:
            return None

    def catch_up(self, size: int) -> bool:
        """Read a part of what is missing below that size; is there more to read?"""
        with self._lock:
            known, end = self._covered()
            if known >= size:
                return False
            reading = Reading(self._folder, known, end)
            chunk = list(islice(reading, min(CHUNK_ENTRIES_MAX, size - known)))
            with self._sql:
                self._sql.execute("BEGIN IMMEDIATE")
                self._sql.executemany(
                    "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", map(_row, chunk)
                )
                self._sql.execute(
                    "UPDATE covered SET size = ?, segment = ?, offset = ?",
                    (reading.index, reading.end.segment, reading.end.offset),
                )
            return bool(chunk) and reading.index < size

    def find(self, record_id: str) -> Indexed:
        """Return where the records of that id stand, as far as the index goes."""
        with self._lock:
            size, end = self._covered()
            rows = self._sql.execute(
                "SELECT position, segment, offset FROM entries WHERE id = ? ORDER BY position",
                (record_id,),
            ).fetchall()
        places = tuple((position, Place(segment, offset)) for position, segment, offset in rows)
        return Indexed(size, end, places)

    def leaves(self) -> Iterator[bytes]:
        """Yield the leaf hash of every entry that the index knows."""
        for (leaf,) in self._sql.execute("SELECT leaf FROM entries ORDER BY position"):
            yield bytes(leaf)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._sql.close()

    def _covered(self) -> tuple[int, Place]:
        row = self._sql.execute("SELECT size, segment, offset FROM covered").fetchone()
        return row[0], Place(row[1], row[2])

    def _version(self) -> int:
        return int(self._sql.execute("PRAGMA user_version").fetchone()[0])

    def _fits(self, size: int) -> bool:
        """Is the index of this form, not ahead of the log, and right about its last entry?"""
        if self._version() != VERSION:
            return False
        known, _ = self._covered()
        last = self._sql.execute(
            "SELECT position, segment, offset, leaf FROM entries ORDER BY position DESC LIMIT 1"
        ).fetchone()
        if last is None or known > size:
            return known == 0
        position, segment, offset, leaf = last
        stored = stored_at(self._folder, position, Place(segment, offset))
        return position == known - 1 and stored is not None and leaf_hash(stored.entry) == leaf


def stored_at(folder: LedgerFolder, index: int, place: Place) -> Stored | None:
    """Return the entry that stands at that place; None when there is none."""
    try:
        return next(iter(Reading(folder, index, place)), None)
    except OSError:
        return None


def _row(stored: Stored) -> tuple[int, str, str, int, int, bytes]:
    named = _NAMED.decode(stored.entry)
    place = stored.place
    leaf = leaf_hash(stored.entry)
    return stored.index, named.id, named.type, place.segment, place.offset, leaf


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_S_MAX,
        isolation_level=None,
        check_same_thread=False,
    )
    if mode != "ro":
        connection.execute("PRAGMA journal_mode = WAL")
        # WHY: in write-ahead mode this cannot corrupt the file, only lose its newest rows.
        connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
