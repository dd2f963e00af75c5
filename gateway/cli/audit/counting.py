"""Questions that one statement answers: named columns of one table, filtered, counted."""

import sqlite3
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from gateway.audit.facts import CUBES, LISTS
from gateway.cli.audit.question import Answer, Asked, Cell, Period, Question, day_of
from gateway.cli.audit.where import sql_of
from gateway.ledger.facts import tables

ROWS_MAX = 1_000
_TIME_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERS = frozenset(
    {
        "day",
        "rank",
        "decided_day",
        "ts_us",
        "position",
        *(name for cube in CUBES for name in cube.sums),
    }
)


class Counting(Struct, frozen=True):
    """A row of the table of questions.

    `keys` and `sums` are `name` or `name=expression`; without sums the rows are listed. `given` is
    the condition that the question itself makes.
    """

    table: str
    keys: tuple[str, ...]
    sums: tuple[str, ...] = ()
    given: str = ""
    order: str = ""


def question(purpose: str, counting: Counting, *kinds: str) -> Question:
    """Return the question that this statement answers."""
    return Question(purpose, answering(counting), kinds=frozenset(kinds))


def answering(counting: Counting) -> Callable[[Asked], Answer]:
    """Return what runs the statement."""

    def answer(asked: Asked) -> Answer:
        return count(counting, asked)

    return answer


def count(counting: Counting, asked: Asked) -> Answer:
    """Run the statement of a question; ConfigError where it has no such field."""
    keys, sums = _named(counting.keys), _named(counting.sums)
    narrowed = sql_of(asked.where, fields_of(counting), _NUMBERS)
    columns = {**keys, **sums}
    listed = ", ".join(f"{text} AS {name}" for name, text in columns.items())
    given = f" AND ({counting.given})" if counting.given else ""
    numbers: tuple[int, ...] = ()
    if counting.table in LISTS:
        # WHY: a list has a row for each record: only those of the period are looked at.
        given = f" AND position BETWEEN ? AND ?{given}"
        first, end = span_of(asked.ledger.index.sql, asked.period)
        numbers = (first, end - 1)
    grouped = f" GROUP BY {', '.join(map(str, range(1, len(keys) + 1)))}" if sums else ""
    order = counting.order or (f"{len(keys) + 1} DESC, 1" if sums else "position DESC")
    statement = (
        f"SELECT {listed} FROM {counting.table} AS t WHERE day BETWEEN ? AND ?{given}"  # noqa: S608
        f"{narrowed.text}{grouped} ORDER BY {order} LIMIT ?"
    )
    values = (*asked.period.days, *numbers, *narrowed.values, asked.rows_max + 1)
    found = asked.ledger.index.sql.execute(statement, values).fetchall()
    rows = [_shown(columns, row) for row in found[: asked.rows_max]]
    cut = f"only the first {asked.rows_max} rows are shown; --rows shows more"
    return Answer(tuple(columns), rows, (cut,) if len(found) > asked.rows_max else ())


def span_of(sql: sqlite3.Connection, period: Period) -> tuple[int, int]:
    """Return the number of the first record of the period, and the one after its last."""
    row = sql.execute(
        "SELECT MIN(first), MAX(last) FROM days WHERE day BETWEEN ? AND ?", period.days
    ).fetchone()
    return (0, 0) if row[0] is None else (row[0], row[1] + 1)


def fields_of(counting: Counting) -> dict[str, str]:
    """Return what the rows of this question can be filtered by."""
    sums = {name for cube in CUBES if cube.name == counting.table for name in cube.sums}
    own = {name: name for name in tables()[counting.table]}
    found = {**own, **_named(counting.keys)}
    # WHY: a period is asked for by --from and --to.
    left_out = sums | {"example", "day", "at", "week"}
    return {name: text for name, text in found.items() if name not in left_out}


def _named(words: Iterable[str]) -> dict[str, str]:
    pairs = (word.partition("=") for word in words)
    return {name: text or name for name, _, text in pairs}


def _shown(columns: Iterable[str], row: Iterable[Cell]) -> tuple[Cell, ...]:
    return tuple(_cell(name, value) for name, value in zip(columns, row, strict=True))


def _cell(name: str, value: Cell) -> Cell:
    if not isinstance(value, int):
        return value
    if name.endswith("day") or name == "week":
        return str(day_of(value))
    return time_of(value) if name in {"at", "from", "until"} else value


def time_of(ts_us: int) -> str:
    """Return a time in UTC."""
    return (_TIME_ZERO + timedelta(microseconds=ts_us)).isoformat(timespec="milliseconds")
