"""`perimeter findings RECORD`: what the detectors found, by fingerprint; recorded first."""

import argparse
import sqlite3
import sys
from pathlib import Path

from gateway.app.making import ledger_paths
from gateway.app.query import Query
from gateway.cli.audit import telling
from gateway.cli.shown import shown, unusable
from gateway.config.node import load_node
from gateway.domain.decision import Finding
from gateway.domain.errors import GatewayError
from gateway.ledger.ledger import field_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader
from gateway.ledger.subject_keys import KeyGone, SealBroken, open_keys

UNKNOWN = 1
QUESTION = "findings"
ONE = "one record"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("record", help="the record id, as x-perimeter-record told it")
    parser.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0, 1 when there is no such record or it is erased, 2 when it cannot be read.

    INVARIANT: nothing that was sealed is shown before the ledger has it that it was read.
    """
    settings = load_node(arguments.node).settings
    try:
        folder = LedgerFolder(settings.paths.ledger)
        found = Reader(folder).record_of(arguments.record)
        if found is None or found.decided.sealed is None:
            print("perimeter: the ledger has no such record", file=sys.stderr)
            return UNKNOWN
        keys = open_keys(ledger_paths(settings.paths), settings.origin)
        try:
            personal = keys.open_sealed(found.decided.sealed, field_of(found.decided))
        finally:
            keys.close()
        telling.record(folder, arguments.node, _query(found.decided.id, len(personal.findings)))
    except KeyGone:
        print("perimeter: who asked this was erased, and the findings with him", file=sys.stderr)
        return UNKNOWN
    except (SealBroken, OSError, ValueError, sqlite3.Error, GatewayError) as error:
        return unusable(error)
    for finding in personal.findings:
        print(shown(_line(finding)))
    return 0


def _query(record: str, rows: int) -> Query:
    return Query(question=QUESTION, period=ONE, record=record, rows=rows)


def _line(finding: Finding) -> str:
    raises = " (a tag)" if finding.tag_only else " (allowed)" if finding.allowed else ""
    where = f"{finding.path}[{finding.start}:{finding.end}]"
    return f"{finding.fingerprint} {finding.detector}/{finding.kind} {where}{raises}"
