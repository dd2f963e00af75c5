"""Proofs that the log grew, made from its journal and from marks that were set before."""

from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.growth import Growth
from gateway.audit.tree import Proof, Tree, leaf_hash
from gateway.domain.errors import ChainBroken
from gateway.ledger.checkpoints import Mark
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.reading import Reading

HINT = "run perimeter verify"
MARKS_MAX = 16
FILE_BYTES_MAX = 256 * 1024
_START = Mark()


class _Kept(Struct, frozen=True):
    origin: str
    marks: tuple[Mark, ...]


class Grown:
    """Proves that the log grew from any size. Marks save reading what lies before them.

    The file of marks is no evidence: one that gives another root than was signed is forgotten, and
    the journal read from its beginning. Methods block; OSError, ChainBroken.
    """

    def __init__(self, folder: LedgerFolder, path: Path, files: Files) -> None:
        self._folder = folder
        self._path = path
        self._files = files
        self._marks: dict[int, Mark] = {}
        self._loaded = False

    def _load(self, origin: str) -> None:
        """Read the marks of an earlier life, once; a file that is no use is none."""
        if self._loaded:
            return
        self._loaded = True
        with suppress(OSError, msgspec.MsgspecError):
            kept = msgspec.json.decode(read_plain(self._path, FILE_BYTES_MAX), type=_Kept)
            if kept.origin == origin:
                self._hold(kept.marks)

    def prove(self, old: int, sealed: Checkpoint) -> Proof:
        """Return the proof that the log grew from that size to a checkpoint."""
        self._load(sealed.origin)
        proof, root = self._proven(old, sealed.size)
        if root != sealed.root and self._marks:
            self._marks = {}
            proof, root = self._proven(old, sealed.size)
        if root != sealed.root:
            raise ChainBroken("the journal is not what its checkpoint covers", hint=HINT)
        return proof

    def remember(self, sealed: Checkpoint) -> None:
        """Set a mark at a checkpoint, from where later proofs are made."""
        self._load(sealed.origin)
        self._hold([*self._marks.values(), self._mark(sealed.size)])
        kept = _Kept(sealed.origin, tuple(self._marks.values()))
        self._files.publish(self._path, msgspec.json.encode(kept))

    def _hold(self, marks: Iterable[Mark]) -> None:
        known = {mark.size: mark for mark in marks}
        self._marks = {size: known[size] for size in sorted(known)[-MARKS_MAX:]}

    def _proven(self, old: int, size: int) -> tuple[Proof, bytes]:
        mark = self._mark(old)
        try:
            growth = Growth(mark.size, mark.frontier, size)
        except ValueError:
            raise ChainBroken("a checkpoint lies before what was anchored", hint=HINT) from None
        reading = Reading(self._folder, mark.size, mark.end)
        for stored in islice(reading, size - mark.size):
            growth.take(leaf_hash(stored.entry))
        _assert_reached(growth.tree, size)
        return growth.proof, growth.tree.root()

    def _mark(self, size: int) -> Mark:
        """Return the mark at a size, from the nearest one before it."""
        start = max(
            (mark for mark in self._marks.values() if mark.size <= size),
            key=lambda mark: mark.size,
            default=_START,
        )
        tree = Tree(start.size, start.frontier)
        reading = Reading(self._folder, start.size, start.end)
        for stored in islice(reading, size - start.size):
            tree.append(leaf_hash(stored.entry))
        _assert_reached(tree, size)
        return Mark(size, tree.frontier, reading.end)


def _assert_reached(tree: Tree, size: int) -> None:
    if tree.size != size:
        raise ChainBroken("the journal ends before its checkpoint", hint=HINT)
