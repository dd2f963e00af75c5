"""`perimeter erase SUBJECT`: destroy what would make a person known again."""

import argparse
import sys
from pathlib import Path

import msgspec

from gateway.app.making import ledger_paths
from gateway.cli.approve import asked
from gateway.cli.handing import handed
from gateway.cli.signing import read_key
from gateway.config.node import load_node
from gateway.config.settings import Settings
from gateway.domain.approval import Action, Approval
from gateway.identity.approvals import digest_of, sign, write_approval
from gateway.ledger.subject_keys import open_keys

NO = 1
HOURS = 24.0
SUBJECT_CHARS_MAX = 1_024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    add_subject(parser)
    add_signed(parser)


def add_subject(parser: argparse.ArgumentParser) -> None:
    """Describe who is meant."""
    parser.add_argument("subject", help="as the ledger knows him; - reads it from standard input")


def add_signed(parser: argparse.ArgumentParser) -> None:
    """Describe who signs, why, and for which node."""
    parser.add_argument("--reason", required=True, help="stands in the ledger in clear")
    parser.add_argument("--key", type=Path, required=True, help="the key of the person who signs")
    parser.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when it is done; 1 when nobody is known by that name, or it was refused."""
    settings = load_node(arguments.node).settings
    pseudonym = pseudonym_of(settings, arguments.subject)
    if pseudonym is None:
        return unknown()
    return signed(arguments, Action.ERASE, {"pseudonym": pseudonym}, HOURS)


def pseudonym_of(settings: Settings, subject: str) -> str | None:
    """Return the random name of a subject; None where he has none. It makes none."""
    name = sys.stdin.readline(SUBJECT_CHARS_MAX).strip() if subject == "-" else subject
    keys = open_keys(ledger_paths(settings.paths), settings.origin)
    try:
        found = keys.known(name)
    finally:
        keys.close()
    return None if found is None else found.pseudonym


def unknown() -> int:
    """Say that nothing is known of a subject."""
    print("perimeter: nothing is known of that subject", file=sys.stderr)
    return NO


def signed(
    arguments: argparse.Namespace, action: Action, scope: dict[str, str], hours: float
) -> int:
    """Sign a statement as the one who asks, and have it taken: by the gateway, or in its place."""
    try:
        statement = asked(action, scope, hours, reason=arguments.reason)
        approval = Approval(statement, sign(statement, "requester", read_key(arguments.key)))
    except (OSError, ValueError, msgspec.ValidationError) as error:
        print(f"perimeter: {error}", file=sys.stderr)
        return NO
    return taken(approval, arguments.node)


def taken(approval: Approval, node: Path) -> int:
    """Have a statement taken, by the gateway or in its place, and say what became of it."""
    why = handed(node, load_node(node).settings, write_approval(approval))
    if why:
        print(f"perimeter: refused: {why}", file=sys.stderr)
        return NO
    print(f"in effect: {digest_of(approval.statement)}")
    return 0
