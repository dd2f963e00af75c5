"""`perimeter ledger reindex`: make the facts index anew, and say how the old one differed."""

import argparse
import sqlite3
from pathlib import Path

from gateway.cli.shown import shown
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger.facts import rebuilt
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.signed import signed

DIFFERED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("ledger", type=Path, help="the ledger's folder")
    parser.add_argument("--index", type=Path, help="the facts index, where not in the ledger")
    parser.add_argument("--vkey", help="the public key, from a place that the host cannot change")


def run(arguments: argparse.Namespace) -> int:
    """Return 0; 1 where the old index differed; LedgerUnavailable, ChainBroken."""
    folder = LedgerFolder(arguments.ledger)
    checkpoint = signed(folder, arguments.vkey)
    try:
        said = rebuilt(folder, arguments.index or folder.facts, checkpoint)
    except (sqlite3.Error, OSError) as error:
        raise LedgerUnavailable("the facts index cannot be written", hint=str(error)) from None
    print(f"read {checkpoint.size} records of {checkpoint.origin}, as its checkpoint signs them")
    print(shown(said or "the index was as the log says"))
    return DIFFERED if said else 0
