"""A new wrapping key: everything in the store is wrapped anew, and the former key opens none of it.

The new key waits beside the one in use (`.next`). One transaction wraps all anew; freed pages are
cut off; the ledger is told; the new file takes the place of the old one. A crash may follow any
step: the store names the key that wraps it, and whichever of the two files holds that one opens it.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing

from msgspec import Struct

from gateway.domain.errors import LedgerUnavailable
from gateway.ledger import key_store, wrapping
from gateway.ledger.files import Files
from gateway.ledger.key_store import KeysUnreadable
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.wrapping import FileWrapper, WrapBroken, Wrapper

ROTATED = "wrapping_key_rotated"
_NEXT = ".next"
_BATCH_MAX = 1_000

Facts = Mapping[str, object]


class WrappingFiles:
    """The key that wraps a store, and the one that waits to take its place."""

    def __init__(self, paths: LedgerPaths, files: Files) -> None:
        self._store = paths.subject_keys
        self._path = paths.wrapping
        self._waiting = paths.wrapping.with_name(paths.wrapping.name + _NEXT)
        self._files = files

    def in_use(self) -> FileWrapper:
        """Return the key that the store names, else that of its own file; LedgerUnavailable."""
        key = wrapping.load(self._path)
        waiting = self._next()
        return waiting if waiting is not None and waiting.id == self._named() else key

    def unfinished(self) -> Facts:
        """Return what is to be told of a store that is wrapped anew already; else nothing."""
        key, waiting = wrapping.load(self._path), self._next()
        if waiting is None or waiting.id != self._named():
            return {}
        with closing(key_store.connect(self._store)) as sql:
            return {"from": key.id, "to": waiting.id, "keys": key_store.count(sql)}

    def rewrap(self) -> None:
        """Wrap everything under a new key, one that waits already or a fresh one.

        LedgerUnavailable when something cannot be opened, and nothing is changed then; OSError,
        sqlite3.Error.
        """
        key = wrapping.load(self._path)
        waiting = self._next() or wrapping.make(self._waiting, self._files)
        with closing(key_store.connect(self._store)) as sql:
            try:
                rewrap(sql, key, waiting)
            except KeysUnreadable as error:
                raise LedgerUnavailable("nothing is wrapped anew", hint=str(error)) from None

    def cut(self) -> None:
        """Cut off the pages in which keys lay as the former key wrapped them; sqlite3.Error."""
        with closing(key_store.connect(self._store)) as sql:
            sql.execute("VACUUM")

    def take_over(self) -> None:
        """Put the new key in the place of the former one, which is gone then; OSError."""
        self._files.rename(self._waiting, self._path)
        self._files.sync_folder(self._path.parent)

    def _next(self) -> FileWrapper | None:
        return wrapping.load(self._waiting) if self._waiting.exists() else None

    def _named(self) -> str:
        with closing(key_store.connect(self._store)) as sql:
            return key_store.wrapped_by(sql)


async def finish(files: WrappingFiles, tell: Callable[[str, Facts], Awaitable[object]]) -> None:
    """Tell the ledger of a store that was wrapped anew, and let go of the former key.

    INVARIANT: what was done is told, after a crash too: until the ledger has it, both files stay.
    LedgerError; OSError, sqlite3.Error.
    """
    facts = await asyncio.to_thread(files.unfinished)
    if facts:
        await asyncio.to_thread(files.cut)
        await tell(ROTATED, facts)
        await asyncio.to_thread(files.take_over)


class _Table(Struct, frozen=True):
    """One table of wrapped keys: how a part of it is read, and to what each key is bound."""

    first: object
    select: str
    update: str
    bound: Callable[..., bytes]


_TABLES = (
    _Table(
        0,
        "SELECT one, value FROM pepper WHERE one > ? ORDER BY one LIMIT ?",
        "UPDATE pepper SET value = ?, wrapped_by = ? WHERE one = ?",
        lambda _: wrapping.PLACE_OF_PEPPER,
    ),
    _Table(
        "",
        "SELECT pseudonym, secret FROM subjects WHERE pseudonym > ? ORDER BY pseudonym LIMIT ?",
        "UPDATE subjects SET secret = ?, wrapped_by = ? WHERE pseudonym = ?",
        wrapping.place_of_secret,
    ),
    _Table(
        "",
        "SELECT id, key, pseudonym, month FROM keys WHERE id > ? ORDER BY id LIMIT ?",
        "UPDATE keys SET key = ?, wrapped_by = ? WHERE id = ?",
        wrapping.place_of_key,
    ),
)


def rewrap(sql: sqlite3.Connection, old: Wrapper, new: Wrapper) -> None:
    """Wrap everything in a store anew, in one transaction.

    KeysUnreadable when something does not open with the old key; OSError of either wrapper.
    """
    with sql:
        sql.execute("BEGIN IMMEDIATE")
        key_store.assert_wrapped_by(sql, old.id)
        for table in _TABLES:
            _rewrap(sql, table, old, new)


def _rewrap(sql: sqlite3.Connection, table: _Table, old: Wrapper, new: Wrapper) -> None:
    last = table.first
    while rows := sql.execute(table.select, (last, _BATCH_MAX)).fetchall():
        for name, wrapped, *place in rows:
            bound = table.bound(name, *place)
            fresh = new.wrap(_opened(old, wrapped, bound), bound)
            sql.execute(table.update, (fresh, new.id, name))
        last = rows[-1][0]


def _opened(old: Wrapper, wrapped: bytes, bound: bytes) -> bytes:
    try:
        return old.unwrap(wrapped, bound)
    except WrapBroken:
        raise KeysUnreadable("a key is wrapped by another key, or damaged") from None
