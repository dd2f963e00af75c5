"""The parts of an open ledger, put together from what lies on disk."""

import sqlite3
from asyncio import AbstractEventLoop
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger import signing
from gateway.ledger.adoption import Adoption
from gateway.ledger.beats import HEARTBEAT_S, Beats
from gateway.ledger.checkpoints import CheckpointStore
from gateway.ledger.files import Files
from gateway.ledger.follower import Follower
from gateway.ledger.index import Index
from gateway.ledger.journal import SEGMENT_BYTES_MAX, Journal, ObserveSync, unobserved
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.reader import Reader
from gateway.ledger.recovery import last_sealed, recover
from gateway.ledger.sealer import Sealer
from gateway.ledger.signing import SigningKey
from gateway.ledger.subject_keys import SubjectKeys, open_keys
from gateway.ledger.writer import Writer


class Options(Struct, frozen=True):
    """What may differ from one ledger to the next.

    `observe_sync_s` is called in the writer's thread with the seconds of every fdatasync. A log
    that has nothing to tell says so every `heartbeat_s`.
    """

    files: Files = Files()
    segment_bytes_max: int = SEGMENT_BYTES_MAX
    observe_sync_s: ObserveSync = unobserved
    heartbeat_s: float = HEARTBEAT_S


class Parts(Struct, frozen=True, kw_only=True):
    """Everything that an open ledger holds, until `close`. `cut_bytes` were torn and are gone."""

    folder: LedgerFolder
    key: SigningKey
    files: Files
    keys: SubjectKeys
    sealer: Sealer
    writer: Writer
    reader: Reader
    follower: Follower | None
    cut_bytes: int
    heartbeat_s: float
    held: ExitStack

    def start(self, loop: AbstractEventLoop) -> None:
        """Let the threads begin."""
        self.writer.start(loop)
        if self.follower is not None:
            self.follower.start()

    def close(self) -> None:
        """End the threads, then let go of every file; the lock is the last."""
        self.writer.stop()
        if self.follower is not None:
            self.follower.stop()
        self.held.close()


def open_parts(paths: LedgerPaths, boot: str, options: Options) -> Parts:
    """Take the lock, check that all parts belong together, and read the tail of the journal.

    LedgerUnavailable when the ledger is missing, in use or cannot be read; ChainBroken when what
    lies there is not what was written last. Blocks; the time grows with the records since the
    last checkpoint, not with the log.
    """
    with ExitStack() as held:
        try:
            return _open(paths, boot, options, held)
        except (OSError, sqlite3.Error, msgspec.MsgspecError) as error:
            hint = type(error).__name__
            raise LedgerUnavailable("the ledger cannot be opened", hint=hint) from None


def _open(paths: LedgerPaths, boot: str, options: Options, held: ExitStack) -> Parts:
    folder, files = paths.folder, options.files
    key = _key(paths, folder)
    _lock(folder.lock, files, held)
    _lock(paths.writer_lock(key.name), files, held)
    store = CheckpointStore.open(paths.checkpoints)
    held.callback(store.close)
    sealed = last_sealed(store, folder, key.vkey)
    sealer = Sealer(key, store, folder, files)
    opened = store.open_requests(key.name)
    sealer.resume(sealed, opened)
    adoption = Adoption(key, sealed, opened, folder)
    recovered = recover(folder, sealed, sealer, adoption, files)
    keys = open_keys(paths, key.name)
    held.callback(keys.close)
    journal = Journal(folder, files, recovered.size, recovered.end, options.segment_bytes_max)
    journal.observe, journal.mac_of = options.observe_sync_s, key.mac
    writer = Writer(journal, sealer, boot, Beats(options.heartbeat_s))
    index = _index(folder, recovered.size)
    reader = Reader(folder, index, lambda: writer.size)
    held.callback(reader.close)
    return Parts(
        folder=folder,
        key=key,
        files=files,
        keys=keys,
        sealer=sealer,
        writer=writer,
        reader=reader,
        follower=None if index is None else Follower(index, lambda: writer.size),
        cut_bytes=recovered.cut_bytes,
        heartbeat_s=options.heartbeat_s,
        held=held.pop_all(),
    )


def _key(paths: LedgerPaths, folder: LedgerFolder) -> SigningKey:
    if not folder.journal.is_dir():
        raise LedgerUnavailable(
            "there is no ledger at this place", hint="perimeter ledger create makes one"
        )
    key = signing.load(paths.signing_key)
    if folder.vkey.read_text(encoding="ascii", errors="replace").strip() != str(key.vkey):
        raise ChainBroken("the signing key is not the one of this log", hint="docs/backup.md")
    return key


def _lock(path: Path, files: Files, held: ExitStack) -> None:
    try:
        descriptor = files.lock(path)
    except BlockingIOError:
        raise LedgerUnavailable(
            "another gateway writes this ledger", hint="one origin has one writer"
        ) from None
    held.callback(_let_go, files, descriptor)


def _let_go(files: Files, descriptor: int) -> None:
    # WHY: the kernel lets go of the lock whatever it says of the file, and the log is whole.
    with suppress(OSError):
        files.close(descriptor)


def _index(folder: LedgerFolder, size: int) -> Index | None:
    try:
        return Index.make(folder, size)
    except Exception:  # noqa: BLE001 - whatever stands in that file must not stop a start
        # WHY: without an index the reader goes through the journal; nothing is lost but time.
        return None
