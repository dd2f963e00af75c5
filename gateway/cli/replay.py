"""`perimeter replay RECORD`: make the same decision again, from the ledger alone."""

import argparse
import sys
from pathlib import Path

from gateway.audit.record import Decided
from gateway.cli.granted import fault_of, signing_of
from gateway.cli.shown import NOT_VERIFIED, shown, unusable
from gateway.domain.decision import Effect
from gateway.flow.replay import NotReplayable, replay
from gateway.ledger import documents
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader

DIFFERS = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("record", help="the record id, as x-perimeter-record told it")
    parser.add_argument("--ledger", type=Path, required=True, help="the ledger's folder")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 for the same decision, 1 for any other answer, 2 when the ledger cannot be read."""
    try:
        return _run(LedgerFolder(arguments.ledger), arguments.record)
    except Exception as error:  # noqa: BLE001 - whatever the folder holds, the answer is a line
        return unusable(error)


def _run(folder: LedgerFolder, record_id: str) -> int:
    found = Reader(folder).record_of(record_id)
    if found is None:
        print("perimeter: the ledger has no such record", file=sys.stderr)
        return DIFFERS
    if found.decided.decision.effect is Effect.REFUSED:
        print("refused before policy spoke: there is no decision to make again")
        print(NOT_VERIFIED)
        return 0
    differences = _differences(folder, found.decided)
    signing = None if differences else signing_of(folder, found)
    differences = differences or fault_of(found, signing)
    for difference in differences:
        print(shown(difference), file=sys.stderr)
    if differences:
        return DIFFERS
    print(f"the same decision, under policy {shown(found.decided.decision.policy)}")
    if signing is not None:
        print(f"what it was granted was signed: record {signing.record}, number {signing.number}")
    print("signals, facts, findings and health are the recorded ones; detectors were not run again")
    print(NOT_VERIFIED)
    return 0


def _differences(folder: LedgerFolder, decided: Decided) -> tuple[str, ...]:
    try:
        return replay(decided, lambda digest: documents.load(folder, digest))
    except NotReplayable as error:
        return (f"the decision cannot be made again: {error}",)
