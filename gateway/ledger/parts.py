"""The parts of an open ledger, put together from what lies on disk."""

import sqlite3
from asyncio import AbstractEventLoop
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.beats import HEARTBEAT_S, Beats
from gateway.ledger.checkpoints import CheckpointStore
from gateway.ledger.files import Files
from gateway.ledger.follower import Follower
from gateway.ledger.following import Following
from gateway.ledger.journal import SEGMENT_BYTES_MAX, ObserveSync, unobserved
from gateway.ledger.lending import lend
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.reader import Reader
from gateway.ledger.relay import NEVER, Relay
from gateway.ledger.sealer import Sealer
from gateway.ledger.shard import Ground
from gateway.ledger.shards import shards, size_of
from gateway.ledger.signers import KeyFiles
from gateway.ledger.signing import SigningKey
from gateway.ledger.subject_keys import SubjectKeys, open_keys
from gateway.ledger.writer import Writer


class Options(Struct, frozen=True):
    """What may differ from one ledger to the next.

    `observe_sync_s` is called in the writer's thread with the seconds of every fdatasync. A log
    that has nothing to tell says so every `heartbeat_s`. At the end of each `period` a shard is
    closed and the next begun.
    """

    files: Files = Files()
    segment_bytes_max: int = SEGMENT_BYTES_MAX
    observe_sync_s: ObserveSync = unobserved
    heartbeat_s: float = HEARTBEAT_S
    period: str = NEVER


class Parts(Struct, frozen=True, kw_only=True):
    """Everything that an open ledger holds, until `close`. `cut_bytes` were torn and are gone."""

    folder: LedgerFolder
    key: SigningKey
    key_files: KeyFiles
    files: Files
    keys: SubjectKeys
    writer: Writer
    reader: Reader
    follower: Follower | None
    cut_bytes: int
    heartbeat_s: float
    held: ExitStack

    @property
    def sealer(self) -> Sealer:
        """What seals the shard that is written."""
        return self.writer.sealer

    @property
    def pending_key(self) -> str:
        """A new key that is to be announced; empty when none waits. LedgerUnavailable."""
        return self.key_files.pending(self.writer.signers)

    def take_over(self) -> None:
        """Put a new key that was announced in its place; OSError."""
        self.key_files.take_over(self.writer.signers)

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
    root, files = paths.folder, options.files
    key_files = KeyFiles(paths.signing_key, files)
    key = _key(key_files, root)
    _lock(root.lock, files, held)
    _lock(paths.writer_lock(key.name), files, held)
    # WHY: before an index is opened: SQLite loses its locks when anybody here closes its file.
    lend(root, files)
    store = CheckpointStore.open(paths.checkpoints)
    held.callback(store.close)
    ground = Ground(
        root, key.name, key_files, store, files, options.segment_bytes_max, options.observe_sync_s
    )
    relay = Relay(ground, options.period)
    shard = relay.open_last()
    keys = open_keys(paths, key.name)
    held.callback(keys.close)
    base = sum(size_of(one) for one in shards(root) if one != shard.folder)
    writer = Writer(shard, relay, base, boot, Beats(options.heartbeat_s))
    following = Following(root, writer, shard)
    writer.moved = following.moved
    held.callback(following.close)
    return Parts(
        folder=root,
        key=key,
        key_files=key_files,
        files=files,
        keys=keys,
        writer=writer,
        reader=following.reader,
        follower=following.follower,
        cut_bytes=shard.cut_bytes,
        heartbeat_s=options.heartbeat_s,
        held=held.pop_all(),
    )


def _key(key_files: KeyFiles, root: LedgerFolder) -> SigningKey:
    if not root.journal.is_dir():
        raise LedgerUnavailable(
            "there is no ledger at this place", hint="perimeter ledger create makes one"
        )
    key = key_files.load()[0]
    if root.origin.read_text(encoding="ascii", errors="replace").strip() != key.name:
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
