"""Verifies one shard from its bytes on disk, beside a running gateway or without one.

A folder that has an origin was created with a journal and a checkpoint, and no gateway removes
them: where one is missing, the ledger was tampered with. What cannot be read is unreadable.
"""

import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from msgspec import Struct, structs

from gateway.audit.checkpoint import NOTE_CHARACTERS_MAX, Checkpoint, NoteRefused, Vkey, parse_vkey
from gateway.audit.checkpoint import verify as verify_note
from gateway.audit.tree import HASH_BYTES, Head
from gateway.audit.verify import Report, Verdict, is_signed_by, verify
from gateway.ledger import documents, pruned, pruning
from gateway.ledger.checkpoints import CheckpointStore
from gateway.ledger.index import Index
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import NotPlain, read_plain
from gateway.ledger.reading import Damage, DamageKind, Place, Reading

LINE_BYTES_MAX = 1_024
NOTE_BYTES_MAX = 4 * NOTE_CHARACTERS_MAX


class Unread(OSError):
    """A file that every ledger has cannot be read; it says which."""


class Kept(Struct, frozen=True):
    """A checkpoint that somebody kept, or the store, with its text."""

    head: Head
    note: str


class Asked(Struct, frozen=True):
    """Against what the ledger is held: a key, its store, checkpoints that somebody kept.

    `later` are the shards that may tell that this one was pruned.
    """

    vkey: str | None
    checkpoints: Path | None
    kept: Sequence[str]
    later: tuple[LedgerFolder, ...] = ()


def verify_shard(folder: LedgerFolder, asked: Asked) -> Report:
    """Read every byte of one shard; NoteRefused, OSError."""
    origin = line_of(folder.origin)
    own = line_of(folder.vkey)
    vkey = own if asked.vkey is None else asked.vkey
    key = parse_vkey(vkey)
    kept = tuple(Kept(_head(verify_note(note, key)), note) for note in asked.kept)
    if pruning.is_pruned(folder):
        return pruned.report_of(folder, key, [one.head for one in kept], asked.later)
    if not (folder.checkpoint.exists() and folder.journal.exists()):
        reason = "its checkpoint or its journal is missing, which every ledger has"
        return Report(verdict=Verdict.TAMPERED, reason=reason, origin=key.name)
    if origin != key.name:
        reason = "the folder names another origin than the key"
        return Report(verdict=Verdict.TAMPERED, reason=reason, origin=key.name)
    if own != str(key):
        reason = "the vkey in the folder is another than the key that was given or announced"
        return Report(verdict=Verdict.TAMPERED, reason=reason, origin=key.name)
    report = _of_journal(folder, vkey, kept, asked.checkpoints)
    if asked.vkey is None and report.records and report.vkey != str(key):
        reason = "record 0: the log was created with another key than the one in its folder"
        report = _tampered(report, 0, reason)
    return _with_documents(report, folder)


def line_of(path: Path) -> str:
    """Return the one line of a small file; Unread."""
    try:
        return read_plain(path, LINE_BYTES_MAX).decode().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Unread(f"its {path.name}, {type(error).__name__}") from None


def _of_journal(
    folder: LedgerFolder, vkey: str, kept: tuple[Kept, ...], checkpoints: Path | None
) -> Report:
    # WHY: the checkpoint is read before the store, and both before the end of the journal is
    # fixed: all three only grow meanwhile, and what is written later is not looked at.
    note = read_plain(folder.checkpoint, NOTE_BYTES_MAX).decode(errors="replace")
    stored = None if checkpoints is None else stored_in(checkpoints, parse_vkey(vkey))
    held = kept if stored is None else (*kept, stored)
    reading = Reading(folder)
    report = verify(
        _until(reading, _end(folder)),
        note,
        vkey,
        [one.head for one in held],
        _leaves(folder),
    )
    if checkpoints is not None and (stored is None or report.size > stored.head.size):
        reason = "the checkpoint store is older than the checkpoint beside the log"
        report = _tampered(report, None, reason)
    report = _with_signatures(report, held)
    return report if reading.damage is None else _with_damage(report, reading.damage)


def _end(folder: LedgerFolder) -> Place:
    segments = folder.segments()
    last = segments[-1] if segments else 0
    path = folder.segment(last)
    return Place(last, path.stat().st_size if path.exists() else 0)


def _until(reading: Reading, end: Place) -> Iterator[bytes]:
    """Yield the entries that stood in the journal when its end was looked for."""
    for stored in reading:
        if (stored.place.segment, stored.place.offset) >= (end.segment, end.offset):
            return
        yield stored.entry


def _with_signatures(report: Report, held: tuple[Kept, ...]) -> Report:
    """Does every checkpoint carry the signature of the key that was announced below it?"""
    rotated = None if report.ends is None else report.ends.rotated
    for one in held:
        if rotated is not None and not is_signed_by(one.note, one.head.size, rotated):
            where = f"the key that record {rotated.index} announced"
            reason = f"a checkpoint of {one.head.size} records is not signed with {where}"
            return _tampered(report, rotated.index, reason)
    return report


def stored_in(checkpoints: Path, key: Vkey) -> Kept | None:
    """Return what the store keeps of the log; None where its note is not signed."""
    if not stat.S_ISREG(checkpoints.stat().st_mode):
        raise NotPlain("the checkpoint store is not a plain file")
    with closing(CheckpointStore.open(checkpoints, reading=True)) as store:
        try:
            sealed = store.latest(key.name)
            if sealed is None:
                return None
            return Kept(_head(verify_note(sealed.note, key)), sealed.note)
        except NoteRefused:
            return None


def _head(found: Checkpoint) -> Head:
    return Head(found.size, found.root)


def _leaves(folder: LedgerFolder) -> Iterator[bytes]:
    """Yield the leaf hashes that the index remembers, as long as they look like some."""
    index = Index.peek(folder)
    if index is None:
        return
    with closing(index):
        try:
            for leaf in index.leaves():
                if len(leaf) != HASH_BYTES:
                    return
                yield leaf
        except sqlite3.Error:
            return


def _with_damage(report: Report, damage: Damage) -> Report:
    if damage.kind is DamageKind.TORN and damage.index >= report.size:
        return structs.replace(report, torn=True)
    return _tampered(report, damage.index, f"record {damage.index}: {damage.reason}")


def _with_documents(report: Report, folder: LedgerFolder) -> Report:
    for digest, index in report.documents.items():
        fault = documents.check(folder, digest)
        if fault:
            return _tampered(report, index, f"record {index}: the document {digest} {fault}")
    return report


def _tampered(report: Report, index: int | None, reason: str) -> Report:
    """Return the report with this fault, unless it names an earlier one already."""
    earlier = report.first_bad
    if earlier is not None and (index is None or earlier < index):
        return report
    return structs.replace(report, verdict=Verdict.TAMPERED, first_bad=index, reason=reason)
