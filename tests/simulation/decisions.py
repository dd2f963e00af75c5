"""Decide many random requests: `python -m tests.simulation.decisions --decisions N [--seed S]`.

A world gives policy, fleet and registry; each request in it is drawn, judged by the code that
serves (claims, signals, classify, decide, plan), and then once more turned or raised. Every number
follows from the seed of the world, which is what a broken law is told by.
"""

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import TypeVar

from msgspec.structs import replace

from gateway.classification.classify import classify
from gateway.classification.signals import signals
from gateway.domain.decision import Facts, Signal, Trust
from gateway.domain.errors import Malformed
from gateway.domain.label import Label
from gateway.domain.request import Claims, Envelope
from gateway.flow import ruling as ruling_module
from gateway.flow.ports import World
from gateway.flow.ruling import Evidence, Ruling, rule
from gateway.policy.evaluate import decide, shadowed, still_obliged
from gateway.policy.program import Program
from gateway.surfaces.headers import claims_of
from tests.simulation.drawing import a_signal, drawn, setting_of
from tests.simulation.law_of_duties import of_duties, of_shadows, redacting
from tests.simulation.law_of_grants import of_grants, of_more, of_signing, of_taking
from tests.simulation.laws import (
    CLEAR,
    HEADERS,
    INSIDE,
    LATTICE,
    RAISED,
    RULES,
    SIGNALS,
    STEADY,
    Broken,
    Drawn,
    Said,
    Setting,
    Tally,
    held,
    is_steady,
    opened,
)
from tests.simulation.policies import KINDS
from tests.simulation.stage import forget

T = TypeVar("T")
SEED = 20_261_121
PART = 100_000
SEEDS_APART = 1_000
SHARE = 0.5
THIRD = 1 / 3
PER_WORLD = 500


def check(setting: Setting, number: int, tally: Tally) -> None:
    """Decide one request, and hold every law against it; Broken."""
    chance = Random(f"{setting.seed}:{number}")  # noqa: S311 - requests, not secrets
    one = drawn(setting, chance)
    _hold(_laws(setting, one, chance, tally), tally, (setting.seed, number))


def _hold(said: Said, tally: Tally, where: tuple[int, int]) -> None:
    for law, is_kept in said:
        tally.said[law] += 1
        if not is_kept:
            raise Broken(law, *where)


def _laws(setting: Setting, one: Drawn, chance: Random, tally: Tally) -> Said:
    world = setting.world
    told = _told(one, one.headers, world)
    turned = _turned(one.headers, chance)
    yield HEADERS, _told(one, turned, world) == told
    every = (*(told or ()), *one.found)
    if not told:
        return
    granted = rule(_evidence(one, every, world), world, setting.now)
    tally.decisions += 1
    tally.permitted += bool(granted.decision.boundary)
    ruling = granted
    if granted.grant is not None:
        ruling = rule(replace(granted.evidence, grants=()), world, setting.now)
    yield from of_taking(setting, one, granted, ruling)
    label = ruling.classification.label
    yield CLEAR, ruling.decision.boundary == _boundary(setting, one, ruling.facts)
    if ruling.route.candidates:
        yield INSIDE, _is_inside(ruling)
    yield SIGNALS, classify(_turned(every, chance)).label == label
    turned_about = _reordered(world.program, chance)
    plain = decide(turned_about, ruling.facts, setting.now, redacted=one.redacted)
    yield RULES, still_obliged(plain, one.duties) == ruling.decision
    if world.program.shadows and chance.random() < SHARE:
        yield RULES, _is_orderless(setting, one, ruling.facts, turned_about)
    yield from of_shadows(setting, ruling, chance)
    yield from of_duties(setting, one, ruling, chance)
    yield from of_grants(setting, (one, ruling.facts), plain, chance)
    yield from _raised(setting, one, ruling, chance)


def _evidence(one: Drawn, every: tuple[Signal, ...], world: World) -> Evidence:
    """Return what is known of the request, with what was granted and may serve it."""
    # WHY: only of one that speaks of a strange repository does that depend on more than the world.
    grants = ruling_module._usable(_envelope(one), world) if one.strange else world.usable
    return Evidence(
        one.ask,
        every,
        one.facts,
        body_bytes=one.body_bytes,
        grants=grants,
        redacted=one.redacted,
        duties=one.duties,
    )


def _envelope(one: Drawn) -> Envelope:
    claims = claims_of(one.headers)
    return Envelope("1", 0, one.caller, one.facts.surface, "openai_chat", claims, {}, 0)


def _reordered(program: Program, chance: Random) -> Program:
    return replace(
        program,
        clauses=_turned(program.clauses, chance),
        duties=_turned(program.duties, chance),
        shadows=_turned(program.shadows, chance),
    )


def _is_orderless(setting: Setting, one: Drawn, facts: Facts, turned: Program) -> bool:
    """Do rules in the shadow tell the same in whatever order they stand?"""
    now, program = setting.now, setting.world.program
    told = shadowed(turned, facts, now, redacted=one.redacted)
    return told == shadowed(program, facts, now, redacted=one.redacted)


def _raised(setting: Setting, one: Drawn, ruling: Ruling, chance: Random) -> Said:
    more = a_signal(setting, chance).label
    yield LATTICE, _is_join(ruling.facts.label, more, ruling.evidence.signals[0].label)
    program, now, facts = setting.world.program, setting.now, ruling.facts
    signal = Signal("detector:more", more, Trust.INFERRED)
    label = classify((*ruling.evidence.signals, signal)).label
    raised = replace(facts, label=label, findings=facts.findings | {KINDS[0]})
    after = decide(program, raised, now, redacted=one.redacted)
    cleared = {name for name, zone in program.zones.items() if zone.clears(facts.label, now.date())}
    yield RAISED, label.dominates(facts.label) and after.boundary <= cleared
    if is_steady(program, facts, raised):
        yield STEADY, after.boundary <= ruling.decision.boundary
    if chance.random() < THIRD:
        yield from of_more(setting, one, facts, raised)


def _boundary(setting: Setting, one: Drawn, facts: Facts) -> frozenset[str]:
    """Return the boundary as the page says it; nothing before what must be redacted is."""
    program = setting.world.program
    rules = held((*program.clauses, *program.duties), facts)
    if rules is None or not facts.label.has_lawful_place:
        return frozenset()
    if redacting(rules) and not one.redacted:
        return frozenset()
    return opened(setting, rules, facts.label)


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
        _hold(of_signing(setting), tally, (seed, -1))
        for number in range(PER_WORLD):
            if tally.decisions < count:
                check(setting, number, tally)
        seed += 1
        forget()
    return tally


def run_by(workers: int, count: int, seed: int) -> Tally:
    """Decide that many requests in so many processes, in parts that have seeds of their own.

    How many processes there are changes no request.
    """
    parts = [min(PART, count - done) for done in range(0, count, PART)]
    seeds = [seed + number * SEEDS_APART for number in range(len(parts))]
    tally = Tally()
    with ProcessPoolExecutor(workers) as pool:
        for part in pool.map(run, parts, seeds):
            tally.add(part)
            print(f"{tally.decisions} of {count}", file=sys.stderr, flush=True)
    return tally


def main(arguments: list[str]) -> int:
    """Return 0 when every law holds."""
    parser = argparse.ArgumentParser(prog="decisions")
    parser.add_argument("--decisions", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--workers", type=int, default=1)
    told = parser.parse_args(arguments)
    began = time.perf_counter()
    try:
        tally = run_by(told.workers, told.decisions, told.seed)
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    print(f"{tally}\n{time.perf_counter() - began:.0f} s, from seed {told.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
