"""The file of the subject keys: its tables, and how it is opened so that nothing lingers."""

import sqlite3
from pathlib import Path

VERSION = 3
BUSY_S_MAX = 5.0
# WHY: `erasures` outlives a crash between a destruction and the record of it.
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS pepper (
  one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB NOT NULL, wrapped_by TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS subjects (
  handle BLOB PRIMARY KEY, pseudonym TEXT NOT NULL UNIQUE, secret BLOB NOT NULL,
  wrapped_by TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS keys (
  id TEXT PRIMARY KEY, pseudonym TEXT NOT NULL, month TEXT NOT NULL, key BLOB NOT NULL,
  wrapped_by TEXT NOT NULL, announced INTEGER NOT NULL DEFAULT 0,
  UNIQUE (pseudonym, month)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasures (
  pseudonym TEXT PRIMARY KEY, keys TEXT NOT NULL, owner BLOB NOT NULL, approval TEXT NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""


class KeysUnreadable(sqlite3.DatabaseError):
    """A key in the store cannot be unwrapped: it is damaged, or another key wrapped it."""


def is_made(path: Path) -> bool:
    """Is there a store already?"""
    return path.exists() and path.stat().st_size > 0


def make(path: Path) -> sqlite3.Connection:
    """Make an empty store that only we can read."""
    path.touch(mode=0o600)
    connection = connect(path)
    connection.executescript(_SCHEMA)
    return connection


def is_ours(connection: sqlite3.Connection) -> bool:
    """Is the store of this version? Older ones were never in production."""
    found: tuple[int] = connection.execute("PRAGMA user_version").fetchone()
    return found == (VERSION,)


def wrapped_by(connection: sqlite3.Connection) -> str:
    """Return the id of the key that wraps everything in the store."""
    found: tuple[str] = connection.execute("SELECT wrapped_by FROM pepper").fetchone()
    return found[0]


def assert_wrapped_by(connection: sqlite3.Connection, key_id: str) -> None:
    """Raise KeysUnreadable when another key wraps the store by now.

    INVARIANT: nothing is ever added under a key that the store names no more.
    """
    if wrapped_by(connection) != key_id:
        raise KeysUnreadable("another key wraps the store by now")


def count(connection: sqlite3.Connection) -> int:
    """Return how many keys of subjects and months there are."""
    found: tuple[int] = connection.execute("SELECT COUNT(*) FROM keys").fetchone()
    return found[0]


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing store; sqlite3.Error when it is not there."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_S_MAX,
        isolation_level=None,
        check_same_thread=False,
    )
    # WHY: a key that was destroyed must not stay in free pages or in a write-ahead log.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = EXTRA")
    return connection
