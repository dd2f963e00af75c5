"""What the records of a log say, as rows that can be counted: the pure half of the facts index.

A `Cube` is a table of counts: one row for each different combination of its keys, with sums and the
id of the latest record that was counted in it. The same records in the same order give the same
rows. Nothing personal stands in them, for nothing personal stands in clear in a record.
"""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from gateway.audit.record import Admin, Attempted, Decided, Record, Settled
from gateway.audit.signal_facts import Told, told
from gateway.domain.decision import Effect
from gateway.domain.label import Label, Level
from gateway.domain.route import Failure

DAY_US = 86_400_000_000
UNKNOWN = "unknown"
# WHY: after these, nothing runs that could write.
_SILENT = frozenset({"created", "stopped"})
NO_LABEL = "none"
NO_RANK = -1
# WHY: what nobody knows may be anything, and must not be left out of what is sensitive.
UNKNOWN_RANK = 1_000
# WHY: tables count in 64 bits, and no record, of an older gateway or a forger, may stop them.
COUNTED_MAX = 10**12
JOINED_CHARACTERS_MAX = 512
_JSON = msgspec.json.Encoder(order="sorted")

Value = str | int
Key = tuple[Value, ...]


class Cube(Struct, frozen=True):
    """One table of counts; the first key is always the day, counted from 1970-01-01."""

    name: str
    keys: tuple[str, ...]
    sums: tuple[str, ...]


_LABELLED = ("day", "policy", "team", "label", "level", "rank")
DECISIONS = Cube(
    "decisions",
    (*_LABELLED, "surface", "effect", "reason", "rules", "basis"),
    ("requests",),
)
EXCLUSIONS = Cube("exclusions", (*_LABELLED, "effect", "offering", "reason"), ("requests",))
ATTEMPTS = Cube(
    "attempts",
    (*_LABELLED, "zone", "offering", "host", "inside", "decided_day"),
    ("attempts",),
)
OUTCOMES = Cube(
    "outcomes",
    (*_LABELLED, "zone", "offering", "outcome", "error", "attestation", "observed_region"),
    ("requests", "attempts", "input_tokens", "output_tokens", "cost_microusd", "took_us"),
)
FALLBACKS = Cube(
    "fallbacks", (*_LABELLED, "eligible", "tried", "because", "outcome"), ("requests",)
)
SIGNALS = Cube(
    "signals", (*_LABELLED, "source", "trust", "says", "floor", "verdict"), ("requests",)
)
FINDINGS = Cube("findings", (*_LABELLED, "kind", "place"), ("requests", "findings", "allowed"))
CUBES = (DECISIONS, EXCLUSIONS, ATTEMPTS, OUTCOMES, FALLBACKS, SIGNALS, FINDINGS)


class Request(Struct, frozen=True):
    """One request that has ended, as it is listed; its Decided and its Settled by number."""

    position: int
    ended: int
    id: str
    ts_us: int
    day: int
    team: str
    key: str
    surface: str
    model: str
    label: str
    level: str
    effect: str
    reason: str
    attempts: int
    zone: str
    offering: str
    outcome: str
    error: str


class Change(Struct, frozen=True):
    """One Admin record; `facts` is JSON."""

    position: int
    id: str
    ts_us: int
    day: int
    what: str
    facts: str


class Silence(Struct, frozen=True):
    """A long time between two records, of which `position` is the later; both of one boot or not.

    `stopped` says whether the earlier one was a stop, so that nothing was to be expected.
    """

    position: int
    from_us: int
    ts_us: int
    day: int
    stopped: int


SILENCE_US_MIN = 600_000_000
LISTS: dict[str, type[Struct]] = {"requests": Request, "changes": Change, "silences": Silence}


class Opened(Struct, frozen=True):
    """What must be known of a request until it has ended; `granted` is a zone, and by what."""

    position: int
    ts_us: int
    labelled: tuple[int, str, str, str, str, int]
    boundary: frozenset[str]
    candidates: tuple[str, ...]
    key: str
    surface: str
    model: str
    effect: str
    reason: str
    granted: tuple[str, str] = ("", "")


class Day(Struct):
    """Which records say that they are of one day: the first, the last, and how many."""

    first: int
    last: int
    records: int = 0


class State(Struct):
    """What is carried from one part of a log to the next: open requests, and the latest record."""

    opened: dict[str, Opened] = {}
    latest_us: int = 0
    stopped: bool = True


class Rows(Struct, frozen=True):
    """Rows that came up since they were last taken."""

    days: dict[int, Day]
    counts: dict[str, dict[Key, tuple[list[int], str]]]
    requests: list[Request]
    changes: list[Change]
    silences: list[Silence]


class Facts:
    """Reads records in the order of the log and makes rows; `state` is carried between parts."""

    def __init__(self, state: State | None = None) -> None:
        self.state = State() if state is None else state
        self._rows = _nothing()

    @property
    def opened(self) -> dict[str, Opened]:
        """What is known of the requests that have not ended."""
        return self.state.opened

    def read(self, position: int, record: Record) -> None:
        """Take the record of that index."""
        day = record.ts_us // DAY_US
        of_day = self._rows.days.setdefault(day, Day(position, position))
        of_day.last, of_day.records = position, of_day.records + 1
        self._passed(position, record)
        match record:
            case Decided():
                self._decided(position, record)
            case Attempted():
                self._attempted(record)
            case Settled():
                self._settled(position, record)
            case _:
                facts = _JSON.encode(record.facts).decode()
                change = Change(position, record.id, record.ts_us, day, record.what, facts)
                self._rows.changes.append(change)

    def _passed(self, position: int, record: Record) -> None:
        """Note a long time without any record."""
        state, now_us = self.state, record.ts_us
        if state.latest_us and now_us - state.latest_us >= SILENCE_US_MIN:
            silence = Silence(
                position, state.latest_us, now_us, now_us // DAY_US, int(state.stopped)
            )
            self._rows.silences.append(silence)
        state.latest_us = now_us
        state.stopped = isinstance(record, Admin) and record.what in _SILENT

    def take(self) -> Rows:
        """Return the rows since the last time."""
        rows, self._rows = self._rows, _nothing()
        return rows

    def _decided(self, position: int, record: Decided) -> None:
        signals = told(record)
        decision, labelled = record.decision, _labelled(record)
        effect, reason = str(decision.effect), decision.reason
        rules = _joined(decision.because)
        key = (*labelled, record.surface, effect, reason, rules, signals.basis)
        count = self._counter(record.id)
        count(DECISIONS, key, (1,))
        for one in record.excluded:
            count(EXCLUSIONS, (*labelled, effect, one.offering, one.reason), (1,))
        self._signals(count, labelled, signals)
        allowed = record.allowed_kinds or {}
        for kind, found in record.finding_kinds.items():
            sums = (1, found, allowed.get(kind, 0))
            count(FINDINGS, (*labelled, kind, "request"), sums)
        self.opened[record.id] = Opened(
            position,
            record.ts_us,
            labelled,
            decision.boundary if decision.effect is Effect.PERMIT else frozenset(),
            record.candidates,
            record.key_id,
            record.surface,
            record.ask.model if record.ask is not None else "",
            effect,
            reason,
            (record.granted.zone, record.granted.word) if record.granted else ("", ""),
        )

    @staticmethod
    def _signals(count: "Count", labelled: Key, signals: Told) -> None:
        for one in signals.signals:
            key = (*labelled, one.source, one.trust, one.says, signals.floor, one.verdict)
            count(SIGNALS, key, (1,))

    def _attempted(self, record: Attempted) -> None:
        # INVARIANT: an attempt of which no decision is known counts, as outside every boundary.
        known = self.opened.get(record.id, _NOBODY)
        decided_day, rest = known.labelled[0], known.labelled[1:]
        inside = "yes" if record.zone in known.boundary else "no"
        zone, by = known.granted
        # WHY: it is inside for what persons granted, and for no clearance.
        inside = by if inside == "yes" and record.zone == zone else inside
        where = (record.zone, record.offering, record.host, inside, decided_day)
        self._counter(record.id)(ATTEMPTS, (record.ts_us // DAY_US, *rest, *where), (1,))

    def _settled(self, position: int, record: Settled) -> None:
        known = self.opened.pop(record.id, _NOBODY)
        zone, offering = record.zone or "", record.served_by or ""
        outcome, error = str(record.outcome), record.error or ""
        tokens, labelled = record.usage, (record.ts_us // DAY_US, *known.labelled[1:])
        seen = (str(record.attestation or ""), record.observed_region or "")
        sums = (
            1,
            len(record.tried),
            tokens.input_tokens + tokens.cache_read_tokens + tokens.cache_write_tokens
            if tokens is not None
            else 0,
            tokens.output_tokens if tokens is not None else 0,
            record.cost_microusd or 0,
            record.took_us or 0,
        )
        count = self._counter(record.id)
        counted = tuple(max(0, min(one, COUNTED_MAX)) for one in sums)
        count(OUTCOMES, (*labelled, zone, offering, outcome, error, *seen), counted)
        if len(record.tried) > 1:
            tried = _joined(tuple(one.offering for one in record.tried))
            why = _joined(tuple(_failure(one.outcome.failure) for one in record.tried[:-1]))
            eligible = _joined(known.candidates)
            count(FALLBACKS, (*labelled, eligible, tried, why, outcome), (1,))
        for kind, found in (record.reply_kinds or {}).items():
            count(FINDINGS, (*labelled, kind, "reply"), (1, found, 0))
        if known is not _NOBODY:
            self._rows.requests.append(_request(position, record, known))

    def _counter(self, record_id: str) -> "Count":
        counts = self._rows.counts

        def count(cube: Cube, key: Key, sums: tuple[int, ...]) -> None:
            rows = counts[cube.name]
            held = rows.get(key)
            if held is None:
                rows[key] = (list(sums), record_id)
                return
            for at, value in enumerate(sums):
                held[0][at] += value
            rows[key] = (held[0], record_id)

        return count


Count = Callable[[Cube, Key, tuple[int, ...]], None]
_NOBODY = Opened(
    -1,
    0,
    (0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN_RANK),
    frozenset(),
    (),
    "",
    "",
    "",
    "",
    "",
)


def label_of(text: str, rank: int) -> Label | None:
    """Return the label that a row names; None where it names none."""
    if text in (UNKNOWN, NO_LABEL):
        return None
    named, marked, places = text.partition("@")
    level, *caveats = named.split("+")
    residency = frozenset(filter(None, places.split(","))) if marked else None
    return Label(Level(rank, level), frozenset(caveats), residency)


def _nothing() -> Rows:
    return Rows({}, {cube.name: {} for cube in CUBES}, [], [], [])


def _labelled(record: Decided) -> tuple[int, str, str, str, str, int]:
    facts, label = record.facts, record.label
    team = facts.team if facts is not None else record.team or UNKNOWN
    day, policy = record.ts_us // DAY_US, record.decision.policy
    if label is None:
        return day, policy, team, NO_LABEL, NO_LABEL, NO_RANK
    return day, policy, team, str(label), label.level.name, label.level.rank


def _request(position: int, record: Settled, known: Opened) -> Request:
    _, _, team, label, level, _ = known.labelled
    return Request(
        position=known.position,
        ended=position,
        id=record.id,
        ts_us=known.ts_us,
        day=known.labelled[0],
        team=team,
        key=known.key,
        surface=known.surface,
        model=known.model,
        label=label,
        level=level,
        effect=known.effect,
        reason=known.reason,
        attempts=len(record.tried),
        zone=record.zone or "",
        offering=record.served_by or "",
        outcome=str(record.outcome),
        error=record.error or "",
    )


def _joined(words: tuple[str, ...]) -> str:
    """Return the words in one text of bounded length; what is cut shows that it was."""
    text = ", ".join(words)
    cut = len(text) > JOINED_CHARACTERS_MAX
    return f"{text[:JOINED_CHARACTERS_MAX]}..." if cut else text


def _failure(failure: Failure | None) -> str:
    return UNKNOWN if failure is None else str(failure.kind)
