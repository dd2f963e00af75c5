"""`perimeter decrypt RECORD`: what is personal of a request, and its texts; recorded first."""

import argparse
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import UNSET

from gateway.app.bodies import body_of, store_of
from gateway.app.making import ledger_paths
from gateway.audit.record import Decided, Settled
from gateway.cli.erase import NO, signed, taken
from gateway.cli.shown import shown, unusable
from gateway.config.node import load_node
from gateway.config.settings import Settings
from gateway.domain.approval import Action, Approval
from gateway.identity.approvals import NotApproved, read_approval
from gateway.ledger.bodies import is_body_id
from gateway.ledger.ledger import field_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader, RequestRecords
from gateway.ledger.subject_keys import KeyGone, SealBroken, SubjectKeys, open_keys

HOURS = 1.0
MODE = 0o600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("record", help="the record id, as x-perimeter-record told it")
    parser.add_argument("--reason", default="", help="stands in the ledger in clear")
    parser.add_argument("--key", type=Path, help="the key of the person who reads")
    parser.add_argument("--bodies", type=Path, metavar="FOLDER", help="write the texts there")
    parser.add_argument("--approval", type=Path, help="for texts: what three persons have signed")
    parser.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0, 1 when it was refused or is gone, 2 when it cannot be read."""
    settings = load_node(arguments.node).settings
    try:
        if arguments.bodies is not None:
            return _bodies(arguments, settings)
        return _personal(arguments, settings)
    except KeyGone:
        print("perimeter: this was erased, or is over", file=sys.stderr)
        return NO
    except (SealBroken, OSError, ValueError, sqlite3.Error) as error:
        return unusable(error)


def _personal(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.key is None or not arguments.reason:
        return _no("a person's --key and a --reason are needed")
    scope = {"origin": settings.origin, "record": arguments.record}
    code = signed(arguments, Action.DECRYPT, scope, HOURS)
    if code == 0:
        for line in _lines(settings, arguments.record):
            print(shown(line))
    return code


def _lines(settings: Settings, record_id: str) -> Iterator[str]:
    found = _found(settings, record_id)
    with closing(_keys(settings)) as keys:
        for record in (found.decided, *found.attempted, found.settled):
            if record is not None and record.sealed is not None:
                personal = keys.open_sealed(record.sealed, field_of(record))
                yield f"{field_of(record).name} {msgspec.json.encode(personal).decode()}"


def _bodies(arguments: argparse.Namespace, settings: Settings) -> int:
    approval = _approved(arguments)
    if approval is None:
        return _no("an --approval of decrypt_bodies for this very record is needed")
    arguments.bodies.mkdir(mode=0o700, parents=True, exist_ok=True)
    code = taken(approval, arguments.node)
    if code == 0:
        with closing(_keys(settings)) as keys:
            for name, record in _kept(_found(settings, arguments.record)):
                body_id = _id_of(record)
                if is_body_id(body_id):
                    data = store_of(settings).get(body_id, body_of(record), keys.cipher_of)
                    _write(arguments.bodies / name, data)
                else:
                    print(f"the {name} was not kept: {shown(body_id)}")
    return code


def _approved(arguments: argparse.Namespace) -> Approval | None:
    if arguments.approval is None:
        return None
    try:
        approval = read_approval(arguments.approval.read_bytes())
    except NotApproved:
        return None
    statement = approval.statement
    is_for_this = statement.scope.get("record") == arguments.record
    return approval if statement.action is Action.DECRYPT_BODIES and is_for_this else None


def _kept(found: RequestRecords) -> Iterator[tuple[str, Decided | Settled]]:
    """Yield the records that say something of a text."""
    if found.decided.body is not UNSET:
        yield "request", found.decided
    if found.settled is not None and found.settled.reply_body is not UNSET:
        yield "reply", found.settled


def _id_of(record: Decided | Settled) -> str:
    return str(record.body if isinstance(record, Decided) else record.reply_body)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    print(f"wrote {path}")


def _found(settings: Settings, record_id: str) -> RequestRecords:
    found = Reader(LedgerFolder(settings.paths.ledger)).record_of(record_id)
    if found is None:
        raise KeyGone("the ledger has no such record")
    return found


def _keys(settings: Settings) -> SubjectKeys:
    return open_keys(ledger_paths(settings.paths), settings.origin)


def _no(what: str) -> int:
    print(f"perimeter: {what}", file=sys.stderr)
    return NO
