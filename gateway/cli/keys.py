"""`perimeter keys`: make a key and print it once; give an access key a new secret."""

import argparse
import os
import sys
import tempfile
from datetime import date
from pathlib import Path

from gateway.app.node_secret import access_root
from gateway.config.files import load
from gateway.config.node import load_node
from gateway.config.settings import Paths
from gateway.domain.errors import ConfigError, Problem
from gateway.identity.access_keys import access_key_id, secret_of
from gateway.identity.keyfile import KeyFileError, add_key, raise_generation, read_keys
from gateway.identity.keys import RANDOM_BYTES, KeyEntry, new_key

REFUSED = 1
MODE = 0o600
EMPTY = "version: 1\nkeys: {}\n"
FIRST_GENERATION = 1


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
    create.add_argument(
        "--sigv4",
        action="store_true",
        help="an access key for clients that sign as for AWS: good at this node alone",
    )
    for name, purpose in (
        ("rotate", "give an access key a new secret; the old one ends with the next start"),
        ("secret", "print an access key of a key file that cannot be written from here"),
    ):
        action = actions.add_parser(name, help=purpose)
        action.add_argument("id")
        action.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when the key cannot be made."""
    paths = load_node(arguments.node).settings.paths
    action = {"create": _create, "rotate": _rotate, "secret": _secret}[arguments.action]
    try:
        return action(arguments, paths)
    except (KeyFileError, ValueError) as error:
        print(f"perimeter: {error}", file=sys.stderr)
        return REFUSED


def _create(arguments: argparse.Namespace, paths: Paths) -> int:
    secret, hashed = new_key(arguments.id, os.urandom(RANDOM_BYTES))
    entry = KeyEntry(
        hash=None if arguments.sigv4 else hashed,
        generation=FIRST_GENERATION if arguments.sigv4 else None,
        subject=arguments.subject,
        team=arguments.team,
        label=arguments.label,
        repos=tuple(arguments.repo),
        selects_repo=arguments.selects_repo,
        expires_on=arguments.expires_on,
    )
    text = paths.keys.read_text() if paths.keys.exists() else EMPTY
    after = add_key(text, arguments.id, entry)
    if arguments.sigv4:
        return _granted(arguments.id, FIRST_GENERATION, paths, after)
    _replace(paths.keys, after)
    print(secret.reveal())
    print(f"This key is shown once; {paths.keys.name} keeps its hash.", file=sys.stderr)
    return 0


def _rotate(arguments: argparse.Namespace, paths: Paths) -> int:
    text = paths.keys.read_text() if paths.keys.exists() else EMPTY
    after, generation = raise_generation(text, arguments.id)
    return _granted(arguments.id, generation, paths, after)


def _secret(arguments: argparse.Namespace, paths: Paths) -> int:
    entry = read_keys(load(paths.keys)).entry(arguments.id)
    if entry is None or entry.generation is None:
        raise KeyFileError("there is no access key of that id")
    return _granted(arguments.id, entry.generation, paths)


def _granted(key_id: str, generation: int, paths: Paths, text: str | None = None) -> int:
    """Print an access key as clients of AWS read it; the file is written first."""
    name = access_key_id(key_id)
    secret = secret_of(access_root(paths), name, generation)
    if text is not None:
        _replace(paths.keys, text)
    print(f"AWS_ACCESS_KEY_ID={name}")
    print(f"AWS_SECRET_ACCESS_KEY={secret.reveal()}")
    print(f"The secret is kept nowhere; {paths.keys.name} says whose it is.", file=sys.stderr)
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
