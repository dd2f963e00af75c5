"""`perimeter keys`: make a key and print it once, list, rotate and revoke."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from gateway.app.moment import SystemClock
from gateway.app.node_secret import access_root
from gateway.cli.replacing import replace_text
from gateway.config.files import load
from gateway.config.node import load_node
from gateway.config.settings import Paths
from gateway.domain.secret import Secret
from gateway.identity.access_keys import access_key_id, secret_of
from gateway.identity.keyfile import read_keys
from gateway.identity.keyfile_text import KeyFileError, add_key, change_key, raise_generation
from gateway.identity.keys import RANDOM_BYTES, KeyEntry, May, new_key

REFUSED = 1
MODE = 0o600
EMPTY = "version: 1\nkeys: {}\n"
FIRST_GENERATION = 1
OVERLAP_MAX = timedelta(days=90)
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_OVERLAP = re.compile(r"(?P<number>[0-9]{1,5})(?P<unit>[mhd])")


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
    _add_limits(create)
    for name, purpose in (
        ("rotate", "make a key anew and print it once"),
        ("revoke", "end a key; a running gateway knows it no more within a second"),
        ("secret", "print an access key of a key file that cannot be written from here"),
        ("list", "say which keys there are, and what each may; no hash is shown"),
    ):
        action = actions.add_parser(name, help=purpose)
        if name != "list":
            action.add_argument("id")
        if name == "rotate":
            action.add_argument(
                "--overlap",
                type=_overlap,
                default=timedelta(0),
                metavar="24h",
                help="how long the old one stays good beside the new one: 30m, 24h, 7d",
            )
        action.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def _add_limits(create: argparse.ArgumentParser) -> None:
    """Describe what a key may at the most, and how else it is known."""
    create.add_argument(
        "--task", action="append", help="a task or model it may ask for; without one, any"
    )
    create.add_argument("--zone", action="append", help="a zone it may reach; without one, any")
    create.add_argument("--clearance", help="the highest label that it may handle")
    create.add_argument("--may", action="append", default=[], choices=[one.value for one in May])
    create.add_argument(
        "--certificate",
        action="append",
        default=[],
        metavar="uri:spiffe://...",
        help="a subject of a client certificate beside which alone it is good",
    )
    create.add_argument(
        "--no-key", action="store_true", help="known by one of its certificates, without any key"
    )
    create.add_argument(
        "--sigv4",
        action="store_true",
        help="an access key for clients that sign as for AWS: good at this node alone",
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when the key cannot be made."""
    paths = load_node(arguments.node).settings.paths
    try:
        return ACTIONS[arguments.action](arguments, paths)
    except (KeyFileError, ValueError) as error:
        print(f"perimeter: {error}", file=sys.stderr)
        return REFUSED


def _create(arguments: argparse.Namespace, paths: Paths) -> int:
    secret, hashed = new_key(arguments.id, os.urandom(RANDOM_BYTES))
    entry = KeyEntry(
        hash=None if arguments.sigv4 or arguments.no_key else hashed,
        generation=FIRST_GENERATION if arguments.sigv4 else None,
        subject=arguments.subject,
        team=arguments.team,
        label=arguments.label,
        repos=tuple(arguments.repo),
        selects_repo=arguments.selects_repo,
        expires_on=arguments.expires_on,
        tasks=tuple(arguments.task) if arguments.task else None,
        zones=tuple(arguments.zone) if arguments.zone else None,
        clearance=arguments.clearance,
        certificates=tuple(arguments.certificate),
        may=tuple(May(one) for one in dict.fromkeys(arguments.may)),
    )
    text = paths.keys.read_text() if paths.keys.exists() else EMPTY
    after = add_key(text, arguments.id, entry)
    if arguments.sigv4:
        return _granted(arguments.id, FIRST_GENERATION, paths, after)
    if arguments.no_key:
        _replace(paths.keys, after)
        print(f"{arguments.id} is known by its certificates", file=sys.stderr)
        return 0
    return _shown_once(secret, paths, after)


def _rotate(arguments: argparse.Namespace, paths: Paths) -> int:
    text = paths.keys.read_text() if paths.keys.exists() else EMPTY
    entry = _entry(arguments.id, paths)
    if entry.is_certified:
        raise KeyFileError("it is known by its certificates; there is no key to make anew")
    until = SystemClock().now() + arguments.overlap
    old = {"until": until.strftime("%Y-%m-%dT%H:%M:%SZ")} if arguments.overlap else None
    if entry.generation is not None:
        previous = old and {**old, "generation": entry.generation}
        changed = {"previous": previous} if previous or entry.previous else {}
        after, generation = raise_generation(text, arguments.id, changed)
        return _granted(arguments.id, generation, paths, after)
    secret, hashed = new_key(arguments.id, os.urandom(RANDOM_BYTES))
    previous = old and {**old, "hash": entry.hash}
    fields: dict[str, object] = {"hash": hashed}
    if previous or entry.previous:
        fields["previous"] = previous
    return _shown_once(secret, paths, change_key(text, arguments.id, fields))


def _revoke(arguments: argparse.Namespace, paths: Paths) -> int:
    text = paths.keys.read_text() if paths.keys.exists() else EMPTY
    _replace(paths.keys, change_key(text, arguments.id, {"revoked": True}))
    print(f"{arguments.id} is revoked", file=sys.stderr)
    return 0


def _list(_: argparse.Namespace, paths: Paths) -> int:
    now = SystemClock().now()
    for key_id, entry in sorted(read_keys(load(paths.keys)).entries().items()):
        print("  ".join((key_id, *_described(entry, now))))
    return 0


def _described(entry: KeyEntry, now: datetime) -> Iterator[str]:
    """Yield what a key is, in words that stand in the key file; neither hash nor holder."""
    yield "revoked" if entry.revoked else "good" if entry.serves(now.date()) else "expired"
    known = "signs" if entry.generation is not None else "sent"
    yield "certified" if entry.is_certified else known
    yield f"team={entry.team}"
    lists = {
        "repos": entry.repos,
        "tasks": entry.tasks,
        "zones": entry.zones,
        "may": entry.may,
        "certificates": entry.certificates,
    }
    yield from (f"{name}={','.join(told)}" for name, told in lists.items() if told)
    labels = {"label": entry.label, "clearance": entry.clearance}
    yield from (f"{name}={told}" for name, told in labels.items() if told)
    if entry.expires_on is not None:
        yield f"expires_on={entry.expires_on}"
    if entry.previous is not None and now < entry.previous.until:
        yield f"previous_until={entry.previous.until.isoformat()}"


def _entry(key_id: str, paths: Paths) -> KeyEntry:
    entry = read_keys(load(paths.keys)).entry(key_id)
    if entry is None:
        raise KeyFileError("there is no key of that id")
    return entry


def _overlap(text: str) -> timedelta:
    found = _OVERLAP.fullmatch(text)
    length = int(found["number"]) * UNITS[found["unit"]] if found else OVERLAP_MAX * 2
    if length > OVERLAP_MAX:
        raise argparse.ArgumentTypeError("write 30m, 24h or 7d; at most 90 days")
    return length


def _shown_once(secret: Secret, paths: Paths, text: str) -> int:
    """Print a key that is sent; the file is written first."""
    _replace(paths.keys, text)
    print(secret.reveal())
    print(f"This key is shown once; {paths.keys.name} keeps its hash.", file=sys.stderr)
    return 0


def _secret(arguments: argparse.Namespace, paths: Paths) -> int:
    entry = _entry(arguments.id, paths)
    if entry.generation is None:
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
    replace_text(path, text, MODE, lambda fresh: read_keys(load(fresh, path.name)))


ACTIONS: dict[str, Callable[[argparse.Namespace, Paths], int]] = {
    "create": _create,
    "list": _list,
    "rotate": _rotate,
    "revoke": _revoke,
    "secret": _secret,
}
