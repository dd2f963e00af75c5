"""The command `perimeter`: one module per command.

Rule 1: a command imports what it needs when it runs, so that `perimeter verify` starts fast.
Rule 2: exit codes are 0 for yes, 1 for no, 2 for what cannot be used.
Rule 3: everything that a command prints is for people; no prompt, no key but a new one, once.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from gateway.domain.errors import ConfigError, GatewayError

COMMANDS = {
    "serve": "run the gateway",
    "check": "validate all configuration and print the residency matrix",
    "policy": "test, prove, compare and explain a policy before it serves",
    "keys": "create, list, rotate and revoke keys for callers",
    "dictionary": "hash a list of words that no prompt may take out",
    "person": "make the key of a person who may approve",
    "approve": "write, sign and submit what persons approve",
    "zone": "close a zone at once",
    "ledger": "create, rotate, hand over and prune a ledger; write one as tiles; index it anew",
    "decrypt": "read what is personal of a request, or its texts; recorded first",
    "erase": "destroy what would make a person known again",
    "hold": "keep what is known from erasure and pruning",
    "repos": "explain an address of a repository; import from a Git host",
    "verify": "verify a whole ledger from its bytes",
    "explain": "say why a request was answered as it was",
    "findings": "list what the detectors found in a request, by fingerprint",
    "export": "hand out evidence of a time, signed and recorded",
    "witness": "sign the checkpoints of other hosts as long as they only grow",
    "audit": "answer a question from the whole ledger",
    "replay": "make a recorded decision again and compare",
    "mock-backend": "run a scripted engine",
    "demo": "six requests through a gateway with scripted engines",
    "residency": "verify that every place is still as it was declared",
    "generate": "write schemas and generated pages",
}
UNUSABLE = 2


class Command(Protocol):
    """A module of this package."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Run it; return its exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = parsed(sys.argv[1:] if argv is None else argv)
    try:
        return _module(arguments.command).run(arguments)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return UNUSABLE
    except GatewayError as error:
        hint = f" ({error.hint})" if error.hint else ""
        print(f"perimeter: {error.what}{hint}", file=sys.stderr)
        return UNUSABLE


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """Return what is asked for; exits where it is no command of ours."""
    parser = argparse.ArgumentParser(prog="perimeter", description="A self-hosted LLM gateway.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = words[0] if words else ""
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if name == asked:
            _module(name).add_arguments(command)
    return parser.parse_args(words)


def _module(name: str) -> Command:
    module: Any = importlib.import_module(f"gateway.cli.{name.replace('-', '_')}")
    command: Command = module
    return command
