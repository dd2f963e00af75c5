"""What a witness remembers: the last checkpoint of each log that it signed; never an older one."""

import sqlite3
import threading
from pathlib import Path

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.tree import EMPTY_ROOT, Head

BUSY_S_MAX = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS logs (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS never_back BEFORE UPDATE ON logs
WHEN NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
BEGIN SELECT RAISE(ABORT, 'a log never goes back'); END;
CREATE TRIGGER IF NOT EXISTS never_gone BEFORE DELETE ON logs
BEGIN SELECT RAISE(ABORT, 'a log is never forgotten'); END;
"""


class WitnessStore:
    """One SQLite file. Safe to use from several threads; methods raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._sql = sqlite3.connect(
            path, timeout=BUSY_S_MAX, isolation_level=None, check_same_thread=False
        )
        self._lock = threading.Lock()
        self._sql.execute("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = FULL")
        self._sql.executescript(_SCHEMA)

    def latest(self, origin: str) -> Head:
        """Return what was signed last of a log; size 0 where nothing was."""
        with self._lock:
            row = self._sql.execute(
                "SELECT size, root FROM logs WHERE origin = ?", (origin,)
            ).fetchone()
        return Head(0, EMPTY_ROOT) if row is None else Head(row[0], row[1])

    def advance(self, known: Head, found: Checkpoint, note: str) -> bool:
        """Put a checkpoint in place of the one that was known; False when another was faster.

        INVARIANT: when it returns True, it is on the disk.
        """
        with self._lock:
            made = self._sql.execute(
                "INSERT INTO logs VALUES (?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE"
                " SET size = excluded.size, root = excluded.root, note = excluded.note"
                " WHERE size = ? AND root = ?",
                (found.origin, found.size, found.root, note, known.size, known.root),
            )
            return made.rowcount == 1

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._sql.close()
