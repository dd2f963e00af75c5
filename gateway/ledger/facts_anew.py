"""The facts index made anew beside the old one, and how the two differ."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.domain.errors import ChainBroken
from gateway.ledger.facts import ODD, FactsIndex, Part, assert_of, tables
from gateway.ledger.index_file import remove


def rebuilt(parts: Sequence[Part], path: Path) -> str:
    """Make the index anew beside the old one, say how they differ, and take its place.

    Returns the first difference; empty when there is none, or was no index to compare.
    ChainBroken where the log is not what its checkpoints sign; then the old one stays.
    """
    fresh_path = path.with_name(f"{path.name}.new")
    with closing(FactsIndex.fresh(fresh_path)) as fresh:
        fresh.catch_up(parts)
        assert_of(fresh, parts[-1].checkpoint)
        said = _compared(path, parts, fresh)
        fresh.sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    remove(path)
    fresh_path.replace(path)
    return said


def _compared(path: Path, parts: Sequence[Part], fresh: FactsIndex) -> str:
    """Let the old index catch up, and compare it; one that cannot be read differs."""
    old = FactsIndex.peek(path, "rw")
    if old is None:
        return "the old file is no facts index of this version" if path.exists() else ""
    with closing(old):
        try:
            is_of_log = old.fits(parts)
            if is_of_log:
                old.catch_up(parts)
            if not is_of_log or old.head != fresh.head:
                return "it was made from other records than those of the log"
            return difference(old, fresh)
        except (sqlite3.Error, ChainBroken, *ODD) as error:
            return f"the old index is damaged: {type(error).__name__}"


def difference(old: FactsIndex, new: FactsIndex) -> str:
    """Return the first row in which two indexes of the same log differ; empty when none does."""
    for name, columns in (tables() | {"opened": ("id", "facts")}).items():
        order = ", ".join(columns)
        query = f"SELECT {order} FROM {name} ORDER BY {order}"  # noqa: S608 - our own words
        pairs = _paired(old.sql.execute(query), new.sql.execute(query))
        for was, now in pairs:
            if was != now:
                return f"{name}: it had {_told(columns, was)}, the log gives {_told(columns, now)}"
    return ""


def _paired(was: sqlite3.Cursor, now: sqlite3.Cursor) -> Iterator[tuple[Any, Any]]:
    while True:
        pair = was.fetchone(), now.fetchone()
        if pair == (None, None):
            return
        yield pair


def _told(columns: tuple[str, ...], row: tuple[Any, ...] | None) -> str:
    if row is None:
        return "no such row"
    return ", ".join(f"{name} {value}" for name, value in zip(columns, row, strict=True))
