"""`perimeter ledger create`: the one act that makes a ledger."""

import argparse
from datetime import date
from pathlib import Path

from gateway.app.making import ledger_paths
from gateway.app.moment import SystemClock
from gateway.config.node import load_node
from gateway.ledger.create import create


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    made = actions.add_parser("create", help="make a new ledger; serve never does")
    made.add_argument("--node", type=Path, default=Path("perimeter.yaml"))
    made.add_argument("--inception", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")


def run(arguments: argparse.Namespace) -> int:
    """Return 0; LedgerUnavailable when there is a ledger already or the day is not today."""
    settings = load_node(arguments.node).settings
    now_us = SystemClock().now_us()
    vkey = create(ledger_paths(settings.paths), settings.origin, now_us, arguments.inception)
    print(f"created {settings.origin}")
    print(f"public key: {vkey}")
    return 0
