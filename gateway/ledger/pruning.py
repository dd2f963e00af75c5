"""Retention of the log: a closed shard keeps the hash of every record and loses what it says.

Its journal is replaced by `leaves`: a mark, then the 32 bytes of each leaf hash in order. With
these and its signed checkpoint, the shard still proves which records it had, and any copy of a
record can be shown to have been one of them. Its last record stays, in `last`: it says which shard
follows, under which key, and nothing of a person.
"""

import os
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from gateway.audit.canonical import ENTRY_BYTES_MAX, EntryUnreadable, decode
from gateway.audit.checkpoint import Checkpoint, NoteRefused, Vkey, parse_vkey
from gateway.audit.checkpoint import verify as verify_note
from gateway.audit.record import Admin, Attempted, Decided, Settled
from gateway.audit.tree import Head, Tree, leaf_hash
from gateway.domain.errors import ChainBroken
from gateway.ledger.blobs import place_of
from gateway.ledger.documents import is_digest
from gateway.ledger.files import Files
from gateway.ledger.frames import HEADER_BYTES
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import open_plain, read_plain
from gateway.ledger.reading import Place, Reading
from gateway.ledger.shards import size_of

LEAVES = "leaves"
LAST = "last"
NOTE_BYTES_MAX = 262_144
VKEY_BYTES_MAX = 4_096
_FRESH = ".new"
_MARK = b"PMTLEAF1"
_NAMES_A_BLOB = b'"blob"'
_HASH_BYTES = 32
_CHUNK_BYTES = 1 << 20
_INDEX_FILES = ("", "-wal", "-shm")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HINT = "run perimeter verify"


class Span(Struct, frozen=True):
    """From when to when the records of a closed shard are; microseconds since the epoch."""

    first_us: int
    last_us: int

    @property
    def months(self) -> tuple[str, str]:
        """Its first and its last month."""
        return _month(self.first_us), _month(self.last_us)


def is_pruned(folder: LedgerFolder) -> bool:
    """Has the shard no journal any more, and its leaves instead?"""
    return leaves_of(folder).is_file() and not any(_segments(folder))


def leaves_of(folder: LedgerFolder) -> Path:
    """Return where the leaf hashes of a pruned shard lie."""
    return folder.root / LEAVES


def span_of(folder: LedgerFolder) -> Span | None:
    """Return the times of a closed shard that has its journal; None without one. OSError."""
    segments = _segments(folder)
    if not segments:
        return None
    first = next(iter(Reading(folder, segments[0], Place(segments[0], HEADER_BYTES))), None)
    last = first
    for stored in Reading(folder, segments[-1], Place(segments[-1], HEADER_BYTES)):
        last = stored
    if first is None or last is None:
        return None
    return Span(decode(first.entry).ts_us, decode(last.entry).ts_us)


def keep_leaves(folder: LedgerFolder, files: Files) -> Checkpoint:
    """Write the leaf hashes beside the journal; return the checkpoint that they give.

    ChainBroken when the journal is not what the checkpoint signs: nothing is pruned that was
    tampered with. OSError.
    """
    sealed = sealed_of(folder)
    path, tree = leaves_of(folder), Tree()
    fresh = path.with_name(path.name + _FRESH)
    files.remove(fresh)
    last = b""
    descriptor = files.create(fresh)
    try:
        files.write(descriptor, _MARK)
        for chunk, newest in _hashed(folder, tree):
            files.write(descriptor, chunk)
            last = newest or last
        files.sync(descriptor)
    finally:
        files.close(descriptor)
    if tree.head != Head(sealed.size, sealed.root):
        files.remove(fresh)
        raise ChainBroken("a shard that is to be pruned is not what was sealed", hint=_HINT)
    if isinstance(decode(last), Admin):
        files.publish(folder.root / LAST, last)
    files.rename(fresh, path)
    files.sync_folder(folder.root)
    return sealed


def last_of(folder: LedgerFolder) -> Admin | None:
    """Return the last record of a pruned shard, as its leaves prove it; None where they do not."""
    try:
        entry = read_plain(folder.root / LAST, ENTRY_BYTES_MAX)
        newest = deque(read_leaves(folder), maxlen=1)
        record = decode(entry)
    except (OSError, ChainBroken, EntryUnreadable):
        return None
    is_last = list(newest) == [leaf_hash(entry)]
    return record if isinstance(record, Admin) and is_last else None


def drop(folder: LedgerFolder, files: Files, blobs: Path | None = None) -> None:
    """Delete the journal and the index of a shard whose leaves are kept; OSError.

    `blobs` is the folder of what its entries could not hold, which goes with them.

    INVARIANT: the leaves on the disk give the signed root, or nothing is deleted.
    """
    fault = check(folder)
    if fault:
        raise ChainBroken(f"a shard that is to be pruned {fault}", hint=_HINT)
    for digest in _spilled(folder):
        files.remove(place_of(blobs or folder.blobs, digest))
    for first in _segments(folder):
        files.remove(folder.segment(first))
    for suffix in _INDEX_FILES:
        files.remove(folder.index.with_name(folder.index.name + suffix))
    files.sync_folder(folder.journal)


def check(folder: LedgerFolder) -> str:
    """Return what is wrong with the leaves of a shard; empty when they give the signed root."""
    try:
        sealed, tree = sealed_of(folder), Tree()
        for leaf in read_leaves(folder):
            tree.append(leaf)
    except (OSError, ChainBroken):
        return "has no leaves that can be read"
    is_whole = tree.head == Head(sealed.size, sealed.root)
    return "" if is_whole else "has leaves that do not give the signed root"


def read_leaves(folder: LedgerFolder) -> Iterator[bytes]:
    """Yield the leaf hash of every record of a pruned shard; OSError, ChainBroken.

    WHY: the checkpoint says how many there are: a file that goes on without end is not read.
    """
    size = size_of(folder)
    with open_plain(leaves_of(folder)) as file:
        if file.seek(0, os.SEEK_END) != len(_MARK) + size * _HASH_BYTES:
            raise ChainBroken("the leaves of a shard are not as many as were sealed", hint=_HINT)
        file.seek(0)
        if file.read(len(_MARK)) != _MARK:
            raise ChainBroken("these are no leaves of a shard", hint=_HINT)
        while chunk := file.read(_CHUNK_BYTES):
            if len(chunk) % _HASH_BYTES:
                raise ChainBroken("the leaves of a shard end in the middle of one", hint=_HINT)
            yield from (chunk[at : at + _HASH_BYTES] for at in range(0, len(chunk), _HASH_BYTES))


def sealed_of(folder: LedgerFolder, key: Vkey | None = None) -> Checkpoint:
    """Return the checkpoint of a closed shard; OSError, ChainBroken when it is not signed.

    Without a key it is that in the shard's own folder.
    """
    try:
        vkey = key or parse_vkey(read_plain(folder.vkey, VKEY_BYTES_MAX).decode().strip())
        return verify_note(read_plain(folder.checkpoint, NOTE_BYTES_MAX).decode(), vkey)
    except (NoteRefused, UnicodeDecodeError):
        raise ChainBroken("the checkpoint of a shard is not signed", hint=_HINT) from None


def _hashed(folder: LedgerFolder, tree: Tree) -> Iterator[tuple[bytes, bytes]]:
    """Yield the leaf hashes of the journal, many at a time, with the newest entry among them."""
    chunk, newest = bytearray(), b""
    for stored in Reading(folder):
        newest = stored.entry
        leaf = leaf_hash(stored.entry)
        tree.append(leaf)
        chunk += leaf
        if len(chunk) >= _CHUNK_BYTES:
            yield bytes(chunk), newest
            chunk.clear()
    yield bytes(chunk), newest


def _spilled(folder: LedgerFolder) -> Iterator[str]:
    """Yield the digests of the blobs that the records of a shard name."""
    for stored in Reading(folder) if _segments(folder) else ():
        record = decode(stored.entry) if _NAMES_A_BLOB in stored.entry else None
        if isinstance(record, Decided | Attempted | Settled) and record.sealed is not None:
            blob = record.sealed.blob
            if isinstance(blob, str) and is_digest(blob):
                yield blob


def _segments(folder: LedgerFolder) -> list[int]:
    return folder.segments() if folder.journal.is_dir() else []


def _month(ts_us: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=ts_us):%Y-%m}"
