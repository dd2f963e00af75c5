"""What a policy can let happen, over all labels, and the proof of its invariants.

The proof stands on monotony. A zone that clears a label clears every lesser one, and days only
take evidence away, so what holds today holds later. A label's residency is an intersection of
named region sets; what a permit opens for such an intersection it also opens for the set that its
own condition names, or for no residency at all, where fewer denies hold. So named sets and none
are enough. A condition on anything but the label counts as one that some request meets: a permit
under such a condition permits, and a deny under it does not deny.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import combinations, product

from msgspec import Struct

from gateway.domain.errors import Problem
from gateway.domain.label import Label
from gateway.domain.vocabulary import Vocabulary
from gateway.domain.zone import Zone
from gateway.policy.compile import Compiled, unusable
from gateway.policy.evaluate import CLEARANCE, NOT_PERMITTED
from gateway.policy.invariants import Invariant
from gateway.policy.program import Clause, Program

PROOF_MAX = 1_000_000
ROWS_MAX = 4_096
PERMITTED = "permitted"
CONDITIONAL = "conditional"


class Written(Struct, frozen=True):
    """A label and how people write it."""

    text: str
    label: Label


class Cell(Struct, frozen=True):
    """May a label be in a zone? `reason` is permitted, conditional, or as `why_not` says it."""

    zone: str
    reachable: bool
    reason: str


class Row(Struct, frozen=True):
    """One label and every zone."""

    label: str
    cells: tuple[Cell, ...]


class Matrix(Struct, frozen=True):
    """The residency matrix: rows, and for each zone the strictest labels that may be there."""

    rows: tuple[Row, ...]
    strictest: dict[str, tuple[str, ...]]


def proven(compiled: Compiled, today: date) -> Compiled:
    """Return the bundle, or one that permits nothing when an invariant does not hold."""
    problems = compiled.problems or prove(compiled.program, compiled.invariants, today)
    return unusable(problems) if problems else compiled


def prove(program: Program, invariants: Iterable[Invariant], today: date) -> tuple[Problem, ...]:
    """Return a problem for each invariant and zone that some label breaks."""
    many = _combinations(program)
    if many > PROOF_MAX:
        what = f"{many} combinations of labels and rules are more than can be proven ({PROOF_MAX})"
        return (Problem("policy.yaml", 1, "", what, "use fewer caveats or region sets"),)
    broken: dict[tuple[str, str], Problem] = {}
    held = tuple(invariants)
    for written in _labels(program.vocabulary, whole=True):
        spoken = [invariant for invariant in held if invariant.speaks_of(written.label)]
        for cell in _cells(program, written.label, today) if spoken else ():
            for invariant in spoken:
                if cell.reachable and not invariant.allows(program.zones[cell.zone]):
                    found = _broken(program, invariant, written, cell.zone)
                    broken.setdefault((invariant.id, cell.zone), found)
    return tuple(broken.values())


def matrix(program: Program, today: date) -> Matrix:
    """Return the matrix; labels of several caveats follow from those of one, and have no row."""
    rows = tuple(
        Row(written.text, _cells(program, written.label, today))
        for written in _labels(program.vocabulary, whole=False)
    )
    return Matrix(rows, _strictest(program, today))


def row_of(program: Program, written: Written, today: date) -> Row:
    """Return the row of any label, also of one with several caveats."""
    return Row(written.text, _cells(program, written.label, today))


def reached(
    program: Program, invariants: Iterable[Invariant], today: date
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return, by invariant and zone, the strictest labels that it speaks of and that may be there.

    It is as large a walk as that of `prove`, so it is asked only where that one was made.
    """
    held = tuple(invariants)
    best: dict[str, dict[str, list[Written]]] = {invariant.id: {} for invariant in held}
    for written in _labels(program.vocabulary, whole=True):
        spoken = [invariant.id for invariant in held if invariant.speaks_of(written.label)]
        for cell in _cells(program, written.label, today) if spoken else ():
            for one in spoken if cell.reachable else ():
                best[one][cell.zone] = _with(best[one].get(cell.zone, []), written)
    return {
        one: {zone: tuple(sorted(w.text for w in found)) for zone, found in sorted(zones.items())}
        for one, zones in best.items()
    }


def matrix_text(found: Matrix) -> str:
    """Return the matrix as people read it: yes, if (under a condition), or no with the reason."""
    zones = [cell.zone for cell in found.rows[0].cells]
    lines = [["label", *zones]]
    lines += [[row.label, *(_answer(cell) for cell in row.cells)] for row in found.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(zones) + 1)]
    table = [
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    strictest = [
        f"strictest in {zone}: {', '.join(labels) or 'nothing'}"
        for zone, labels in found.strictest.items()
    ]
    return "\n".join([*table, "", *strictest]) + "\n"


def _answer(cell: Cell) -> str:
    if not cell.reachable:
        return f"no: {cell.reason}"
    return "if" if cell.reason == CONDITIONAL else "yes"


def _cells(program: Program, label: Label, today: date) -> tuple[Cell, ...]:
    fitting = [clause for clause in program.clauses if clause.fits(label)]
    return tuple(_cell(fitting, label, zone, today) for _, zone in sorted(program.zones.items()))


def _cell(fitting: list[Clause], label: Label, zone: Zone, today: date) -> Cell:
    if not zone.clears(label, today):
        return Cell(zone.name, reachable=False, reason=CLEARANCE)
    here = [clause for clause in fitting if zone.name in clause.zones]
    closed = sorted(c.id for c in here if not c.permits and not c.conditional)
    if closed:
        return Cell(zone.name, reachable=False, reason=closed[0])
    if not any(clause.permits for clause in here):
        return Cell(zone.name, reachable=False, reason=NOT_PERMITTED)
    certain = any(c.permits and not c.conditional for c in here) and all(c.permits for c in here)
    return Cell(zone.name, reachable=True, reason=PERMITTED if certain else CONDITIONAL)


def _broken(program: Program, invariant: Invariant, written: Written, zone: str) -> Problem:
    by = sorted(
        clause.id
        for clause in program.clauses
        if clause.permits and zone in clause.zones and clause.fits(written.label)
    )
    rules = ", ".join(by)
    return invariant.document.problem(
        invariant.pointer,
        f'invariant "{invariant.id}" does not hold: label {written.text} may reach zone {zone}',
        f"permitted by {rules}",
    )


def _combinations(program: Program) -> int:
    words = program.vocabulary
    labels = len(words.levels) * (1 << len(words.caveats)) * (len(words.region_sets) + 1)
    return labels * max(1, len(program.clauses))


def _labels(vocabulary: Vocabulary, *, whole: bool) -> Iterator[Written]:
    """Yield labels from low to high: all of them, or those with at most one caveat."""
    names = sorted(vocabulary.caveats)
    most = len(names) if whole else 1
    caveats = [some for size in range(most + 1) for some in combinations(names, size)]
    residencies: list[str | None] = [None, *sorted(vocabulary.region_sets)]
    if not whole and len(vocabulary.levels) * len(caveats) * len(residencies) > ROWS_MAX:
        residencies = [None]
    levels = [vocabulary.level(name) for name in vocabulary.levels]
    for place, level, some in product(residencies, levels, caveats):
        text = "+".join((level.name, *some)) + ("" if place is None else f"@{place}")
        within = None if place is None else vocabulary.region_sets[place]
        yield Written(text, Label(level, frozenset(some), within))


def _strictest(program: Program, today: date) -> dict[str, tuple[str, ...]]:
    """Return, for each zone, the reachable labels that no other reachable one dominates."""
    best: dict[str, list[Written]] = {zone: [] for zone in sorted(program.zones)}
    if _combinations(program) > PROOF_MAX:
        return {}
    for written in _labels(program.vocabulary, whole=True):
        for cell in _cells(program, written.label, today):
            if cell.reachable:
                best[cell.zone] = _with(best[cell.zone], written)
    return {zone: tuple(sorted(w.text for w in found)) for zone, found in best.items()}


def _with(best: list[Written], new: Written) -> list[Written]:
    if any(old.label.dominates(new.label) for old in best):
        return best
    return [*(old for old in best if not new.label.dominates(old.label)), new]
