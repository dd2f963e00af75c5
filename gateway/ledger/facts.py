"""The facts index: what the records of a log say, as rows that SQLite counts.

It is no evidence, and made again from the journal whenever it does not fit. Whoever asks lets it
catch up, to a signed checkpoint and no further; a gateway never writes it. The hashes of all that
was read are folded into one root, so what was counted is what that checkpoint signs, or nothing.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.audit.canonical import EntryUnreadable, decode
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.facts import CUBES, LISTS, Cube, Facts, Opened, Rows, State
from gateway.audit.record import Record
from gateway.audit.tree import HASH_BYTES, Head, Tree, leaf_hash
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.index_file import are_files, connect, remove
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.pruning import is_pruned, read_leaves
from gateway.ledger.reading import START, Place, Reading, Stored
from gateway.ledger.shards import shards
from gateway.ledger.signed import signed

VERSION = 5
MARK_EVERY = 1_024
CHUNK_ENTRIES_MAX = 20_000
MAPPED_BYTES_MAX = 2**31 - 65_536
HINT = "run perimeter verify"
_TYPES = {int: "INTEGER", str: "TEXT"}
_COUNTED_BY = "example"
_JSON = msgspec.json.Encoder(order="sorted")
_DAYS = (
    "INSERT INTO days VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " last = excluded.last, records = records + excluded.records"
)
ODD = (TypeError, ValueError, OverflowError, msgspec.MsgspecError)
# WHY: in write-ahead mode this cannot corrupt the file, only lose its newest rows.
_MODES = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL")


class Part(Struct, frozen=True):
    """One shard of a ledger, and the checkpoint to which it is read."""

    folder: LedgerFolder
    checkpoint: Checkpoint


class Covered(Struct, frozen=True):
    """How far the index goes: the tree over what was read, the places of next and last entry.

    Of `pruned` records before that only the hashes were read.
    """

    tree: Tree
    next: Place = START
    last: Place = START
    leaf: bytes = b""
    shard: int = 0
    base: int = 0
    pruned: int = 0


class FactsIndex:
    """One SQLite file over one log. sqlite3.Error where it cannot be written or read."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.sql = connection
        # WHY: a list is read backwards, page by page; the kernel reads ahead only in a mapped file.
        connection.execute(f"PRAGMA mmap_size = {MAPPED_BYTES_MAX}")

    @classmethod
    def make(cls, path: Path, parts: Sequence[Part]) -> "FactsIndex":
        """Open the index of a ledger; one that does not fit is made anew."""
        found = cls.peek(path, "rw")
        if found is not None:
            with suppress(sqlite3.Error, OSError, *ODD):
                if found.fits(parts):
                    return found
            found.close()
        return cls.fresh(path)

    @classmethod
    def fresh(cls, path: Path) -> "FactsIndex":
        """Make an empty index in place of whatever is there; LedgerUnavailable."""
        try:
            remove(path)
            connection = connect(path, "rwc")
            for statement in (*_MODES, *schema(), f"PRAGMA user_version = {VERSION}"):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO covered VALUES (1, 0, x'', ?, ?, ?, ?, x'', 0, 1, 0, 0, 0)",
                (START.segment, START.offset, START.segment, START.offset),
            )
        except (sqlite3.Error, OSError) as error:
            raise LedgerUnavailable(
                "the facts index cannot be written", hint=f"--index names another file: {error}"
            ) from None
        return cls(connection)

    @classmethod
    def peek(cls, path: Path, mode: str = "ro") -> "FactsIndex | None":
        """Open an existing index; None for anything that has not this very form."""
        if not are_files(path):
            return None
        try:
            index = cls(connect(path, mode))
        except sqlite3.Error:
            return None
        with suppress(sqlite3.Error, *ODD):
            if index._has_the_form():
                return index
        index.close()
        return None

    @property
    def head(self) -> Head:
        """Size and root of what was read of the last shard."""
        return self.covered().tree.head

    def catch_up(self, parts: Sequence[Part]) -> None:
        """Read all that is missing, shard by shard.

        ChainBroken where an entry cannot be read, or a shard that is left behind is not what its
        checkpoint signs.
        """
        for number in range(self.covered().shard, len(parts)):
            part = parts[number]
            if number > self.covered().shard:
                assert_of(self, parts[number - 1].checkpoint)
                self._begin(number)
            if is_pruned(part.folder):
                self._pass_over(part)
            while self._read_more(part.folder, part.checkpoint.size):
                pass

    def _begin(self, shard: int) -> None:
        """Go on with the next shard: its records are counted through."""
        covered = self.covered()
        base = covered.base + covered.tree.size
        with self.sql:
            self.sql.execute("BEGIN IMMEDIATE")
            if self.covered().shard < shard:
                fresh = Covered(Tree(), START, START, b"", shard, base, covered.pruned)
                self._cover(fresh, self.state())

    def _pass_over(self, part: Part) -> None:
        """Take the hashes of a shard whose content is gone; what it said counts nowhere."""
        covered = self.covered()
        if covered.tree.size:
            return
        tree = Tree()
        for leaf in read_leaves(part.folder):
            tree.append(leaf)
        with self.sql:
            self.sql.execute("BEGIN IMMEDIATE")
            pruned = covered.pruned + tree.size
            read = Covered(tree, START, START, b"", covered.shard, covered.base, pruned)
            self._cover(read, State({}, self.state().latest_us, stopped=False))

    def put(self, rows: Rows) -> None:
        """Add rows; the caller has begun a transaction."""
        days = ((day, one.first, one.last, one.records) for day, one in rows.days.items())
        self.sql.executemany(_DAYS, days)
        for cube in CUBES:
            counts = rows.counts[cube.name].items()
            if counts:
                told = ((*key, *sums, example) for key, (sums, example) in counts)
                self.sql.executemany(_upsert(cube), told)
        for name, columns in LISTS.items():
            listed: list[Struct] = getattr(rows, name)
            marks = ", ".join("?" * len(columns.__struct_fields__))
            values = (msgspec.structs.astuple(one) for one in listed)
            self.sql.executemany(f"INSERT INTO {name} VALUES ({marks})", values)  # noqa: S608

    def mark(self, base: int, chunk: Sequence[Stored]) -> None:
        """Note where some of these entries stand; the caller has begun a transaction."""
        marked = (one for one in chunk if one.index % MARK_EVERY == 0)
        rows = ((base + one.index, one.place.segment, one.place.offset) for one in marked)
        self.sql.executemany("INSERT INTO marks VALUES (?, ?, ?)", rows)

    def state(self) -> State:
        """Return what is carried on: requests that have not ended, the latest record."""
        rows = self.sql.execute("SELECT id, facts FROM opened")
        opened = {name: msgspec.json.decode(facts, type=Opened) for name, facts in rows}
        latest_us, stopped = self.sql.execute("SELECT latest_us, stopped FROM covered").fetchone()
        return State(opened, latest_us, bool(stopped))

    def close(self) -> None:
        """Let go of the file."""
        self.sql.close()

    def _read_more(self, folder: LedgerFolder, size: int) -> bool:
        covered = self.covered()
        known = covered.tree.size
        if known >= size:
            return False
        reading = Reading(folder, known, covered.next)
        chunk = list(islice(reading, min(CHUNK_ENTRIES_MAX, size - known)))
        if not chunk:
            raise ChainBroken(f"the journal ends before record {known}", hint=HINT)
        facts = Facts(self.state())
        for stored in chunk:
            facts.read(covered.base + stored.index, _record(stored))
            covered.tree.append(leaf_hash(stored.entry))
        with self.sql:
            self.sql.execute("BEGIN IMMEDIATE")
            now = self.covered()
            if (now.shard, now.tree.size) != (covered.shard, known):
                # WHY: somebody else has let it catch up meanwhile.
                return True
            self.put(facts.take())
            self.mark(covered.base, chunk)
            last = chunk[-1]
            leaf = leaf_hash(last.entry)
            place = (covered.shard, covered.base, covered.pruned)
            read = Covered(covered.tree, reading.end, last.place, leaf, *place)
            self._cover(read, facts.state)
        return reading.index < size

    def _cover(self, covered: Covered, state: State) -> None:
        self.sql.execute("DELETE FROM opened")
        rows = ((name, _JSON.encode(one)) for name, one in state.opened.items())
        self.sql.executemany("INSERT INTO opened VALUES (?, ?)", rows)
        self.sql.execute(
            "UPDATE covered SET size = ?, frontier = ?, segment = ?, offset = ?,"
            " last_segment = ?, last_offset = ?, leaf = ?, latest_us = ?, stopped = ?,"
            " shard = ?, base = ?, pruned = ?",
            (
                covered.tree.size,
                b"".join(covered.tree.frontier),
                covered.next.segment,
                covered.next.offset,
                covered.last.segment,
                covered.last.offset,
                covered.leaf,
                state.latest_us,
                int(state.stopped),
                covered.shard,
                covered.base,
                covered.pruned,
            ),
        )

    def covered(self) -> Covered:
        """Return how far the index goes."""
        row = self.sql.execute(
            "SELECT size, frontier, segment, offset, last_segment, last_offset, leaf, shard, base,"
            " pruned FROM covered"
        ).fetchone()
        size, frontier, *places, leaf, shard, base, pruned = row
        hashes = [frontier[at : at + HASH_BYTES] for at in range(0, len(frontier), HASH_BYTES)]
        return Covered(
            Tree(size, hashes), Place(*places[:2]), Place(*places[2:]), leaf, shard, base, pruned
        )

    def fits(self, parts: Sequence[Part]) -> bool:
        """Is the index not ahead of the ledger, and right about its last entry?

        One that counted what has been pruned since fits no more: facts go with their records.
        """
        covered = self.covered()
        known = covered.tree.size
        if covered.shard >= len(parts) or known > parts[covered.shard].checkpoint.size:
            return False
        if covered.base != sum(one.checkpoint.size for one in parts[: covered.shard]):
            return False
        if covered.pruned != pruned_in(parts[: covered.shard]):
            return False
        if not known:
            return True
        stored = next(iter(Reading(parts[covered.shard].folder, known - 1, covered.last)), None)
        return stored is not None and leaf_hash(stored.entry) == covered.leaf

    def _has_the_form(self) -> bool:
        version = self.sql.execute("PRAGMA user_version").fetchone()
        found = self.sql.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL LIMIT 64")
        return version == (VERSION,) and sorted(one for (one,) in found) == sorted(schema())


def schema() -> tuple[str, ...]:
    """Return the statements that make the tables."""
    return (
        "CREATE TABLE covered (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL,"
        " frontier BLOB NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL,"
        " last_segment INTEGER NOT NULL, last_offset INTEGER NOT NULL, leaf BLOB NOT NULL,"
        " latest_us INTEGER NOT NULL, stopped INTEGER NOT NULL, shard INTEGER NOT NULL,"
        " base INTEGER NOT NULL, pruned INTEGER NOT NULL)",
        "CREATE TABLE days (day INTEGER PRIMARY KEY, first INTEGER NOT NULL,"
        " last INTEGER NOT NULL, records INTEGER NOT NULL)",
        "CREATE TABLE opened (id TEXT PRIMARY KEY, facts BLOB NOT NULL)",
        "CREATE TABLE marks (position INTEGER PRIMARY KEY, segment INTEGER NOT NULL,"
        " offset INTEGER NOT NULL)",
        *(_cube(cube) for cube in CUBES),
        *(_list(name, columns) for name, columns in LISTS.items()),
        "CREATE INDEX requests_by_id ON requests (id)",
    )


def tables() -> dict[str, tuple[str, ...]]:
    """Return the columns of every table of facts, by its name; the first ones order it."""
    cubes = {cube.name: (*cube.keys, *cube.sums, _COUNTED_BY) for cube in CUBES}
    lists = {name: one.__struct_fields__ for name, one in LISTS.items()}
    places = {"marks": ("position", "segment", "offset")}
    return cubes | lists | places | {"days": ("day", "first", "last", "records")}


def pruned_in(parts: Sequence[Part]) -> int:
    """Return of how many records of these shards only the hashes are left."""
    return sum(one.checkpoint.size for one in parts if is_pruned(one.folder))


def is_of(index: FactsIndex, checkpoint: Checkpoint) -> bool:
    """Was exactly that read which the checkpoint signs?"""
    return index.head == Head(checkpoint.size, checkpoint.root)


def assert_of(index: FactsIndex, checkpoint: Checkpoint) -> None:
    """Raise ChainBroken unless exactly that was read which the checkpoint signs."""
    if not is_of(index, checkpoint):
        raise ChainBroken("the log is not what its checkpoint signs", hint=HINT)


def parts_of(folder: LedgerFolder, vkey: str | None = None) -> tuple[Part, ...]:
    """Return every shard of a ledger with its checkpoint, each as its own key signed it.

    `vkey` is the key of the first; that the others follow from it is shown by `verify`.
    ChainBroken, LedgerUnavailable.
    """
    try:
        first, *others = shards(folder)
    except OSError as error:
        raise LedgerUnavailable("the ledger cannot be read", hint=type(error).__name__) from None
    return (Part(first, signed(first, vkey)), *(Part(one, signed(one, None)) for one in others))


def _upsert(cube: Cube) -> str:
    columns = (*cube.keys, *cube.sums, _COUNTED_BY)
    marks = ", ".join("?" * len(columns))
    added = ", ".join(f"{one} = {one} + excluded.{one}" for one in cube.sums)
    return (
        f"INSERT INTO {cube.name} VALUES ({marks}) ON CONFLICT DO UPDATE"  # noqa: S608
        f" SET {added}, {_COUNTED_BY} = excluded.{_COUNTED_BY}"
    )


def _cube(cube: Cube) -> str:
    numbers = {"day", "rank", "decided_day", *cube.sums}
    columns = (*cube.keys, *cube.sums, _COUNTED_BY)
    listed = (f"{one} {'INTEGER' if one in numbers else 'TEXT'} NOT NULL" for one in columns)
    keys = ", ".join(cube.keys)
    return f"CREATE TABLE {cube.name} ({', '.join(listed)}, PRIMARY KEY ({keys})) WITHOUT ROWID"


def _list(name: str, columns: type[Struct]) -> str:
    first, *rest = columns.__struct_fields__
    types = columns.__annotations__
    listed = (f"{one} {_TYPES[types[one]]} NOT NULL" for one in rest)
    return f"CREATE TABLE {name} ({first} INTEGER PRIMARY KEY, {', '.join(listed)})"


def _record(stored: Stored) -> Record:
    try:
        return decode(stored.entry)
    except EntryUnreadable:
        raise ChainBroken(f"record {stored.index} cannot be read", hint=HINT) from None
