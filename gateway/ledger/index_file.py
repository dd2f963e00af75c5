"""The file of an index: SQLite, made by us, read with care for what others may have put there."""

import os
import sqlite3
import stat
from pathlib import Path

from gateway.ledger.lending import FILE_MODE, OUR_FILE_MODE, is_lent

BUSY_S_MAX = 2.0
_MAKING = "rwc"
_FILES = ("", "-wal", "-shm")


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file in a mode of SQLite (`ro`, `rw`, `rwc`); sqlite3.Error, OSError."""
    if mode == _MAKING:
        _make(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_S_MAX,
        isolation_level=None,
        check_same_thread=False,
    )
    # WHY: what a file defines must not run functions that have effects.
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _make(path: Path) -> None:
    """Make the file as its folder lets others read it; what SQLite keeps beside it follows."""
    mode = FILE_MODE if is_lent(path.parent) else OUR_FILE_MODE
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def are_files(path: Path) -> bool:
    """Is the index there, and are its files plain ones, no links and no pipes?"""
    try:
        beside = [path.with_name(path.name + suffix) for suffix in _FILES[1:]]
        there = [path, *(one for one in beside if one.is_symlink() or one.exists())]
        return all(stat.S_ISREG(one.lstat().st_mode) for one in there)
    except OSError:
        return False


def remove(path: Path) -> None:
    """Remove the file and what SQLite keeps beside it; OSError."""
    for suffix in _FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
