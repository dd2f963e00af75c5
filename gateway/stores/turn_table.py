"""The table of turns on disk: digest, label, day. One SQLite file, made again from the ledger."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.classification.conversation import Seen, standing
from gateway.domain.label import Label
from gateway.domain.vocabulary import Vocabulary

VERSION = 1
BUSY_S_MAX = 2.0
DIGEST_BYTES = 18
FIND_MAX = 500
FORGET_SHARE = 100
UNUSABLE = ".unusable"
_FILES = ("-wal", "-shm")
_CAVEATS = 1_000
_PLACES = 1_000
_SCHEMA = """
CREATE TABLE turns (digest BLOB PRIMARY KEY, label INTEGER NOT NULL, day INTEGER NOT NULL,
  ours INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX turns_by_label ON turns (label, day);
CREATE INDEX turns_by_day ON turns (day);
CREATE TABLE labels (id INTEGER PRIMARY KEY, label BLOB NOT NULL UNIQUE);
CREATE TABLE facts (one INTEGER PRIMARY KEY CHECK (one = 1), whose BLOB NOT NULL,
  log TEXT NOT NULL, mark INTEGER NOT NULL);
"""
_ENCODER = msgspec.json.Encoder(order="sorted")


class Owner(Struct, frozen=True):
    """Whose table it is: what tells the node's key, and the log that `mark` counts in."""

    check: bytes
    log: str


class Bounds(Struct, frozen=True):
    """How long a turn is remembered, and how many are."""

    days: int
    turns_max: int


class Forgotten(Struct, frozen=True):
    """How many turns had to go because the table was full, and the strictest label among them."""

    turns: int = 0
    label: str = ""
    strictness: int = -1

    def plus(self, other: "Forgotten") -> "Forgotten":
        """Return both as one."""
        worst = max(self, other, key=lambda one: one.strictness)
        return Forgotten(self.turns + other.turns, worst.label, worst.strictness)


class TurnTable:
    """The file, with a connection to read and one to write. Methods raise sqlite3.Error and block.

    `is_new` says that nothing was there that could be used; `is_foreign`, that what was there was
    made under another secret.
    """

    def __init__(self, path: Path, owner: Owner, bounds: Bounds, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._bounds = bounds
        self._labels: dict[int, Label] = {}
        self._ids: dict[Label, int] = {}
        self._expired_on = 0
        self.mark = 0
        self.is_foreign = False
        self.is_new = not self._is_usable(path, owner)
        if self.is_new:
            _make(path, owner)
        self._write_sql = _connect(path)
        self._read_sql = _connect(path)
        self._load(owner)

    @property
    def days(self) -> int:
        """How long a turn is remembered."""
        return self._bounds.days

    def find(self, digests: Sequence[bytes]) -> dict[bytes, Seen]:
        """Return what stands about these digests."""
        found: dict[bytes, Seen] = {}
        for at in range(0, len(digests), FIND_MAX):
            part = digests[at : at + FIND_MAX]
            marks = ",".join("?" * len(part))
            rows = self._read_sql.execute(
                f"SELECT digest, label, day, ours FROM turns WHERE digest IN ({marks})",  # noqa: S608
                part,
            )
            for digest, label, day, ours in rows:
                found[digest] = Seen(self._label(self._read_sql, label), day, bool(ours))
        return found

    def write(self, rows: Mapping[bytes, Seen], mark: int | None, day: int) -> Forgotten:
        """Join these turns to what stands, durably and as one; what is too old or too much goes."""
        try:
            return self._write(rows, mark, day)
        except BaseException:
            # WHY: numbers of labels that were not committed may be given to others.
            self._ids.clear()
            self._labels.clear()
            raise

    def _write(self, rows: Mapping[bytes, Seen], mark: int | None, day: int) -> Forgotten:
        with self._write_sql as sql:
            sql.execute("BEGIN IMMEDIATE")
            added = sum(self._join(sql, digest, seen) for digest, seen in rows.items())
            if mark is not None:
                sql.execute("UPDATE facts SET mark = ?", (mark,))
            if self._expired_on != day:
                gone = sql.execute("DELETE FROM turns WHERE day < ?", (day - self.days,))
                added -= gone.rowcount
            forgotten = self._make_room(sql, self._count + added - self._bounds.turns_max)
        self._count += added - forgotten.turns
        self._expired_on = day
        if mark is not None:
            self.mark = mark
        return forgotten

    def forget(self, owner: bytes) -> None:
        """Delete every digest that begins so."""
        end = (int.from_bytes(owner) + 1).to_bytes(len(owner) + 1)[1:]
        bound = "digest >= ?" if end < owner else "digest >= ? AND digest < ?"
        words = (owner,) if end < owner else (owner, end)
        gone = self._write_sql.execute(f"DELETE FROM turns WHERE {bound}", words)  # noqa: S608
        self._count -= gone.rowcount
        # WHY: what was deleted is overwritten in the file, but stands in the log beside it.
        self._write_sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Let go of the file."""
        self._read_sql.close()
        self._write_sql.close()

    def _is_usable(self, path: Path, owner: Owner) -> bool:
        """Is there a table of ours? One of another secret remembers nothing that can be found."""
        if path.is_symlink() or not path.is_file():
            return False
        try:
            with closing(_connect(path)) as sql:
                version = sql.execute("PRAGMA user_version").fetchone()
                whole = sql.execute("PRAGMA quick_check(1)").fetchone()
                row = sql.execute("SELECT whose FROM facts").fetchone()
        except sqlite3.Error:
            return False
        self.is_foreign = row is not None and row[0] != owner.check
        return [version, whole, row] == [(VERSION,), ("ok",), (owner.check,)]

    def _load(self, owner: Owner) -> None:
        log, mark = self._write_sql.execute("SELECT log, mark FROM facts").fetchone()
        if log != owner.log:
            # WHY: the mark counts in another log; what is remembered stays true.
            self._write_sql.execute("UPDATE facts SET log = ?, mark = 0", (owner.log,))
            mark = 0
        self.mark = mark
        self._count: int = self._write_sql.execute("SELECT count(*) FROM turns").fetchone()[0]
        for number, _ in self._write_sql.execute("SELECT id, label FROM labels").fetchall():
            self._ids.setdefault(self._label(self._write_sql, number), number)

    def _label(self, sql: sqlite3.Connection, number: int) -> Label:
        """Return a label as this policy ranks it; one that cannot be read is the strictest."""
        known = self._labels.get(number)
        if known is None:
            found = sql.execute("SELECT label FROM labels WHERE id = ?", (number,)).fetchone()
            try:
                known = standing(msgspec.json.decode(found[0], type=Label), self._vocabulary)
            except (TypeError, msgspec.MsgspecError):
                known = self._vocabulary.top
            self._labels[number] = known
        return known

    def _join(self, sql: sqlite3.Connection, digest: bytes, seen: Seen) -> int:
        """Write one turn, joined to what stands; return how many rows that adds."""
        row = sql.execute(
            "SELECT label, day, ours FROM turns WHERE digest = ?", (digest,)
        ).fetchone()
        label = standing(seen.label, self._vocabulary)
        if row is not None:
            label = label.join(self._label(sql, row[0]))
        day = seen.day if row is None else max(seen.day, row[1])
        ours = seen.ours or (row is not None and bool(row[2]))
        sql.execute(
            "INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?)",
            (digest, self._number(sql, label), day, int(ours)),
        )
        return 1 if row is None else 0

    def _number(self, sql: sqlite3.Connection, label: Label) -> int:
        number = self._ids.get(label)
        if number is None:
            text = _ENCODER.encode(label)
            sql.execute("INSERT OR IGNORE INTO labels (label) VALUES (?)", (text,))
            row = sql.execute("SELECT id FROM labels WHERE label = ?", (text,)).fetchone()
            number = int(row[0])
            self._ids[label], self._labels[number] = number, label
        return number

    def _make_room(self, sql: sqlite3.Connection, excess: int) -> Forgotten:
        """Delete the lowest labels first, and of one label the oldest; some more than needed."""
        if excess <= 0:
            return Forgotten()
        left = excess + self._bounds.turns_max // FORGET_SHARE
        gone = Forgotten()
        numbers = [row[0] for row in sql.execute("SELECT id FROM labels").fetchall()]
        for number in sorted(numbers, key=lambda one: strictness(self._label(sql, one))):
            deleted = sql.execute(
                "DELETE FROM turns WHERE digest IN"
                " (SELECT digest FROM turns WHERE label = ? ORDER BY day LIMIT ?)",
                (number, left),
            ).rowcount
            label = self._label(sql, number)
            if deleted:
                gone = gone.plus(Forgotten(deleted, str(label), strictness(label)))
            left -= deleted
            if left <= 0:
                break
        return gone


def strictness(label: Label) -> int:
    """Return a number that is higher for every label that dominates this one."""
    places = 0 if label.residency is None else _PLACES - min(len(label.residency), _PLACES - 1)
    caveats = min(len(label.caveats), _CAVEATS - 1)
    return (label.level.rank * _CAVEATS + caveats) * (_PLACES + 1) + places


def _make(path: Path, owner: Owner) -> None:
    """Make an empty table; what is there and is none is put aside, for it may be somebody's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_symlink() or path.exists():
        path.replace(path.with_name(path.name + UNUSABLE))
    for suffix in _FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.touch(mode=0o600)
    with closing(_connect(path)) as sql:
        sql.executescript(_SCHEMA)
        sql.execute("INSERT INTO facts VALUES (1, ?, ?, 0)", (owner.check, owner.log))
        sql.execute(f"PRAGMA user_version = {VERSION}")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_S_MAX,
        isolation_level=None,
        check_same_thread=False,
    )
    # WHY: what a file defines must not run functions that have effects.
    for statement in (
        "PRAGMA trusted_schema = OFF",
        "PRAGMA secure_delete = ON",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
    ):
        connection.execute(statement)
    return connection
