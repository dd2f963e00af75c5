"""Decide many random requests: `python -m tests.simulation.decisions --decisions N [--seed S]`.

A world gives policy, fleet and registry; each request in it is drawn, judged by the code that
serves (claims, signals, classify, decide, plan), and then once more turned or raised. Every number
follows from the seed of the world, which is what a broken law is told by.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from gateway.classification.classify import classify
from gateway.classification.signals import signals
from gateway.domain.caller import Caller
from gateway.domain.decision import Decision, Facts, Signal, Trust
from gateway.domain.errors import Malformed
from gateway.domain.label import Label
from gateway.domain.request import Ask, Claims
from gateway.flow.ports import World
from gateway.flow.ruling import Evidence, Ruling, rule
from gateway.policy.evaluate import decide
from gateway.policy.program import Clause
from gateway.routing.names import askable
from gateway.surfaces.headers import claims_of
from tests.simulation.generate import generate
from tests.simulation.policies import KINDS, SURFACES, TASKS, TEAMS
from tests.simulation.stage import forget, world_of

T = TypeVar("T")
SEED = 20_261_121
PER_WORLD = 500
NOON = 12
LAWS = (
    "a boundary clears the label, is permitted and not denied",
    "a candidate is inside the boundary",
    "the order of headers has no meaning",
    "the order of signals has no meaning",
    "the order of rules has no meaning",
    "join is the join of a lattice",
    "a signal never lowers a label or widens what clears it",
    "a signal never widens a boundary unless a rule asks for it",
)
CLEAR, INSIDE, HEADERS, SIGNALS, RULES, LATTICE, RAISED, STEADY = LAWS


class Broken(Exception):
    """A law did not hold."""

    def __init__(self, law: str, seed: int, number: int) -> None:
        super().__init__(f"{law}: world {seed}, request {number}; --seed {seed}")
        self.law = law


class Tally:
    """How many requests were decided, and how often each law had something to say."""

    def __init__(self) -> None:
        self.decisions = 0
        self.permitted = 0
        self.said: Counter[str] = Counter()

    def __str__(self) -> str:
        """Return the counts, a line each."""
        lines = [f"{self.decisions} decisions, {self.permitted} of them permitted"]
        return "\n".join([*lines, *(f"{self.said[law]} times: {law}" for law in LAWS)])


class Setting(Struct, frozen=True):
    """What the requests of one world have in common."""

    seed: int
    world: World
    now: datetime
    names: tuple[str, ...]


def setting_of(seed: int) -> Setting:
    """Return the world of that seed."""
    scenario = generate(seed)
    world = world_of(scenario.snapshots[0])
    now = datetime.fromisoformat(scenario.start).astimezone(UTC).replace(hour=NOON)
    return Setting(seed, world, now, tuple(askable(world.fleet.catalogue)))


class Drawn(Struct, frozen=True):
    """One request: what its key binds, its headers, what was found, and what it asks for."""

    caller: Caller
    headers: tuple[tuple[bytes, bytes], ...]
    found: tuple[Signal, ...]
    facts: Facts
    ask: Ask


def drawn(setting: Setting, chance: Random) -> Drawn:
    """Return a random request of that world."""
    world, pick = setting.world, chance.choice
    repos = sorted(world.registry.repos)
    bound = tuple(one for one in repos if chance.random() < 0.3)
    label = _label(setting, chance) if chance.random() < 0.7 else None
    claimed = pick(repos) if repos and chance.random() < 0.3 else None
    headers = [(b"user-agent", b"a client"), (b"accept", b"*/*")]
    if chance.random() < 0.4:
        headers.append((b"x-perimeter-label", _label(setting, chance).encode()))
    if claimed is not None:
        address = min(world.registry.repos[claimed].addresses)
        headers.append((b"x-perimeter-repo", f"https://{address}".encode()))
    headers.append((b"x-session-id", b"one"))
    team = pick(TEAMS)
    chooses = chance.random() < 0.3
    return Drawn(
        Caller("key-1", "ada", team, label, bound, chooses),
        tuple(headers),
        tuple(_signal(setting, chance) for _ in range(chance.randrange(3))),
        Facts(
            label=world.vocabulary.top,
            team=team,
            surface=pick(SURFACES),
            model="m1",
            task=pick((None, *TASKS)),
            repos=frozenset(bound),
            findings=frozenset(one for one in KINDS if chance.random() < 0.2),
            claimed_repos=frozenset(() if claimed is None else (claimed,)),
        ),
        Ask(pick(setting.names)),
    )


def _label(setting: Setting, chance: Random) -> str:
    """Return a written label; low and plain ones are likelier, or little would be permitted."""
    words = setting.world.vocabulary
    rank = min(int(len(words.levels) * chance.random()) for _ in range(3))
    caveats = "".join(f"+{one}" for one in sorted(words.caveats) if chance.random() < 0.1)
    bound = bool(words.region_sets) and chance.random() < 0.1
    place = f"@{chance.choice(sorted(words.region_sets))}" if bound else ""
    return f"{words.levels[rank]}{caveats}{place}"


def _signal(setting: Setting, chance: Random) -> Signal:
    label = setting.world.vocabulary.parse(_label(setting, chance))
    return Signal(f"detector:{chance.choice(KINDS)}", label, Trust.INFERRED)


def check(setting: Setting, number: int, tally: Tally) -> None:
    """Decide one request, and hold every law against it; Broken."""
    chance = Random(f"{setting.seed}:{number}")  # noqa: S311 - requests, not secrets
    one = drawn(setting, chance)
    for law, held in _laws(setting, one, chance, tally):
        tally.said[law] += 1
        if not held:
            raise Broken(law, setting.seed, number)


def _laws(setting: Setting, one: Drawn, chance: Random, tally: Tally) -> Iterator[tuple[str, bool]]:
    world = setting.world
    told = _told(one, one.headers, world)
    if len(one.headers) > 1:
        turned = _turned(one.headers, chance)
        yield HEADERS, _told(one, turned, world) == told
    every = (*(told or ()), *one.found)
    if not told:
        return
    ruling = rule(Evidence(one.ask, every, one.facts), world, setting.now)
    tally.decisions += 1
    decision, label = ruling.decision, ruling.classification.label
    tally.permitted += bool(decision.boundary)
    yield CLEAR, decision.boundary == _boundary(setting, replace(one.facts, label=label))
    if ruling.route.candidates:
        yield INSIDE, _is_inside(ruling)
    yield SIGNALS, classify(_turned(every, chance)).label == label
    facts = ruling.facts
    clauses = _turned(world.program.clauses, chance)
    yield RULES, decide(replace(world.program, clauses=clauses), facts, setting.now) == decision
    more = _signal(setting, chance).label
    yield LATTICE, _is_join(label, more, every[0].label)
    yield from _raised(setting, ruling, more, decision)


def _raised(
    setting: Setting, ruling: Ruling, more: Label, before: Decision
) -> Iterator[tuple[str, bool]]:
    program, now, facts = setting.world.program, setting.now, ruling.facts
    signal = Signal("detector:more", more, Trust.INFERRED)
    label = classify((*ruling.evidence.signals, signal)).label
    raised = replace(facts, label=label, findings=facts.findings | {KINDS[0]})
    after = decide(program, raised, now)
    cleared = {name for name, zone in program.zones.items() if zone.clears(facts.label, now.date())}
    yield RAISED, label.dominates(facts.label) and after.boundary <= cleared
    if _is_steady(program.clauses, facts, raised):
        yield STEADY, after.boundary <= before.boundary


def _is_steady(clauses: Iterable[Clause], facts: Facts, raised: Facts) -> bool:
    """Does no permit begin to hold with the signal, and no deny cease to?"""
    for clause in clauses:
        before, after = _holds(clause, facts), _holds(clause, raised)
        if before is None or after is None:
            return False
        if (after and not before) if clause.permits else (before and not after):
            return False
    return True


def _holds(clause: Clause, facts: Facts) -> bool | None:
    try:
        return clause.matches(facts)
    except KeyError:
        return None


def _boundary(setting: Setting, facts: Facts) -> frozenset[str]:
    """Return the boundary as the page says it: permits minus denies, cut to what clears."""
    program = setting.world.program
    held = [(clause, _holds(clause, facts)) for clause in program.clauses]
    if not facts.label.has_lawful_place or any(answer is None for _, answer in held):
        return frozenset()
    found: set[str] = set()
    for clause, answer in held:
        if answer and clause.permits:
            found |= clause.zones
    for clause, answer in held:
        if answer and not clause.permits:
            found -= clause.zones
    day = setting.now.date()
    zones = program.zones
    return frozenset(z for z in found if zones[z].clearance(day).dominates(facts.label))


def _is_inside(ruling: Ruling) -> bool:
    inside = ruling.decision.boundary
    zones = {one.zone for one in ruling.route.candidates}
    return ruling.route.boundary == inside and zones <= inside


def _is_join(a: Label, b: Label, c: Label) -> bool:
    both = a.join(b)
    return (
        both == b.join(a)
        and both.join(c) == a.join(b.join(c))
        and a.join(a) == a
        and a.join(a.meet(b)) == a.meet(both) == a
        and both.dominates(a)
        and both.dominates(b)
        and (both == a) == a.dominates(b)
        and (not (c.dominates(a) and c.dominates(b)) or c.dominates(both))
    )


def _told(
    one: Drawn, headers: tuple[tuple[bytes, bytes], ...], world: World
) -> tuple[Signal, ...] | None:
    """Return what the claims of the headers say; None where they are refused."""
    claims: Claims = claims_of(headers)
    try:
        return signals(one.caller, claims, world.registry, world.vocabulary, world.program.default)
    except Malformed:
        return None


def _turned(items: Iterable[T], chance: Random) -> tuple[T, ...]:
    turned = list(items)
    chance.shuffle(turned)
    return tuple(turned)


def run(count: int, seed: int = SEED, tally: Tally | None = None) -> Tally:
    """Decide that many requests; Broken at the first that breaks a law."""
    tally = tally or Tally()
    while tally.decisions < count:
        setting = setting_of(seed)
        for number in range(PER_WORLD):
            if tally.decisions < count:
                check(setting, number, tally)
        seed += 1
        forget()
    return tally


def main(arguments: list[str]) -> int:
    """Return 0 when every law holds."""
    parser = argparse.ArgumentParser(prog="decisions")
    parser.add_argument("--decisions", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=SEED)
    told = parser.parse_args(arguments)
    began = time.perf_counter()
    try:
        tally = run(told.decisions, told.seed)
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    print(f"{tally}\n{time.perf_counter() - began:.0f} s, from seed {told.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
