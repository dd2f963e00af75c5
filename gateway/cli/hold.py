"""`perimeter hold`: keep what is known of a subject, or of some months, from being destroyed."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.app.moment import SystemClock
from gateway.audit.canonical import decode
from gateway.audit.record import Admin
from gateway.cli.approve import asked
from gateway.cli.erase import NO, add_signed, pseudonym_of, signed, unknown
from gateway.cli.shown import NOT_VERIFIED, shown, unusable
from gateway.cli.signing import read_key
from gateway.config.node import load_node
from gateway.domain.approval import Action, Approval
from gateway.domain.errors import GatewayError
from gateway.identity.approvals import digest_of, sign, write_approval
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader
from gateway.stores.standing import Standing, folded

HOURS_UNTIL_RELEASED = 24.0 * 36_500
HOURS_TO_RELEASE = 24.0 * 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    made = actions.add_parser("set", help="refuse erasure and pruning from now on; one person")
    made.add_argument("--subject", help="one subject; - reads it from standard input")
    made.add_argument("--from", dest="first", metavar="YYYY-MM", help="the first month")
    made.add_argument("--to", dest="last", metavar="YYYY-MM", help="the last month")
    add_signed(made)
    released = actions.add_parser("release", help="write what a second person signs to let it go")
    released.add_argument("hold", help="the digest that `hold set` and `hold list` print")
    released.add_argument("out", type=Path, help="the file to be written, signed and submitted")
    add_signed(released)
    listed = actions.add_parser("list", help="print the holds that are in effect")
    listed.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when it is done, 1 when it was refused, 2 when the ledger is no use."""
    return {"set": _set, "release": _release, "list": _list}[arguments.action](arguments)


def _set(arguments: argparse.Namespace) -> int:
    scope = {"from": arguments.first, "to": arguments.last}
    if arguments.subject is not None:
        settings = load_node(arguments.node).settings
        scope = {"pseudonym": pseudonym_of(settings, arguments.subject)}
        if scope["pseudonym"] is None:
            return unknown()
    return signed(arguments, Action.HOLD, _said(scope), HOURS_UNTIL_RELEASED)


def _said(scope: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in scope.items() if value is not None}


def _release(arguments: argparse.Namespace) -> int:
    scope = {"approval": arguments.hold}
    try:
        statement = asked(Action.RELEASE_HOLD, scope, HOURS_TO_RELEASE, reason=arguments.reason)
        approval = Approval(statement, sign(statement, "requester", read_key(arguments.key)))
        with arguments.out.open("xb") as file:
            file.write(write_approval(approval))
    except (OSError, ValueError, msgspec.ValidationError) as error:
        print(f"perimeter: {error}", file=sys.stderr)
        return NO
    print(f"1 approvers needed: {digest_of(statement)}")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    paths = load_node(arguments.node).settings.paths
    try:
        standing = folded(Standing(), _admin(Reader(LedgerFolder(paths.ledger))))
    except (GatewayError, OSError, ValueError) as error:
        return unusable(error)
    for digest, hold in standing.of(Action.HOLD, SystemClock().now_us()).items():
        scope = " ".join(f"{name}={value}" for name, value in sorted(hold.scope.items()))
        print(shown(f"{digest} {scope}"))
    print(NOT_VERIFIED, file=sys.stderr)
    return 0


def _admin(reader: Reader) -> Iterator[Admin]:
    for stored in reader.entries():
        record = decode(stored.entry)
        if isinstance(record, Admin):
            yield record
