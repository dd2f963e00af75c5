"""`perimeter policy diff OLD NEW --ledger LEDGER`: which past decisions would change."""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from gateway.audit import canonical
from gateway.audit.canonical import decode
from gateway.audit.record import Decided
from gateway.cli.shown import NOT_VERIFIED, shown, unusable
from gateway.config.folders import read_policy_files
from gateway.domain.decision import Effect
from gateway.flow.comparing import Answered, Past, answered
from gateway.flow.replay import NotReplayable
from gateway.ledger import documents
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader
from gateway.policy.compile import Compiled, compile_bundle

CHANGED = 1
NEVER_ASKED = "refused before policy spoke"


class Difference(Struct, frozen=True):
    """One record that would be answered otherwise, in the words of `kind`."""

    record: str
    kind: str
    old: Answered
    new: Answered


class Tally:
    """What was seen of a ledger, counted; of differences the first few are kept."""

    def __init__(self, examples_max: int) -> None:
        self._examples_max = examples_max
        self.same = 0
        self.under_old = 0
        self.never_asked = 0
        self.lacking: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.examples: list[Difference] = []

    def differs(self, difference: Difference) -> None:
        """Count one record that would be answered otherwise."""
        if self.changed[difference.kind] < self._examples_max:
            self.examples.append(difference)
        self.changed[difference.kind] += 1


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when nothing would change, 1 when something would, or when that is not known."""
    old, new = _compiled(arguments.old), _compiled(arguments.new)
    folder = LedgerFolder(arguments.ledger)
    try:
        tally = _tally(folder, old, new, Tally(arguments.examples))
    except Exception as error:  # noqa: BLE001 - whatever the folder holds, the answer is a line
        return unusable(error)
    for line in lines(tally):
        print(shown(line))
    print(NOT_VERIFIED)
    return CHANGED if tally.changed or tally.lacking else 0


def lines(tally: Tally) -> Iterator[str]:
    """Yield what people read: the counts, then the examples."""
    changed, lacking = tally.changed.total(), tally.lacking.total()
    yield f"{tally.same + changed + lacking + tally.never_asked} decisions are recorded"
    yield f"{tally.under_old} of them were made under OLD itself"
    yield f"{tally.same} would be the same"
    yield f"{changed} would change"
    for kind, count in sorted(tally.changed.items()):
        yield f"  {count} {kind}"
    yield f"{lacking} cannot be replayed"
    for why, count in sorted(tally.lacking.items()):
        yield f"  {count} {why}"
    yield f"{tally.never_asked} {NEVER_ASKED}"
    for one in tally.examples:
        yield f"{one.record} {one.kind}"
        yield f"  old: {_said(one.old)}"
        yield f"  new: {_said(one.new)}"


def _compiled(folder: Path) -> Compiled:
    read = read_policy_files(folder)
    digest = canonical.digest({name: document.value for name, document in read.items()})
    return compile_bundle(read, digest).require()


def _tally(folder: LedgerFolder, old: Compiled, new: Compiled, tally: Tally) -> Tally:
    past = Past(lambda digest: documents.load(folder, digest))
    for stored in Reader(folder).entries():
        record = decode(stored.entry)
        if not isinstance(record, Decided):
            continue
        tally.under_old += record.decision.policy == old.program.digest
        if record.decision.effect is Effect.REFUSED:
            tally.never_asked += 1
            continue
        try:
            _compare(record, past, (old, new), tally)
        except NotReplayable as error:
            tally.lacking[str(error)] += 1
    return tally


def _compare(
    record: Decided, past: Past, policies: tuple[Compiled, Compiled], tally: Tally
) -> None:
    fleet, asked = past.of(record)
    before, after = (answered(record, one, fleet, asked) for one in policies)
    if before == after:
        tally.same += 1
    else:
        tally.differs(Difference(record.id, _kind(before, after), before, after))


def _kind(old: Answered, new: Answered) -> str:
    """Say in a few words what changes; the first that applies."""
    if old.effect is not new.effect:
        return f"would go from {old.effect} to {new.effect}"
    if old.boundary != new.boundary:
        before, after = set(old.boundary), set(new.boundary)
        if after < before:
            return "would have a narrower boundary"
        return f"would have {'a wider' if before < after else 'another'} boundary"
    if old.candidates != new.candidates:
        return "would have other candidates"
    if old.obligations != new.obligations:
        return "would have other obligations"
    return "would have another label or reason"


def _said(one: Answered) -> str:
    zones = ", ".join(one.boundary) or "nowhere"
    first = f", first {one.candidates[0]}" if one.candidates else ", no candidate"
    obliged = f", obliged to {', '.join(one.obligations)}" if one.obligations else ""
    return f"{one.effect} {one.label} in {zones} ({one.reason}){first}{obliged}"
