"""The boundary report: every pair of label and zone, how often it was reached, and whether it may.

What was decided is not taken for granted: whether a zone clears a label is found again, from the
policy that was in force at that decision, as it is stored beside the log.
"""

from collections.abc import Iterator

from msgspec import Struct

from gateway.audit.facts import ATTEMPTS, DAY_US, NO_LABEL, label_of
from gateway.cli.audit.counting import Counting, fields_of, span_of
from gateway.cli.audit.places import (
    Bundle,
    bundles_of,
    places_within,
    regions_of,
    shown_regions,
)
from gateway.cli.audit.question import Answer, Asked, Cell, day_of
from gateway.cli.audit.where import sql_of
from gateway.domain.grant import GrantKind

# WHY: where a record says no time, it grants nothing.
_APPROVED = (
    "SELECT json_extract(facts, '$.approval'), json_extract(facts, '$.action'),"
    " json_extract(facts, '$.scope.zone'), "
    " IFNULL(CAST(json_extract(facts, '$.from_us') AS INTEGER), 0),"
    " IFNULL(CAST(json_extract(facts, '$.until_us') AS INTEGER), -1) FROM changes"
    " WHERE what = 'approval_used' AND json_extract(facts, '$.action') IN (?, ?)"
)
_ENDED = (
    "SELECT json_extract(facts, '$.approval'), MIN(ts_us) FROM changes"
    " WHERE what IN ('waiver_ended', 'break_glass_ended') GROUP BY 1"
)
_Signed = dict[tuple[str, str], range]
COLUMNS = (
    "label",
    "zone",
    "operator",
    "regions",
    "attempts",
    "first_day",
    "last_day",
    "cleared",
    "crossings",
    "example",
)
PAIRS_MAX = 100_000
_TABLE = Counting("attempts", ATTEMPTS.keys)
_NUMBERS = frozenset({"day", "rank", "decided_day"})


class _Seen(Struct, frozen=True):
    """One row of the index: attempts of one kind on the days of one decision."""

    policy: str
    label: str
    rank: int
    zone: str
    inside: str
    decided_day: int
    attempts: int
    first_day: int
    last_day: int
    example: str

    @property
    def is_granted(self) -> bool:
        """Was it inside the boundary for what persons granted?"""
        return self.inside not in ("yes", "no")


class _Pair(Struct):
    """What is known of one pair of label and zone."""

    operator: str = ""
    regions: str = ""
    attempts: int = 0
    first_day: int | None = None
    last_day: int | None = None
    crossings: int = 0
    granted: int = 0
    why: str = ""
    example: str = ""


def boundary(asked: Asked) -> Answer:
    """Return the report; it is good where nothing crossed."""
    within = places_within(asked.within) if asked.within else None
    bundles = bundles_of(asked.ledger, "decisions")
    signed = _signed(asked)
    pairs: dict[tuple[str, str], _Pair] = {}
    for label, zone, bundle in _possible(asked, bundles):
        _describe(pairs.setdefault((label, zone), _Pair()), bundle, zone)
    for seen in _seen(asked):
        bundle = bundles.get(seen.policy) or Bundle(seen.policy, None, ())
        pair = pairs.setdefault((seen.label, seen.zone), _Pair())
        _describe(pair, bundle, seen.zone)
        _add(pair, seen, _why(seen, bundle, within, signed))
    rows = [_row(label, zone, pair) for (label, zone), pair in sorted(pairs.items())]
    crossings = sum(pair.crossings for pair in pairs.values())
    attempts = sum(pair.attempts for pair in pairs.values())
    granted = sum(pair.granted for pair in pairs.values())
    notes = (*_statement(asked, crossings, attempts), *_granted(granted))
    return Answer(COLUMNS, rows, notes, good=crossings == 0)


def _granted(attempts: int) -> Iterator[str]:
    if attempts:
        yield f"{attempts} attempts went where persons had granted it: see `approvals`"


def _signed(asked: Asked) -> _Signed:
    """Return the days on which what persons granted had an effect, as the log records it.

    By its word and its zone. What ended before its time counts up to that day.
    """
    sql = asked.ledger.index.sql
    ended = dict(sql.execute(_ENDED).fetchall())
    found: _Signed = {}
    for name, action, zone, from_us, until_us in sql.execute(_APPROVED, tuple(GrantKind)):
        last_us = min(until_us, ended.get(name, until_us))
        found[f"{action}:{name}", zone] = range(from_us // DAY_US, last_us // DAY_US + 1)
    return found


def _why(
    seen: _Seen,
    bundle: Bundle,
    within: frozenset[str] | None,
    signed: _Signed,
) -> str:
    """Return why these attempts crossed; empty where they did not.

    What persons granted stands in for the clearance alone, and only where the log records that
    they signed it.
    """
    zone = bundle.zone(seen.zone)
    label = label_of(seen.label, seen.rank)
    if seen.inside == "no":
        return "it lay outside the boundary of its decision"
    ungranted = _ungranted(seen, signed) if seen.is_granted else ""
    if ungranted:
        return ungranted
    if zone is None or label is None:
        return "what the zone or the label is cannot be known"
    is_there = bundle.has(label.level)
    if not seen.is_granted and not (is_there and zone.clears(label, day_of(seen.decided_day))):
        return "the zone does not clear the label" if is_there else "the policy has no such level"
    regions = regions_of(zone)
    if within is not None and (regions is None or not regions <= within):
        return "the zone lies outside the places that were asked for"
    return ""


def _ungranted(seen: _Seen, signed: _Signed) -> str:
    days = signed.get((seen.inside, seen.zone))
    if days is None:
        return "nobody signed what it was granted"
    return "" if seen.decided_day in days else "what it was granted had not begun or had ended"


def _seen(asked: Asked) -> Iterator[_Seen]:
    narrowed = sql_of(asked.where, fields_of(_TABLE), _NUMBERS)
    statement = (
        "SELECT policy, label, rank, zone, inside, decided_day, SUM(attempts), MIN(day), MAX(day),"  # noqa: S608
        " MAX(example) FROM attempts AS t WHERE day BETWEEN ? AND ?"
        f"{narrowed.text} GROUP BY 1, 2, 3, 4, 5, 6"
    )
    values = (*asked.period.days, *narrowed.values)
    for row in asked.ledger.index.sql.execute(statement, values):
        yield _Seen(*row)


def _possible(asked: Asked, bundles: dict[str, Bundle]) -> Iterator[tuple[str, str, Bundle]]:
    """Yield each label that was decided about with each zone of its policy."""
    asks = {one.field for one in asked.where}
    fields = {name: text for name, text in fields_of(_TABLE).items() if name in _DECIDED}
    if not asks <= fields.keys():
        return
    narrowed = sql_of(asked.where, fields, _NUMBERS)
    statement = (
        "SELECT DISTINCT label, policy FROM decisions AS t WHERE day BETWEEN ? AND ?"  # noqa: S608
        f"{narrowed.text} AND label != ? LIMIT ?"
    )
    values = (*asked.period.days, *narrowed.values, NO_LABEL, PAIRS_MAX)
    for label, policy in asked.ledger.index.sql.execute(statement, values).fetchall():
        bundle = bundles[policy]
        for zone in bundle.zones or {}:
            yield label, zone, bundle


_DECIDED = frozenset({"day", "policy", "team", "label", "level", "rank"})


def _describe(pair: _Pair, bundle: Bundle, name: str) -> None:
    zone = bundle.zone(name)
    pair.operator = zone.operator if zone is not None else pair.operator or "unknown"
    pair.regions = shown_regions(zone)


def _add(pair: _Pair, seen: _Seen, why: str) -> None:
    pair.attempts += seen.attempts
    pair.crossings += seen.attempts if why else 0
    pair.granted += seen.attempts if seen.is_granted and not why else 0
    pair.why = why or pair.why
    first, last = pair.first_day, pair.last_day
    pair.first_day = seen.first_day if first is None else min(first, seen.first_day)
    pair.last_day = seen.last_day if last is None else max(last, seen.last_day)
    if why or not pair.crossings:
        pair.example = seen.example


def _row(label: str, zone: str, pair: _Pair) -> tuple[Cell, ...]:
    days = (pair.first_day, pair.last_day)
    first, last = (None if day is None else str(day_of(day)) for day in days)
    known = "yes" if pair.attempts else None
    known = f"no: {pair.granted} were granted" if pair.granted else known
    cleared = f"NO: {pair.why}" if pair.why else known
    named = (label, zone, pair.operator, pair.regions, pair.attempts, first, last)
    return (*named, cleared, pair.crossings, pair.example)


def _statement(asked: Asked, crossings: int, attempts: int) -> Iterator[str]:
    """Say what was shown, of how many records, and on what that stands."""
    begin, end = span_of(asked.ledger.index.sql, asked.period)
    records, sizes = end - begin, f"tree sizes {begin} to {end}"
    within = f" and none left {asked.within}" if asked.within else ""
    if asked.where:
        yield "only attempts that the filter lets through were looked at"
    if crossings:
        yield f"{crossings} of {attempts} attempts CROSSED A BOUNDARY, {sizes}"
    elif asked.ledger.report is not None:
        yield (
            f"zero crossings{within}: proven over {records} of {records} records, {sizes}; "
            f"{attempts} attempts"
        )
    else:
        counted = f"counted over {records} records, {sizes}; {attempts} attempts"
        yield f"zero crossings{within}: {counted}"
    if asked.ledger.report is None:
        yield "NOT VERIFIED: counted from the index; --prove reads and verifies the whole log"
