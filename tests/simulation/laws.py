"""The laws to which every random decision is held, and what each of them is asked about."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from gateway.domain.caller import Caller
from gateway.domain.decision import Facts, Signal
from gateway.domain.label import Label
from gateway.domain.request import Ask
from gateway.flow.ports import World
from gateway.policy.program import Clause, Program
from tests.simulation.grants import Known

LAWS = (
    "a boundary clears the label, is permitted and not denied",
    "a candidate is inside the boundary",
    "the order of headers has no meaning",
    "the order of signals has no meaning",
    "the order of rules has no meaning",
    "join is the join of a lattice",
    "a signal never lowers a label or widens what clears it",
    "a signal never widens a boundary unless a rule asks for it",
    "a rule in the shadow changes no decision and no route",
    "a rule in the shadow tells what it would do in force",
    "obligations are the union of what matches, and the lowest cost",
    "an obligation only takes away",
    "a candidate keeps to what is obliged to",
    "nothing is permitted before it is redacted",
    "what was obliged to before redaction is still owed",
    "nothing is granted that was not rightly signed and still stands",
    "a request takes a grant only where nothing else answers, and one that serves it",
    "a grant that is over or of others changes nothing",
    "a grant adds its own zone at most",
    "a grant opens its zone exactly where the page says so",
    "no grant opens where no place is lawful",
    "a grant takes away no obligation",
    "a signal never widens what is granted unless a rule asks for it",
)
CLEAR, INSIDE, HEADERS, SIGNALS, RULES, LATTICE, RAISED, STEADY = LAWS[:8]
SHADOW, TOLD, JOINED, RESTRICTS, KEPT, FIRST, OWED = LAWS[8:15]
SIGNED, LAST, NOTHING, SCOPE, OPENS, LAWLESS, STILL_OWED, NO_MORE = LAWS[15:]

Said = Iterator[tuple[str, bool]]


class Broken(Exception):
    """A law did not hold."""

    def __init__(self, law: str, seed: int, number: int) -> None:
        super().__init__(f"{law}: world {seed}, request {number}; --seed {seed}")
        self.law = law
        self.told = (law, seed, number)

    def __reduce__(self) -> tuple[type["Broken"], tuple[str, int, int]]:
        """Return how a worker hands it to whoever waits for it."""
        return Broken, self.told


class Tally:
    """How many requests were decided, and how often each law had something to say."""

    def __init__(self) -> None:
        self.decisions = 0
        self.permitted = 0
        self.said: Counter[str] = Counter()

    def add(self, other: "Tally") -> None:
        """Take over what another one counted."""
        self.decisions += other.decisions
        self.permitted += other.permitted
        self.said += other.said

    def __str__(self) -> str:
        """Return the counts, a line each."""
        lines = [f"{self.decisions} decisions, {self.permitted} of them permitted"]
        return "\n".join([*lines, *(f"{self.said[law]} times: {law}" for law in LAWS)])


class Setting(Struct, frozen=True):
    """What the requests of one world have in common.

    `known` is what was signed, as the one who drew it knows it. `unshadowed` and `unobliged` are
    the same world without rules in the shadow, and without obligations.
    """

    seed: int
    world: World
    now: datetime
    names: tuple[str, ...]
    known: tuple[Known, ...]
    unshadowed: World
    unobliged: World


class Drawn(Struct, frozen=True):
    """One request: what its key binds, its headers, what was found, and what it asks for.

    `redacted` says that it was decided before to redact it; then `duties` is what was obliged to.
    """

    caller: Caller
    headers: tuple[tuple[bytes, bytes], ...]
    found: tuple[Signal, ...]
    facts: Facts
    ask: Ask
    body_bytes: int | None
    strange: bool
    redacted: bool
    duties: tuple[str, ...]


def holds(clause: Clause, facts: Facts) -> bool | None:
    """Return whether the rule matches; None where it cannot be evaluated."""
    try:
        return clause.matches(facts)
    except KeyError:
        return None


def held(clauses: Iterable[Clause], facts: Facts) -> list[Clause] | None:
    """Return those that match; None where one cannot be evaluated."""
    found: list[Clause] = []
    for clause in clauses:
        answer = holds(clause, facts)
        if answer is None:
            return None
        if answer:
            found.append(clause)
    return found


def is_steady(program: Program, facts: Facts, raised: Facts) -> bool:
    """Does no permit begin to hold, and no deny cease to? Nor what has to come first."""
    for clause in (*program.clauses, *program.duties):
        before, after = holds(clause, facts), holds(clause, raised)
        if before is None or after is None:
            return False
        if (after and not before) if clause.permits else (before and not after):
            return False
    return True


def opened(setting: Setting, clauses: list[Clause], label: Label) -> frozenset[str]:
    """Return permits minus denies, cut to what clears the label."""
    found: set[str] = set()
    for clause in clauses:
        if clause.permits:
            found |= clause.zones
    for clause in clauses:
        if not clause.permits:
            found -= clause.zones
    day, zones = setting.now.date(), setting.world.program.zones
    return frozenset(zone for zone in found if zones[zone].clearance(day).dominates(label))
