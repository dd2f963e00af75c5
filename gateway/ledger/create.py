"""The one act that makes a ledger; `serve` never does."""

import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gateway.audit.checkpoint import Vkey, is_origin
from gateway.audit.record import Admin
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger import signing, wrapping
from gateway.ledger.checkpoints import CheckpointStore
from gateway.ledger.entry import entry_of
from gateway.ledger.files import Files
from gateway.ledger.founding import Founder
from gateway.ledger.naming import record_id
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.rewrapping import WrappingFiles
from gateway.ledger.signers import Signers
from gateway.ledger.subject_keys import SubjectKeys
from gateway.ledger.wrapping import Wrapper

_FOLDER_MODE = 0o700
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def create(paths: LedgerPaths, origin: str, now_us: int, inception: date) -> Vkey:
    """Make a new ledger with its first record and checkpoint, and return its public key.

    `inception` must be the day of `now_us` (UTC): the one who types it means this log, today.
    LedgerUnavailable when anything of it exists already, or the disk cannot be written. A
    checkpoint store and a subject key store that exist are used, not replaced.
    """
    _assert_sane(origin, now_us, inception)
    _assert_absent(paths)
    try:
        return _create(paths, origin, now_us, inception)
    except (OSError, sqlite3.Error) as error:
        hint = type(error).__name__
        raise LedgerUnavailable("the ledger cannot be created", hint=hint) from None


def _create(paths: LedgerPaths, origin: str, now_us: int, inception: date) -> Vkey:
    files = Files()
    folder = paths.folder
    apart = (paths.signing_key, paths.checkpoints, paths.subject_keys, paths.wrapping)
    for path in (*apart, folder.root):
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    folder.root.mkdir(mode=_FOLDER_MODE, exist_ok=True)
    for path in (folder.journal, folder.documents):
        path.mkdir(mode=_FOLDER_MODE)
    store = CheckpointStore.make(paths.checkpoints)
    try:
        store.begin(origin)
        SubjectKeys.make(paths.subject_keys, origin, _wrapper(paths, files)).close()
        key = signing.make(paths.signing_key, origin, files)
        founder = Founder(Signers(key), store, files)
        first = [entry_of(_created(key.vkey, now_us, inception))]
        founder.sign(folder, first, founder.lay(folder, first))
        for parent in {folder.root.parent, paths.signing_key.parent, paths.wrapping.parent}:
            files.sync_folder(parent)
    finally:
        store.close()
    return key.vkey


def _wrapper(paths: LedgerPaths, files: Files) -> Wrapper:
    """Return the key that wraps the subject keys, made where neither is there yet."""
    if paths.wrapping.exists() or paths.subject_keys.exists():
        return WrappingFiles(paths, files).in_use()
    return wrapping.make(paths.wrapping, files)


def _created(vkey: Vkey, now_us: int, inception: date) -> Admin:
    facts = {"origin": vkey.name, "vkey": str(vkey), "inception": inception.isoformat()}
    return Admin(id=record_id(now_us), ts_us=now_us, boot="", what="created", facts=facts)


def _assert_sane(origin: str, now_us: int, inception: date) -> None:
    if not is_origin(origin):
        raise LedgerUnavailable(
            "the origin is not a name for a log", hint="letters, digits, dots, dashes, slashes"
        )
    today = (_EPOCH + timedelta(microseconds=now_us)).date()
    if inception != today:
        raise LedgerUnavailable(
            f"a ledger is created on its inception date, and today is {today.isoformat()}"
        )


def _assert_absent(paths: LedgerPaths) -> None:
    if _holds_something(paths.ledger):
        raise LedgerUnavailable("the ledger's folder exists and is not empty")
    if paths.signing_key.exists():
        raise LedgerUnavailable("the signing key exists already; a new log has a new key")


def _holds_something(path: Path) -> bool:
    return path.exists() and (not path.is_dir() or any(path.iterdir()))
