"""`perimeter policy test`, `matrix` and `prove`: what a policy says, before anybody asks it."""

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from gateway.app.loading import Loaded, load_all
from gateway.app.making import load_scanners
from gateway.app.moment import SystemClock
from gateway.cli.playing import failures_of, play_all
from gateway.domain.vocabulary import UnknownLabelError
from gateway.flow.opening import Stamp
from gateway.policy import prove as proof
from gateway.policy.coverage import coverage
from gateway.policy.invariants import Invariant
from gateway.policy.offered import Answer, answers
from gateway.policy.prove import CONDITIONAL, Row, Written
from gateway.routing.names import askable, resolve
from gateway.stores.scanner import DetectorScanner

FAILED = 1
UNUSABLE = 2


def test(node: Path, *, strict: bool) -> int:
    """Play every case; return 1 when one does not hold or, if strict, a rule has none."""
    now = SystemClock().now()
    loaded = load_all(node, os.environ, now.date())
    scanner = DetectorScanner([one.detector for one in load_scanners(loaded.node.settings.paths)])
    played = asyncio.run(play_all(loaded, scanner, Stamp(now, "policy-test")))
    scanner.close()
    failures = failures_of(played)
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(played) - len(failures)} of {len(played)} cases hold")
    rules = coverage(loaded.compiled.program, (one.got for one in played))
    for rule in rules:
        print(f"rule {rule.rule}: held in {rule.held} cases, made the answer in {rule.decided}")
    bare = [rule.rule for rule in rules if not rule.held]
    for name in bare:
        print(f"no case exercises rule {name}", file=sys.stderr)
    print(f"{len(rules) - len(bare)} of {len(rules)} rules are exercised")
    return FAILED if failures or (strict and bare) else 0


def show_matrix(node: Path, labels: Iterable[str]) -> int:
    """Print labels, zones and offerings; return 2 for a label that the policy does not know."""
    today = SystemClock().now().date()
    loaded = load_all(node, os.environ, today)
    program = loaded.compiled.program
    try:
        rows = [_row(loaded, text, today) for text in labels]
    except UnknownLabelError as error:
        print(f"perimeter: {error}", file=sys.stderr)
        return UNUSABLE
    whole = rows or proof.matrix(program, today).rows
    found = answers(whole, loaded.models.catalogue.offerings, loaded.models.ends, today)
    for line in _table([["label", "zone", "offering", "answer"], *map(_cells, found)]):
        print(line)
    return 0


def _row(loaded: Loaded, text: str, today: date) -> Row:
    program = loaded.compiled.program
    return proof.row_of(program, Written(text, program.vocabulary.parse(text)), today)


def _cells(one: Answer) -> list[str]:
    yes = "if a condition holds" if one.reason == CONDITIONAL else "yes"
    return [one.label, one.zone, one.offering or "-", yes if one.reachable else f"no: {one.reason}"]


def _table(lines: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def prove(node: Path) -> int:
    """Prove every invariant; return 1 when one does not hold.

    The proof is over all labels and zones, so over every task and each of its fallbacks: an
    offering is in one zone, and a name never creates an offering.
    """
    today = SystemClock().now().date()
    loaded = load_all(node, os.environ, today, prove_it=False)
    compiled = loaded.compiled
    broken = proof.prove(compiled.program, compiled.invariants, today)
    for problem in broken:
        print(problem, file=sys.stderr)
    # WHY: where there are too many labels for a proof, there are for what follows as well.
    if any(not problem.path for problem in broken):
        return FAILED
    failed = {problem.path for problem in broken}
    reached = proof.reached(compiled.program, compiled.invariants, today)
    for invariant in compiled.invariants:
        held = "does not hold" if invariant.pointer in failed else "holds"
        print(f"invariant {invariant.id}: {held}")
        _show_reach(loaded, invariant, reached[invariant.id])
    names = askable(loaded.models.catalogue)
    offerings = len(loaded.models.catalogue.offerings)
    count = len(compiled.invariants) - len(failed)
    print(
        f"{count} of {len(compiled.invariants)} invariants hold, "
        f"over {len(names)} names and {offerings} offerings"
    )
    return FAILED if broken else 0


def _show_reach(loaded: Loaded, invariant: Invariant, zones: Mapping[str, tuple[str, ...]]) -> None:
    """Print where the labels of an invariant may go, and by which names that is asked for."""
    program, catalogue = loaded.compiled.program, loaded.models.catalogue
    by_offering: dict[str, list[str]] = {}
    for name in askable(catalogue):
        for offering in resolve(name, catalogue).offerings:
            by_offering.setdefault(offering.id, []).append(name)
    for zone, labels in zones.items():
        mark = "may be in" if invariant.allows(program.zones[zone]) else "BREAKS IT: may be in"
        print(f"  {', '.join(labels)} {mark} {zone}")
        for offering in catalogue.offerings:
            if offering.zone == zone:
                print(f"    {offering.id}, by {', '.join(by_offering[offering.id])}")
