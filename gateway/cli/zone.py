"""`perimeter zone`: close a zone at once; ask for it to be opened again."""

import argparse
import sys
from pathlib import Path

import msgspec

from gateway.cli.approve import asked, hand_over
from gateway.cli.signing import read_key
from gateway.config.node import load_node
from gateway.domain.approval import Action, Approval
from gateway.identity.approvals import sign

REFUSED = 1
CLOSED_HOURS = 24.0 * 365


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    close = actions.add_parser("close", help="let no attempt go there from now on; one person")
    close.add_argument("zone")
    close.add_argument("--reason", required=True, help="stands in the ledger in clear")
    close.add_argument("--key", type=Path, required=True, help="the key of the person")
    close.add_argument("--cut-streams", action="store_true", help="end what is open there as well")
    close.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when the gateway has closed it, else 1."""
    scope = {"zone": arguments.zone} | ({"streams": "cut"} if arguments.cut_streams else {})
    try:
        statement = asked(Action.CLOSE_ZONE, scope, CLOSED_HOURS, reason=arguments.reason)
        approval = Approval(statement, sign(statement, "requester", read_key(arguments.key)))
    except (OSError, ValueError, msgspec.ValidationError) as error:
        print(f"perimeter: {error}", file=sys.stderr)
        return REFUSED
    return hand_over(approval, load_node(arguments.node).settings.paths.approvals)
