"""Which rows are meant: `field op value`, joined by `and`, and nothing more."""

import re
from collections.abc import Mapping

from msgspec import Struct

from gateway.domain.errors import ConfigError, Problem

TEXT_CHARACTERS_MAX = 2_000
CONDITIONS_MAX = 16
LEVEL = "level"
OPERATORS = ("=", "!=", "<", "<=", ">", ">=")
_EQUAL = frozenset({"=", "!="})
_CONDITION = re.compile(
    r"\s*(?P<field>[a-z_]+)\s*(?P<op>!=|<=|>=|=|<|>)\s*"
    r"(?:\"(?P<quoted>[^\"]*)\"|(?P<word>[^\s\"]+))\s*"
)
_AND = re.compile(r"and\s")


class Condition(Struct, frozen=True):
    """One field, one operator, one value as it was written."""

    field: str
    op: str
    value: str


class Sql(Struct, frozen=True):
    """A part of a statement and the values that it names."""

    text: str
    values: tuple[str | int, ...] = ()


def read_where(text: str) -> tuple[Condition, ...]:
    """Return the conditions; ConfigError where the text is anything else."""
    if len(text) > TEXT_CHARACTERS_MAX:
        raise refused("it is too long")
    found: list[Condition] = []
    at = 0
    while at < len(text) or not found:
        match = _CONDITION.match(text, at)
        if match is None:
            raise refused('write field op value, joined by "and"; values with blanks in quotes')
        quoted = match["quoted"]
        value = match["word"] if quoted is None else quoted
        found.append(Condition(match["field"], match["op"], value))
        at = match.end()
        joined = _AND.match(text, at)
        if at < len(text) and joined is None:
            raise refused('conditions are joined by "and"')
        at = joined.end() if joined is not None else at
        if joined is not None and at >= len(text):
            raise refused('a condition must follow "and"')
    if len(found) > CONDITIONS_MAX:
        raise refused(f"more than {CONDITIONS_MAX} conditions")
    return tuple(found)


def sql_of(
    conditions: tuple[Condition, ...], fields: Mapping[str, str], numbers: frozenset[str]
) -> Sql:
    """Return the conditions as SQL; `fields` maps what may be asked for to its expression."""
    parts = [_one(condition, fields, numbers) for condition in conditions]
    values = tuple(value for part in parts for value in part.values)
    return Sql("".join(f" AND {part.text}" for part in parts), values)


def _one(condition: Condition, fields: Mapping[str, str], numbers: frozenset[str]) -> Sql:
    expression = fields.get(condition.field)
    if expression is None:
        known = ", ".join(sorted(fields))
        raise refused(f"this question has no field {condition.field}; it has {known}")
    # INVARIANT: what was written becomes a value of the statement, never a part of it.
    text = f"({expression}) {condition.op} ?"
    if condition.field in numbers:
        return Sql(text, (_number(condition),))
    if condition.op in _EQUAL:
        return Sql(text, (condition.value,))
    if condition.field == LEVEL and "rank" in fields:
        return _by_rank(condition)
    raise refused(f"the field {condition.field} is compared by = and != only")


def _by_rank(condition: Condition) -> Sql:
    """Compare levels by their place in the policy under which each request was decided.

    INVARIANT: where that policy does not know the level, the row is kept, so that a report on
    sensitive data never leaves any out.
    """
    held = "SELECT r.rank FROM temp.ranks AS r WHERE r.policy = t.policy AND r.level = ?"
    kept = "-1000" if condition.op in {">", ">="} else "1000"
    return Sql(f"rank {condition.op} COALESCE(({held}), {kept})", (condition.value,))


def _number(condition: Condition) -> int:
    try:
        return int(condition.value)
    except ValueError:
        raise refused(f"the field {condition.field} is a number") from None


def refused(what: str) -> ConfigError:
    """Return the error that says what is wrong with a question."""
    return ConfigError((Problem("--where", 1, "", what),))
