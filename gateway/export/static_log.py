"""The log as plain files that any program for C2SP tlog-tiles reads: `checkpoint` and `tile/`."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from gateway.audit.canonical import ENTRY_BYTES_MAX
from gateway.audit.checkpoint import Checkpoint, NoteRefused, parse_vkey
from gateway.audit.checkpoint import verify as verify_note
from gateway.audit.tiles import Tile, Tiling
from gateway.audit.tree import Head
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.pruning import LAST, is_pruned, last_of, read_leaves
from gateway.ledger.reading import Reading
from gateway.ledger.verify import LINE_BYTES_MAX, NOTE_BYTES_MAX

CHECKPOINT = "checkpoint"
HINT = "run perimeter verify"

Wanted = Callable[[Tile], bool]


def write_static_log(folder: LedgerFolder, out: Path) -> Checkpoint:
    """Write the log up to its latest checkpoint into a new folder, and return that checkpoint.

    Blocks. ChainBroken when the journal does not give the signed root; LedgerUnavailable when it
    cannot be read, or the folder is there already.
    """
    try:
        out.mkdir(parents=True)
        note, sealed = latest(folder)
        write_tiles(folder, sealed, out, lambda _tile: True)
        if is_pruned(folder) and last_of(folder) is not None:
            # WHY: the key of the next shard is believed by this record alone.
            (out / LAST).write_bytes(read_plain(folder.root / LAST, ENTRY_BYTES_MAX))
        # WHY: the checkpoint comes last: a folder that has one has every tile of it.
        (out / CHECKPOINT).write_text(note, encoding="utf-8")
    except OSError as error:
        hint = error.strerror or ""
        raise LedgerUnavailable("the log cannot be written as tiles", hint=hint) from None
    return sealed


def latest(folder: LedgerFolder) -> tuple[str, Checkpoint]:
    """Return the latest checkpoint, as text and read; ChainBroken when the log's key refuses it."""
    try:
        key = parse_vkey(read_plain(folder.vkey, LINE_BYTES_MAX).decode())
        note = read_plain(folder.checkpoint, NOTE_BYTES_MAX).decode()
        return note, verify_note(note, key)
    except (NoteRefused, UnicodeDecodeError):
        raise ChainBroken("the checkpoint of the log cannot be used", hint=HINT) from None


def write_tiles(folder: LedgerFolder, sealed: Checkpoint, out: Path, wanted: Wanted) -> None:
    """Write the tiles of the log at that checkpoint, those that are wanted; OSError, ChainBroken.

    INVARIANT: what is written gives the root that was signed, or this raises.
    """
    tiling = Tiling()
    for tile, data in _tiles(folder, sealed.size, tiling):
        if wanted(tile):
            path = out / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    if tiling.head != Head(sealed.size, sealed.root):
        raise ChainBroken("the journal is not what its checkpoint covers", hint=HINT)


def _tiles(folder: LedgerFolder, size: int, tiling: Tiling) -> Iterator[tuple[Tile, bytes]]:
    # WHY: a shard that retention pruned has its hashes, and no record any more.
    if is_pruned(folder):
        for leaf in islice(read_leaves(folder), size):
            yield from tiling.append_leaf(leaf)
    for stored in islice(Reading(folder), size - tiling.size):
        yield from tiling.append(stored.entry)
    yield from tiling.rest()
