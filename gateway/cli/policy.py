"""`perimeter policy`: test, matrix, prove, diff and explain, before anything is served.

Exit codes: 0 when all holds or nothing would change, 1 when something does not or would, 2 when
something cannot be read.
"""

import argparse
from pathlib import Path

from gateway.cli import policy_diff, policy_explain, policy_proof

EXAMPLES_MAX = 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    test = actions.add_parser("test", help="play the cases; name the rules that none exercises")
    test.add_argument("--strict", action="store_true", help="a rule without a case is a failure")
    matrix = actions.add_parser("matrix", help="labels, zones and offerings; why each no")
    matrix.add_argument("--label", action="append", default=[], help="only this label, any caveats")
    prove = actions.add_parser("prove", help="prove the invariants over all that can be asked for")
    for action in (test, matrix, prove):
        _node(action)
    diff = actions.add_parser("diff", help="what another policy would have made of past requests")
    diff.add_argument("old", type=Path, help="the folder of the policy to compare with")
    diff.add_argument("new", type=Path, help="the folder of the policy that is proposed")
    diff.add_argument("--ledger", "--replay", type=Path, required=True, help="the ledger's folder")
    diff.add_argument("--examples", type=_count, default=10, help="of each kind, at the most")
    explain = actions.add_parser("explain", help="judge a request from a file; nothing is sent")
    explain.add_argument("request", type=Path, help="a JSON file: key or caller, headers, body")
    _node(explain)


def run(arguments: argparse.Namespace) -> int:
    """Run the action; return its exit code."""
    if arguments.action == "test":
        return policy_proof.test(arguments.node, strict=arguments.strict)
    if arguments.action == "matrix":
        return policy_proof.show_matrix(arguments.node, arguments.label)
    if arguments.action == "prove":
        return policy_proof.prove(arguments.node)
    if arguments.action == "diff":
        return policy_diff.run(arguments)
    return policy_explain.run(arguments.request, arguments.node)


def _node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", type=Path, nargs="?", default=Path("perimeter.yaml"))


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= EXAMPLES_MAX:
        raise argparse.ArgumentTypeError(f"between 0 and {EXAMPLES_MAX}")
    return count
