"""`perimeter witness`: sign the checkpoints of other hosts' ledgers, as long as they only grow."""

import argparse
import asyncio
import sqlite3
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.app.moment import SystemClock
from gateway.app.witnessing import Address, Logs, Witness, serve_witness
from gateway.audit.checkpoint import NoteRefused, is_origin, parse_vkey
from gateway.audit.cosignature import cosigner_of
from gateway.cli.signing import read_key, write_key
from gateway.config.settings import Tls
from gateway.meters.logs import configure_logs
from gateway.stores.witness import WitnessStore

NO = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make the key of a witness, print its public half")
    serve = actions.add_parser("serve", help="answer add-checkpoint until SIGTERM")
    for action in (create, serve):
        action.add_argument("key", type=Path, help="the file with the key")
        action.add_argument("--name", required=True, help="such as witness.example/w1")
    serve.add_argument("--state", type=Path, required=True, help="what was signed last (SQLite)")
    serve.add_argument(
        "--log", action="append", required=True, help="the public key of a log; repeat for each"
    )
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8088)
    serve.add_argument("--certificate", type=Path, help="PEM file; with --certificate-key for TLS")
    serve.add_argument("--certificate-key", type=Path)


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when a key, a name or a file is no use."""
    if not is_origin(arguments.name):
        print("perimeter: not a name for a witness: witness.example/w1", file=sys.stderr)
        return NO
    steps = {"create": _create, "serve": _serve}
    try:
        return steps[arguments.action](arguments)
    except (OSError, ValueError, sqlite3.Error) as error:
        print(f"perimeter: {error}", file=sys.stderr)
    return NO


def _create(arguments: argparse.Namespace) -> int:
    key = Ed25519PrivateKey.generate()
    write_key(arguments.key, key)
    print(cosigner_of(arguments.name, key))
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    try:
        logs = Logs(tuple(parse_vkey(text) for text in arguments.log))
    except NoteRefused as error:
        print(f"perimeter: --log: {error}", file=sys.stderr)
        return NO
    tls = _tls(arguments)
    key = read_key(arguments.key)
    configure_logs()
    store = WitnessStore(arguments.state)
    try:
        witness = Witness(arguments.name, key, logs, store, SystemClock().now_us)
        at = Address(arguments.host, arguments.port, tls)
        asyncio.run(
            serve_witness(witness, at, lambda url: print(f"listening on {url}", flush=True))
        )
    finally:
        store.close()
    return 0


def _tls(arguments: argparse.Namespace) -> Tls | None:
    """Return what TLS needs; None without; ValueError for half of it."""
    certificate, key = arguments.certificate, arguments.certificate_key
    if (certificate is None) != (key is None):
        raise ValueError("give --certificate and --certificate-key, or neither")
    return None if certificate is None else Tls(certificate, key)
