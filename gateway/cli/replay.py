"""`perimeter replay RECORD`: make the same decision again, from the ledger alone."""

import argparse
import sys
from pathlib import Path

from gateway.flow.replay import replay
from gateway.ledger import documents
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader

DIFFERS = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("record", help="the record id, as x-perimeter-record told it")
    parser.add_argument("--ledger", type=Path, required=True, help="the ledger's folder")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 for the same decision, 1 for another, or when there is no such record."""
    folder = LedgerFolder(arguments.ledger)
    reader = Reader(folder)
    found = reader.record_of(arguments.record)
    reader.close()
    if found is None:
        print("perimeter: the ledger has no such record", file=sys.stderr)
        return DIFFERS
    if found.decided.ask is None:
        print("refused before policy spoke: there is no decision to make again")
        return 0
    differences = replay(found.decided, lambda digest: documents.load(folder, digest))
    for difference in differences:
        print(difference, file=sys.stderr)
    if differences:
        return DIFFERS
    print(f"the same decision, under policy {found.decided.decision.policy}")
    print("signals and health are the recorded ones; detectors were not run again")
    return 0
