"""What is missing: ends that were lost, times without a sound, clocks that stepped, no anchor."""

from collections.abc import Iterator

from gateway.audit.canonical import EntryUnreadable, decode
from gateway.audit.record import ADMIN_KINDS
from gateway.cli.audit.counting import time_of
from gateway.cli.audit.question import Answer, Asked, Cell, Ledger, day_of
from gateway.cli.audit.where import refused
from gateway.ledger.reading import Reading, Stored

COLUMNS = ("what", "count", "found")
NAMED_MAX = 5
ANCHORED = "anchored"
_Row = tuple[Cell, ...]
# What a log says of its own troubles, and how people call it.
_TROUBLES = {
    "clock_stepped": "the clock stepped back",
    "recovered": "torn tails that were cut after a crash or an error of the disk",
    "boundary_breach": "breaches that were stopped at the boundary",
    "quarantined": "backends that were taken out of use",
    "residency_difference": "places that were not as declared",
    "conversations_forgotten": "memories of conversations that were lost",
    "policy_rejected": "policies that were rejected",
    "policy_expired": "policies in force whose approval had ended",
    "config_drift": "changes of a node file that was not in use",
    "keys_refused": "key files that were refused",
}


def completeness(asked: Asked) -> Answer:
    """Return what is missing or troubled; it is good where nothing is lost."""
    if asked.where:
        raise refused("this question has no filter")
    lost = _lost(asked)
    rows = [
        *_records(asked),
        lost,
        _open(asked),
        *_boots(asked),
        _silent(asked),
        *_anchors(asked),
        *_troubles(asked),
        _after(asked.ledger),
    ]
    return Answer(COLUMNS, rows, good=lost[1] == 0)


def _records(asked: Asked) -> Iterator[_Row]:
    """Say how many records were read one after the other, and on how many days there are none."""
    sql, period = asked.ledger.index.sql, asked.period
    row = sql.execute(
        "SELECT COALESCE(SUM(records), 0), COUNT(*), MIN(day), MAX(day) FROM days"
        " WHERE day BETWEEN ? AND ?",
        period.days,
    ).fetchone()
    records, days, first, last = row
    yield "records that were read, one after the other", records, "no gap: each has the next index"
    if days:
        without = last - first + 1 - days
        yield "days without any record", without, f"{day_of(first)} to {day_of(last)}"


def _lost(asked: Asked) -> _Row:
    found = asked.ledger.index.sql.execute(
        "SELECT COALESCE(SUM(requests), 0), MAX(example) FROM outcomes"
        " WHERE day BETWEEN ? AND ? AND outcome = 'lost'",
        asked.period.days,
    ).fetchone()
    return "requests whose end was lost in a crash", found[0], found[1] or ""


def _open(asked: Asked) -> _Row:
    state = asked.ledger.index.state()
    names = sorted(state.opened, key=lambda one: state.opened[one].position)
    return "requests that were open at the checkpoint", len(names), _listed(names)


def _boots(asked: Asked) -> Iterator[_Row]:
    """Say how often the gateway started, and how often without a stop before."""
    found = asked.ledger.index.sql.execute(
        "SELECT what, ts_us, day FROM changes WHERE what IN ('started', 'stopped')"
        " ORDER BY position"
    ).fetchall()
    first, last = asked.period.days
    starts, crashes = 0, []
    running = False
    for what, ts_us, day in found:
        inside = first <= day <= last
        starts += what == "started" and inside
        if what == "started" and running and inside:
            crashes.append(time_of(ts_us))
        running = what == "started"
    yield "starts", starts, ""
    yield "starts after an end without a stop", len(crashes), _listed(crashes)


def _silent(asked: Asked) -> _Row:
    found = asked.ledger.index.sql.execute(
        "SELECT from_us, ts_us FROM silences WHERE day BETWEEN ? AND ? AND stopped = 0"
        " ORDER BY ts_us - from_us DESC",
        asked.period.days,
    ).fetchall()
    told = [f"{time_of(begin)} for {(end - begin) // 60_000_000} min" for begin, end in found]
    return (
        "times of ten minutes or more, while running, without a record",
        len(found),
        _listed(told),
    )


def _anchors(asked: Asked) -> Iterator[_Row]:
    """Say how often the log was anchored elsewhere; absent where no gateway can."""
    if ANCHORED not in ADMIN_KINDS:
        return
    sql, period = asked.ledger.index.sql, asked.period.days
    days, first, last = sql.execute(
        "SELECT COUNT(DISTINCT day), MIN(day), MAX(day) FROM changes"
        " WHERE day BETWEEN ? AND ? AND what = ?",
        (*period, ANCHORED),
    ).fetchone()
    between = "never" if not days else f"{day_of(first)} to {day_of(last)}"
    yield "days on which the log was anchored elsewhere", days, between
    missing = sql.execute(
        "SELECT day FROM days WHERE day BETWEEN ? AND ? EXCEPT"
        " SELECT day FROM changes WHERE what = ? ORDER BY 1",
        (*period, ANCHORED),
    ).fetchall()
    told = [str(day_of(day)) for (day,) in missing]
    yield "days with records on which no anchor is recorded", len(told), _listed(told)


def _troubles(asked: Asked) -> Iterator[_Row]:
    sql = asked.ledger.index.sql
    for what, words in _TROUBLES.items():
        count, latest = sql.execute(
            "SELECT COUNT(*), MAX(ts_us) FROM changes WHERE day BETWEEN ? AND ? AND what = ?",
            (*asked.period.days, what),
        ).fetchone()
        yield words, count, "" if latest is None else f"the latest at {time_of(latest)}"


def _after(ledger: Ledger) -> _Row:
    """Count what stands in the journal after the checkpoint, proven by nothing yet; since when."""
    folder = ledger.parts[-1].folder if ledger.parts else ledger.folder
    reading = Reading(folder, ledger.checkpoint.size, ledger.index.covered().next)
    count, since_us = 0, None
    for stored in reading:
        count += 1
        since_us = _time_of(stored) if since_us is None else since_us
    since = "" if since_us is None else f"since {time_of(since_us)}"
    damage = "" if reading.damage is None else f"then damage: {reading.damage.reason}"
    told = ", ".join(filter(None, (since, damage)))
    return "records after the checkpoint, not yet signed", count, told


def _time_of(stored: Stored) -> int | None:
    try:
        return decode(stored.entry).ts_us
    except EntryUnreadable:
        return None


def _listed(found: list[str]) -> str:
    more = f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
    return ", ".join(found[:NAMED_MAX]) + more
