"""Which policy was in force when, who approved it, what it changed, and which decisions.

A decision that a change would have changed is found by making it again: the last ones under the
old policy, from their records, under the new one.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from gateway.audit.canonical import decode
from gateway.audit.record import Decided
from gateway.cli.audit.counting import time_of
from gateway.cli.audit.question import Answer, Asked, Cell, Ledger, Period
from gateway.cli.audit.where import refused
from gateway.domain.decision import Effect
from gateway.domain.errors import ChainBroken, GatewayError, LedgerUnavailable
from gateway.flow.replay import Worlds, under
from gateway.ledger import documents
from gateway.ledger.facts import ODD
from gateway.ledger.finding import entries_from
from gateway.ledger.reader import Reader
from gateway.ledger.reading import Stored

IN_FORCE = ("from", "until", "serial", "policy", "catalogue", "approved_by", "asked_by")
CHANGED = (*IN_FORCE, "differences", "decisions_changed")
CHANGES_MAX = 10_000
# How many decisions are made again for one change, and for all of an answer.
REPLAYS = 200
REPLAYS_ALL = 5_000
REINDEX = "run perimeter ledger reindex"
_LISTED = ("rules", "zones", "repos", "invariants")
_DECIDED = b'"type":"decided"'
_DAY_US = 86_400_000_000


class Spell(Struct):
    """The time for which a policy and a catalogue were in force."""

    position: int
    id: str
    from_us: int
    facts: dict[str, Any]
    until_us: int | None = None

    @property
    def policy(self) -> str:
        """The digest of the policy."""
        return str(self.facts.get("policy", ""))

    def row(self) -> tuple[Cell, ...]:
        """Return the cells of this spell."""
        facts = self.facts
        return (
            time_of(self.from_us),
            None if self.until_us is None else time_of(self.until_us),
            int(facts.get("serial", 0)),
            self.policy,
            str(facts.get("catalogue", "")),
            ", ".join(facts.get("approvers", ())) or "nobody signed it",
            str(facts.get("requester", "")) or None,
        )


def in_force(asked: Asked) -> Answer:
    """Return every policy that was in force on a day of the period."""
    _assert_no_filter(asked)
    rows = [one.row() for one in _spells(asked.ledger) if _touches(one, asked.period)]
    return Answer(IN_FORCE, rows, ("the documents stand beside the log, by their digests",))


def policies(asked: Asked) -> Answer:
    """Return every change of the policy in the period, with the decisions that it changed."""
    _assert_no_filter(asked)
    rows: list[tuple[Cell, ...]] = []
    before: Spell | None = None
    spells = _spells(asked.ledger)
    again = _Again(asked.ledger, _replays(asked, spells))
    notes: tuple[str, ...] = ()
    for spell in spells:
        if _began(spell, asked.period):
            changed = _changed(again, before, spell)
            rows.append((*spell.row(), _differences(asked.ledger, before, spell), changed))
        before = spell
    if any(row[-1] for row in rows):
        notes = (f"decided again: the last {again.most} before each change, or --replays N",)
    return Answer(CHANGED, rows, notes)


class _Again:
    """Makes decisions again, the last `most` before each change."""

    def __init__(self, ledger: Ledger, most: int) -> None:
        self.ledger, self.most = ledger, most
        self.worlds = Worlds(lambda digest: documents.load(ledger.folder, digest))


def _replays(asked: Asked, spells: list[Spell]) -> int:
    """Return how many decisions are made again for each change.

    WHY: where nobody says it, many changes share what can be made again while somebody waits.
    """
    if asked.replays_max is not None:
        return asked.replays_max
    changes = sum(_began(one, asked.period) for one in spells)
    return min(REPLAYS, REPLAYS_ALL // max(1, changes))


def _began(spell: Spell, period: Period) -> bool:
    return period.first <= spell.from_us // _DAY_US <= period.last


def _spells(ledger: Ledger) -> list[Spell]:
    """Return the spells in the order of the log; the same policy and catalogue make one."""
    found = ledger.index.sql.execute(
        "SELECT position, id, ts_us, facts FROM changes"
        " WHERE what IN ('policy_loaded', 'configured') ORDER BY position LIMIT ?",
        (CHANGES_MAX,),
    ).fetchall()
    spells: list[Spell] = []
    for position, name, ts_us, text in found:
        facts: dict[str, Any] = msgspec.json.decode(text)
        last = spells[-1] if spells else None
        if last is not None and _documents(last.facts) == _documents(facts):
            last.facts = {**last.facts, **facts}
            continue
        if last is not None:
            last.until_us = ts_us
        spells.append(Spell(position, name, ts_us, facts))
    return spells


def _documents(facts: dict[str, Any]) -> tuple[str, str]:
    return str(facts.get("policy", "")), str(facts.get("catalogue", ""))


def _touches(spell: Spell, period: Period) -> bool:
    until = period.last if spell.until_us is None else spell.until_us // _DAY_US
    return spell.from_us // _DAY_US <= period.last and until >= period.first


def _differences(ledger: Ledger, before: Spell | None, spell: Spell) -> str:
    """Say which rules, zones and repositories came, went or changed."""
    if before is None:
        return "the first"
    try:
        was, now = (documents.load(ledger.folder, one.policy) for one in (before, spell))
        return "; ".join(_told(was, now)) or "the catalogue alone"
    except (GatewayError, OSError, TypeError, AttributeError, KeyError):
        return "the documents cannot be read"


def _told(was: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    for name in _LISTED:
        old, new = _named(was, name), _named(now, name)
        came, went = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
        changed = sorted(one for one in new.keys() & old.keys() if new[one] != old[one])
        for word, found in (("came", came), ("went", went), ("changed", changed)):
            if found:
                yield f"{name} {word}: {', '.join(found)}"
    if _rest(was) != _rest(now):
        yield "other parts of the policy changed"


def _named(bundle: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the entries of one kind by name."""
    if name == "rules":
        return {str(one["id"]): one for one in bundle["policy"].get("rules", [])}
    listed = bundle[name].get(name, {})
    pairs = listed.items() if isinstance(listed, dict) else enumerate(listed)
    return {str(key): value for key, value in pairs}


def _rest(bundle: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in bundle["policy"].items() if name != "rules"}


def _changed(again: _Again, before: Spell | None, spell: Spell) -> str | None:
    """Say how many of the last decisions under the old policy the new one would have changed."""
    if before is None or before.policy == spell.policy:
        return None
    changed: list[str] = []
    made = failed = 0
    for decided in _last(again, before, spell):
        try:
            decision, candidates = under(decided, spell.policy, again.worlds)
        except Exception:  # noqa: BLE001 - whatever a stored document holds, the rest is told
            failed += 1
            continue
        made += 1
        was = decided.decision
        same = (was.effect, was.boundary) == (decision.effect, decision.boundary)
        if not same or decided.candidates != candidates:
            changed.append(decided.id)
    example = f", the latest {changed[-1]}" if changed else ""
    unmade = f", {failed} cannot be made again" if failed else ""
    return f"{len(changed)} of {made}{example}{unmade}"


def _last(again: _Again, before: Spell, spell: Spell) -> deque[Decided]:
    """Return the last decisions before a change, those that policy spoke about."""
    ledger, start = again.ledger, _start(again, before, spell)
    # WHY: what is wrong may be the index alone; the journals say it then.
    with suppress(sqlite3.Error, ChainBroken, LedgerUnavailable, *ODD):
        return _kept(again, entries_from(ledger.index, ledger.parts, start), spell)
    return _kept(again, Reader(ledger.folder).entries(start), spell)


def _kept(again: _Again, entries: Iterator[Stored], spell: Spell) -> deque[Decided]:
    """Return the last decisions among these; ChainBroken unless they lead to that change."""
    kept: deque[Decided] = deque(maxlen=again.most)
    for stored in entries:
        if stored.index >= spell.position:
            if decode(stored.entry).id == spell.id:
                return kept
            break
        if _DECIDED not in stored.entry:
            # WHY: what cannot be a decision need not be read to be passed over.
            continue
        record = decode(stored.entry)
        if isinstance(record, Decided) and record.decision.effect is not Effect.REFUSED:
            kept.append(record)
    raise ChainBroken(f"record {spell.position} is no change of the policy", hint=REINDEX)


def _start(again: _Again, before: Spell, spell: Spell) -> int:
    """Return the position of the oldest request that is made again."""
    row = again.ledger.index.sql.execute(
        "SELECT MIN(position) FROM (SELECT position FROM requests WHERE position BETWEEN ? AND ?"
        " AND effect != 'refused' ORDER BY position DESC LIMIT ?)",
        (before.position, spell.position, again.most),
    ).fetchone()
    return spell.position if row[0] is None else int(row[0])


def _assert_no_filter(asked: Asked) -> None:
    if asked.where:
        raise refused("this question has no filter")
