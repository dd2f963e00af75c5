"""`perimeter export OUT`: evidence of a time, signed, recorded, and checked by whoever gets it."""

import argparse
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path

import msgspec

from gateway import __version__
from gateway.app.making import ledger_paths
from gateway.app.moment import SystemClock
from gateway.audit.canonical import DIGEST_PREFIX
from gateway.audit.record import Admin, Record
from gateway.cli.approve import asked as statement_of
from gateway.cli.handing import handed
from gateway.cli.signing import read_key
from gateway.config.node import load_node
from gateway.config.settings import Settings
from gateway.domain.approval import Action, Approval
from gateway.export import ocsf
from gateway.export.bundle import FULL, REDACTED, About, Opened, Source
from gateway.export.chain import all_events, write_bundles
from gateway.export.selection import Asked
from gateway.export.times import OPEN, moment_us
from gateway.identity.approvals import (
    NotApproved,
    Why,
    digest_of,
    read_approval,
    sign,
    write_approval,
)
from gateway.identity.persons import fingerprint
from gateway.ledger import signing
from gateway.ledger.cosigned import cosigned_of
from gateway.ledger.ledger import field_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.shards import shards
from gateway.ledger.signing import SigningKey
from gateway.ledger.subject_keys import KeyGone, SealBroken, SubjectKeys, open_keys

NO = 1
FIRST = "0001"
LINE_BYTES_MAX = 1_024
HOURS = 1.0
PART = ".part"
BUNDLE, OCSF = "bundle", "ocsf"
ERASED, BROKEN = "erased", "not what was sealed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("out", type=Path, help="the folder, or with --form ocsf the file, to make")
    parser.add_argument(
        "--from", dest="begin", default=OPEN, metavar="TIME", help="a day or moment"
    )
    parser.add_argument("--to", dest="end", default=OPEN, metavar="TIME", help="not included")
    parser.add_argument(
        "--label", action="append", default=[], help="requests of this label, level or caveat alone"
    )
    parser.add_argument("--form", choices=(BUNDLE, OCSF), default=BUNDLE)
    parser.add_argument("--profile", choices=(REDACTED, FULL), default=REDACTED)
    parser.add_argument(
        "--approval", type=Path, help="of a full export: the statement that persons signed"
    )
    parser.add_argument("--reason", required=True, help="stands in the ledger in clear")
    parser.add_argument("--key", type=Path, required=True, help="the key of the one who exports")
    parser.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when the export is not recorded, and so not made."""
    if arguments.profile == FULL and (arguments.approval is None or arguments.form == OCSF):
        print("perimeter: a full export is a bundle, and has an --approval", file=sys.stderr)
        return NO
    if arguments.out.exists():
        print("perimeter: the place of the export is taken", file=sys.stderr)
        return NO
    try:
        return _run(arguments)
    except NotApproved as refused:
        print(f"perimeter: not approved: {refused.why}", file=sys.stderr)
    except (OSError, ValueError, sqlite3.Error, msgspec.MsgspecError) as error:
        print(f"perimeter: {error}", file=sys.stderr)
    return NO


def _run(arguments: argparse.Namespace) -> int:
    asked = Asked(moment_us(arguments.begin), moment_us(arguments.end), tuple(arguments.label))
    settings = load_node(arguments.node).settings
    approval = ""
    if arguments.profile == FULL:
        data = arguments.approval.read_bytes()
        approval = digest_of(read_approval(data).statement)
        why = handed(arguments.node, settings, data)
        # WHY: one that was taken already still counts as long as it lasts; the gateway looks.
        if why not in {"", Why.USED}:
            return _refused(why)
    part = arguments.out.with_name(arguments.out.name + PART)
    try:
        digest = _made(arguments, settings, asked, part)
        statement = _statement(arguments, settings, digest, approval)
        why = handed(arguments.node, settings, statement)
        if why:
            return _refused(why)
        part.rename(arguments.out)
    finally:
        _remove(part)
    print(f"exported {arguments.out}: {digest}")
    return 0


def _made(arguments: argparse.Namespace, settings: Settings, asked: Asked, part: Path) -> str:
    """Make the export where nobody takes it for one, and return its digest."""
    key = signing.load(settings.paths.signing_key)
    with _opened(arguments, settings) as opened:
        folder = ledger_paths(settings.paths).folder
        witnesses = [one.key for one in settings.anchors.witnesses.values()]
        sources = list(shard_sources(folder, key, witnesses, opened))
        if arguments.form == OCSF:
            with part.open("xb") as file:
                file.writelines(map(ocsf.line, all_events(sources, asked, __version__)))
            with part.open("rb") as file:
                return f"{DIGEST_PREFIX}{file_digest(file, 'sha256').hexdigest()}"
        exporter = fingerprint(read_key(arguments.key).public_key().public_bytes_raw())
        about = About(exporter, SystemClock().now_us(), f"Perimeter {__version__}")
        return write_bundles(sources, asked, about, part)


def shard_sources(
    folder: LedgerFolder,
    key: SigningKey,
    witnesses: Sequence[str] = (),
    opened: Opened | None = None,
) -> Iterator[tuple[str, Source]]:
    """Yield every shard of a ledger by its name, as it can be exported; OSError."""
    for shard in shards(folder):
        origin = read_plain(shard.origin, LINE_BYTES_MAX).decode().strip()
        name = FIRST if shard == folder else shard.root.name
        own = SigningKey(origin, key.private)
        yield name, Source(shard, own, cosigned_of(shard), witnesses, opened, folder.blobs)


@contextmanager
def _opened(arguments: argparse.Namespace, settings: Settings) -> Iterator[Opened | None]:
    """Yield what opens personal fields for a full export; None for any other."""
    if arguments.profile != FULL:
        yield None
        return
    keys = open_keys(ledger_paths(settings.paths), settings.origin)
    try:
        yield lambda record: _personal(keys, record)
    finally:
        keys.close()


def _personal(keys: SubjectKeys, record: Record) -> object:
    if isinstance(record, Admin) or record.sealed is None:
        return None
    try:
        return keys.open_sealed(record.sealed, field_of(record))
    except KeyGone:
        return ERASED
    except SealBroken:
        return BROKEN


def _statement(
    arguments: argparse.Namespace, settings: Settings, digest: str, approval: str
) -> bytes:
    """Return what the one who exports signs: whose log, which time, and what exactly."""
    profile = OCSF if arguments.form == OCSF else arguments.profile
    scope = {"origin": settings.origin, "from": arguments.begin, "to": arguments.end}
    scope |= {"profile": profile}
    scope |= {"labels": " ".join(arguments.label)} if arguments.label else {}
    scope |= {"approval": approval} if approval else {}
    said = statement_of(Action.EXPORT, scope, HOURS, reason=arguments.reason, digest=digest)
    return write_approval(Approval(said, sign(said, "requester", read_key(arguments.key))))


def _refused(why: str) -> int:
    print(f"perimeter: not exported: {why}", file=sys.stderr)
    return NO


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)
