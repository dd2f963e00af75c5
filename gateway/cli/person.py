"""`perimeter person`: make the key of a person, and print what the persons file says of it."""

import argparse
import sys
from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli.signing import read_key, write_key

REFUSED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = actions.add_parser("new", help="make a key; it stays with the person")
    new.add_argument("key", type=Path, help="the file to be written")
    show = actions.add_parser("show", help="print the public key for the persons file")
    show.add_argument("key", type=Path)


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when the key cannot be made or read."""
    try:
        if arguments.action == "new":
            write_key(arguments.key, Ed25519PrivateKey.generate())
        key = read_key(arguments.key)
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        print(f"perimeter: {arguments.key.name}: {what}", file=sys.stderr)
        return REFUSED
    print(b64encode(key.public_key().public_bytes_raw()).decode())
    return 0
