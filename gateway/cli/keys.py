"""`perimeter keys create`: make a key, print it once, keep its hash."""

import argparse
import os
import sys
import tempfile
from datetime import date
from pathlib import Path

from gateway.config.files import load
from gateway.config.node import load_node
from gateway.domain.errors import ConfigError, Problem
from gateway.identity.keyfile import KeyFileError, add_key, read_keys
from gateway.identity.keys import RANDOM_BYTES, KeyEntry, new_key

REFUSED = 1
MODE = 0o600
EMPTY = "version: 1\nkeys: {}\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="print a new key once and keep its hash")
    create.add_argument(
        "id",
        help="a neutral name for the key, such as key-7f3a: key ids stand in clear in every record"
        " of the ledger and must not name a person",
    )
    create.add_argument("--node", type=Path, default=Path("perimeter.yaml"))
    create.add_argument("--subject", required=True, help="the person or service that holds it")
    create.add_argument("--team", required=True)
    create.add_argument("--label", help="the least label of every request of this key")
    create.add_argument("--repo", action="append", default=[], help="a repository it is bound to")
    create.add_argument("--selects-repo", action="store_true")
    create.add_argument("--expires-on", type=date.fromisoformat, metavar="YYYY-MM-DD")


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when the key cannot be made."""
    path = load_node(arguments.node).settings.paths.keys
    try:
        secret, hashed = new_key(arguments.id, os.urandom(RANDOM_BYTES))
        entry = KeyEntry(
            hash=hashed,
            subject=arguments.subject,
            team=arguments.team,
            label=arguments.label,
            repos=tuple(arguments.repo),
            selects_repo=arguments.selects_repo,
            expires_on=arguments.expires_on,
        )
        text = path.read_text() if path.exists() else EMPTY
        _replace(path, add_key(text, arguments.id, entry))
    except (KeyFileError, ValueError) as error:
        print(f"perimeter: {error}", file=sys.stderr)
        return REFUSED
    print(secret.reveal())
    print(f"This key is shown once; {path.name} keeps its hash.", file=sys.stderr)
    return 0


def _replace(path: Path, text: str) -> None:
    """Replace the file in one step, if the new text can be read; ConfigError otherwise."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(MODE)
        read_keys(load(fresh, path.name))
        fresh.replace(path)
    except ConfigError:
        fresh.unlink()
        raise
    except OSError as error:
        fresh.unlink(missing_ok=True)
        what = f"cannot be written: {error.strerror}"
        raise ConfigError((Problem(str(path), 1, "", what),)) from None
