"""Where each record stands, by id: made from the journal, and made again whenever it is lost.

It is no evidence. It follows the journal from behind and never holds up an append. Whoever can
write to the folder can put anything in its place: so its form is compared, every value is looked
at, each call has an end, and whatever is odd is thrown away and made anew.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import msgspec
from msgspec import Struct

from gateway.audit.tree import leaf_hash
from gateway.ledger.index_file import are_files, connect, remove
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import START, Place, Reading, Stored

VERSION = 2
CHUNK_ENTRIES_MAX = 1_000
STEPS_MAX = 20_000_000
_STEPS_BETWEEN_LOOKS = 100_000
_SCHEMA = (
    "CREATE TABLE entries (position INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL,"
    " segment INTEGER NOT NULL, offset INTEGER NOT NULL, leaf BLOB NOT NULL)",
    "CREATE INDEX entries_by_id ON entries (id)",
    "CREATE TABLE covered (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL,"
    " segment INTEGER NOT NULL, offset INTEGER NOT NULL)",
)
# WHY: in write-ahead mode this cannot corrupt the file, only lose its newest rows.
_MODES = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL")
# WHY: what lies in a damaged index, or in the journal at a place that it names, is of any type.
_ODD = (TypeError, ValueError, OverflowError, msgspec.MsgspecError)


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
    """One SQLite file. Methods raise sqlite3.Error; safe to use from several threads.

    No call takes more than `STEPS_MAX` steps of SQLite's machine.
    """

    def __init__(self, connection: sqlite3.Connection, folder: LedgerFolder) -> None:
        self._sql = connection
        self._folder = folder
        self._lock = threading.Lock()
        self._steps = 0
        connection.set_progress_handler(self._stepped, _STEPS_BETWEEN_LOOKS)

    @classmethod
    def make(cls, folder: LedgerFolder, size: int) -> "Index":
        """Open the index of a log of that size; one that does not fit is made anew."""
        found = cls._open(folder, "rw")
        if found is not None:
            if found.is_right(size):
                return found
            found.close()
        remove(folder.index)
        connection = connect(folder.index, "rwc")
        for statement in _MODES:
            connection.execute(statement)
        for statement in (*_SCHEMA, f"PRAGMA user_version = {VERSION}"):
            connection.execute(statement)
        connection.execute("INSERT INTO covered VALUES (1, 0, ?, ?)", (START.segment, START.offset))
        return cls(connection, folder)

    @classmethod
    def peek(cls, folder: LedgerFolder) -> "Index | None":
        """Open an existing index only to read it; None when there is none that fits."""
        return cls._open(folder, "ro")

    @classmethod
    def _open(cls, folder: LedgerFolder, mode: str) -> "Index | None":
        """Return an index that has this very form; None for anything else, whatever it is."""
        if not are_files(folder.index):
            return None
        try:
            index = cls(connect(folder.index, mode), folder)
        except sqlite3.Error:
            return None
        with suppress(sqlite3.Error, *_ODD):
            if index._has_the_form():
                return index
        index.close()
        return None

    def is_right(self, size: int) -> bool:
        """Does this index fit a log of that size, and can it be written?"""
        try:
            if not self._fits(size):
                return False
            for statement in _MODES:
                self._sql.execute(statement)
        except (sqlite3.Error, OSError, *_ODD):
            return False
        return True

    def catch_up(self, size: int) -> bool:
        """Read a part of what is missing below that size; is there more to read?"""
        with self._lock:
            self._steps = 0
            try:
                return self._read_more(size)
            except _ODD as error:
                raise _damaged(error) from None

    def find(self, record_id: str) -> Indexed:
        """Return where the records of that id stand, as far as the index goes."""
        with self._lock:
            self._steps = 0
            try:
                size, end = self._covered()
                rows = self._sql.execute(
                    "SELECT position, segment, offset FROM entries WHERE id = ? ORDER BY position",
                    (record_id,),
                ).fetchall()
                return Indexed(size, end, tuple((row[0], _place(*row)) for row in rows))
            except _ODD as error:
                raise _damaged(error) from None

    def leaves(self) -> Iterator[bytes]:
        """Yield the leaf hash of every entry that the index knows."""
        for (leaf,) in self._sql.execute("SELECT leaf FROM entries ORDER BY position"):
            self._steps = 0
            if not isinstance(leaf, bytes):
                raise _damaged(TypeError())
            yield leaf

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._sql.close()

    def _read_more(self, size: int) -> bool:
        known, end = self._covered()
        if known >= size:
            return False
        reading = Reading(self._folder, known, end)
        chunk = list(islice(reading, min(CHUNK_ENTRIES_MAX, size - known)))
        with self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            self._sql.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", map(_row, chunk))
            self._sql.execute(
                "UPDATE covered SET size = ?, segment = ?, offset = ?",
                (reading.index, reading.end.segment, reading.end.offset),
            )
        return bool(chunk) and reading.index < size

    def _covered(self) -> tuple[int, Place]:
        row = self._sql.execute("SELECT size, segment, offset FROM covered").fetchone()
        return row[0], _place(*row)

    def _has_the_form(self) -> bool:
        """Is everything in the file what we make, with no view, trigger or table beside it?"""
        version = self._sql.execute("PRAGMA user_version").fetchone()
        found = self._sql.execute("SELECT sql FROM sqlite_master LIMIT 10").fetchall()
        return version == (VERSION,) and sorted(found) == sorted((one,) for one in _SCHEMA)

    def _fits(self, size: int) -> bool:
        """Is the index not ahead of the log, and right about its last entry and its end?"""
        known, end = self._covered()
        last = self._sql.execute(
            "SELECT position, segment, offset, leaf FROM entries ORDER BY position DESC LIMIT 1"
        ).fetchone()
        if last is None:
            return (known, end) == (0, START)
        *place, leaf = last
        if known > size or last[0] != known - 1:
            return False
        reading = Reading(self._folder, last[0], _place(*place))
        stored = next(iter(reading), None)
        return stored is not None and leaf_hash(stored.entry) == leaf and reading.end == end

    def _stepped(self) -> int:
        self._steps += _STEPS_BETWEEN_LOOKS
        return self._steps > STEPS_MAX


def stored_at(folder: LedgerFolder, index: int, place: Place) -> Stored | None:
    """Return the entry that stands at that place; None when there is none."""
    try:
        return next(iter(Reading(folder, index, place)), None)
    except (OSError, *_ODD):
        return None


def _place(position: object, segment: object, offset: object) -> Place:
    """Return a place if these are numbers as they stand in an index; TypeError, ValueError."""
    _number(position)
    return Place(_number(segment), _number(offset))


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError
    if value < 0:
        raise ValueError
    return value


def _row(stored: Stored) -> tuple[int, str, str, int, int, bytes]:
    named = _NAMED.decode(stored.entry)
    place = stored.place
    leaf = leaf_hash(stored.entry)
    return stored.index, named.id, named.type, place.segment, place.offset, leaf


def _damaged(error: Exception) -> sqlite3.DatabaseError:
    return sqlite3.DatabaseError(f"the index is damaged: {type(error).__name__}")
