"""`perimeter ledger reindex`: make the facts index anew, and say how the old one differed."""

import argparse
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gateway.cli.audit.gone import gone_of
from gateway.cli.shown import shown
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger.facts import FactsIndex, Part, parts_of
from gateway.ledger.facts_anew import rebuilt
from gateway.ledger.paths import LedgerFolder

DIFFERED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("ledger", type=Path, help="the ledger's folder")
    parser.add_argument("--index", type=Path, help="the facts index, where not in the ledger")
    parser.add_argument("--vkey", help="the public key, from a place that the host cannot change")


def run(arguments: argparse.Namespace) -> int:
    """Return 0; 1 where the old index differed; LedgerUnavailable, ChainBroken."""
    folder = LedgerFolder(arguments.ledger)
    parts = parts_of(folder, arguments.vkey)
    try:
        said = rebuilt(parts, arguments.index or folder.facts)
    except (sqlite3.Error, OSError) as error:
        raise LedgerUnavailable("the facts index cannot be written", hint=str(error)) from None
    size = sum(one.checkpoint.size for one in parts)
    origin = parts[-1].checkpoint.origin
    gone = _gone(parts, arguments.index or folder.facts)
    print(f"read {size} records{gone} up to {origin}, as its checkpoint signs them")
    print(shown(said or "the index was as the log says"))
    return DIFFERED if said else 0


def _gone(parts: Sequence[Part], path: Path) -> str:
    """Say of how many records only the hashes were read, and which records tell why."""
    index = FactsIndex.peek(path)
    if index is None:
        return ""
    with closing(index):
        gone = gone_of(parts, index)
    return f" ({gone})" if gone.records else ""
