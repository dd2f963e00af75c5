"""What a start does with what the last process left: read the tail, cut what is torn."""

import sqlite3
from itertools import islice

from msgspec import Struct

from gateway.audit.checkpoint import Checkpoint, NoteRefused, Vkey, verify
from gateway.audit.tree import Tree, leaf_hash
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.adoption import Adoption
from gateway.ledger.checkpoints import CheckpointStore, Sealed
from gateway.ledger.files import Files
from gateway.ledger.frames import HEADER_BYTES
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import Damage, DamageKind, Place, Reading
from gateway.ledger.sealer import Sealer


class Recovered(Struct, frozen=True):
    """Where the journal goes on, and how many torn bytes were cut."""

    size: int
    end: Place
    cut_bytes: int


def last_sealed(store: CheckpointStore, folder: LedgerFolder, vkey: Vkey) -> tuple[Sealed, bytes]:
    """Return the last checkpoint and the last entry that it covers.

    ChainBroken when store, folder and key do not fit together.

    Only the one who has the newest checkpoint may write: an older folder beside a newer store, or
    an older store beside a newer folder, is a copy that was put back.
    """
    try:
        sealed = store.latest(vkey.name)
    except sqlite3.Error as error:
        hint = type(error).__name__
        raise LedgerUnavailable("the checkpoint store cannot be read", hint=hint) from None
    if sealed is None or not sealed.note:
        raise ChainBroken("the checkpoint store does not know this log", hint="docs/backup.md")
    kept = _verified(sealed.note, vkey)
    if (kept.size, kept.root) != (sealed.head.size, sealed.head.root):
        raise ChainBroken("the checkpoint store contradicts itself")
    published = _published(folder, vkey)
    if published is not None:
        is_ahead = published.size > kept.size
        if is_ahead or (published.size == kept.size and published.root != kept.root):
            raise ChainBroken(
                "the published checkpoint is not one of the checkpoint store",
                hint="the store was put back from an older copy, or the log has two writers",
            )
    return sealed, _assert_sealed_last(folder, sealed)


def recover(
    folder: LedgerFolder, sealed: Sealed, sealer: Sealer, adoption: Adoption, files: Files
) -> Recovered:
    """Read what follows the last checkpoint into the sealer, and cut a torn tail.

    INVARIANT: no byte at or below the last checkpoint, and none of a group that was durable, is
    cut; where that would be needed, or where the tail is not ours, the log is broken and nothing
    is changed. OSError when the disk fails.
    """
    reading = Reading(folder, sealed.mark.size, sealed.mark.end)
    for stored in reading:
        sealer.add(adoption.adopt(stored))
    if reading.damage is not None and reading.damage.kind is DamageKind.BROKEN:
        raise _broken(reading.damage)
    cut_bytes = _settle_tail(folder, sealed.mark.end, reading.end, files)
    return Recovered(reading.index, reading.last, cut_bytes)


def _assert_sealed_last(folder: LedgerFolder, sealed: Sealed) -> bytes:
    """Return the last sealed entry, if the newest sealed part gives the root that was sealed.

    A copy of the folder that went its own way has other bytes there.
    """
    before, mark = sealed.before, sealed.mark
    try:
        tree = Tree(before.size, before.frontier)
        fits = Tree(mark.size, mark.frontier).head == sealed.head
    except ValueError:
        raise ChainBroken("the checkpoint store contradicts itself") from None
    reading = Reading(folder, before.size, before.end)
    last = b""
    for stored in islice(reading, max(0, mark.size - before.size)):
        last = stored.entry
        tree.append(leaf_hash(last))
    if reading.damage is not None:
        raise _broken(reading.damage)
    if not fits or tree.head != sealed.head or reading.last != mark.end:
        raise ChainBroken(
            "the journal does not hold what was sealed last",
            hint="a copy that was put back, or a second writer; run perimeter verify",
        )
    return last


def _settle_tail(folder: LedgerFolder, start: Place, end: Place, files: Files) -> int:
    """Make the tail durable as it was read, cut what follows, and return how much that was."""
    path = folder.segment(end.segment)
    size = path.stat().st_size
    if end.offset <= HEADER_BYTES:
        files.remove(path)
        files.sync_folder(folder.journal)
        return size
    begin = start.offset if start.segment == end.segment else HEADER_BYTES
    if begin == end.offset == size:
        return 0
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read(end.offset - begin)
    # WHY: after a failed fsync the kernel may show pages that never reached the disk; written
    # again they do, before anything is built on them.
    files.rewrite(path, begin, data)
    return size - end.offset


def _published(folder: LedgerFolder, vkey: Vkey) -> Checkpoint | None:
    try:
        note = folder.checkpoint.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise ChainBroken("the published checkpoint cannot be read") from None
    return _verified(note, vkey)


def _verified(note: str, vkey: Vkey) -> Checkpoint:
    try:
        return verify(note, vkey)
    except NoteRefused as error:
        raise ChainBroken("a checkpoint of the log is not ours", hint=str(error)) from None


def _broken(damage: Damage) -> ChainBroken:
    return ChainBroken(
        f"the journal is damaged before record {damage.index}: {damage.reason}",
        hint="run perimeter verify; restore from docs/backup.md",
    )
