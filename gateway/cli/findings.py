"""`perimeter findings RECORD`: what the detectors found, by fingerprint; signed, recorded first."""

import argparse
import sqlite3
import sys
from pathlib import Path

from gateway.app.making import ledger_paths
from gateway.cli.erase import NO, signed
from gateway.cli.shown import shown, unusable
from gateway.config.node import load_node
from gateway.config.settings import Settings
from gateway.domain.approval import Action
from gateway.domain.decision import Finding
from gateway.domain.errors import GatewayError
from gateway.ledger.ledger import field_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader
from gateway.ledger.subject_keys import KeyGone, SealBroken, open_keys

HOURS = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("record", help="the record id, as x-perimeter-record told it")
    parser.add_argument("--reason", required=True, help="stands in the ledger in clear")
    parser.add_argument("--key", type=Path, required=True, help="the key of the person who reads")
    parser.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0; 1 when it was refused, is erased or not there; 2 when it cannot be read.

    INVARIANT: nothing that was sealed is shown before the ledger has it who reads it.
    """
    settings = load_node(arguments.node).settings
    try:
        found = _findings(settings, arguments.record)
        if found is None:
            print("perimeter: the ledger has no such record", file=sys.stderr)
            return NO
        scope = {"origin": settings.origin, "record": arguments.record}
        code = signed(arguments, Action.READ_FINDINGS, scope, HOURS)
    except KeyGone:
        print("perimeter: who asked this was erased, and the findings with him", file=sys.stderr)
        return NO
    except (SealBroken, OSError, ValueError, sqlite3.Error, GatewayError) as error:
        return unusable(error)
    for finding in found if code == 0 else ():
        print(shown(_line(finding)))
    return code


def _findings(settings: Settings, record_id: str) -> tuple[Finding, ...] | None:
    """Return what was found in a request; None where there is none of that id. KeyGone."""
    found = Reader(LedgerFolder(settings.paths.ledger)).record_of(record_id)
    if found is None or found.decided.sealed is None:
        return None
    keys = open_keys(ledger_paths(settings.paths), settings.origin)
    try:
        return keys.open_sealed(found.decided.sealed, field_of(found.decided)).findings
    finally:
        keys.close()


def _line(finding: Finding) -> str:
    raises = " (a tag)" if finding.tag_only else " (allowed)" if finding.allowed else ""
    where = f"{finding.path}[{finding.start}:{finding.end}]"
    return f"{finding.fingerprint} {finding.detector}/{finding.kind} {where}{raises}"
