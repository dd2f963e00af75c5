"""Turns the growing tree into signed checkpoints.

Owned by the thread that writes the journal.
"""

import sqlite3
from collections.abc import Callable
from time import monotonic

from msgspec.structs import replace

from gateway.audit import checkpoint
from gateway.audit.ends import Next
from gateway.audit.tree import Head, Tree, leaf_hash
from gateway.ledger.checkpoints import CheckpointStore, Mark, OpenChange, Sealed
from gateway.ledger.entry import Entry, Opened
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import Place
from gateway.ledger.signers import Signers

UNSEALED_ENTRIES_MAX = 1_024
UNSEALED_S_MAX = 1.0

SEAL_FAILURES = (OSError, sqlite3.Error)


class Sealer:
    """The tree over all durable entries, and the last checkpoint of it.

    `documents` are those that were stored since it was opened, by digest with their names; `next`
    is told when the shard is closed.

    INVARIANT: the checkpoint store has a checkpoint before anybody else can see it.
    """

    def __init__(
        self, signers: Signers, store: CheckpointStore, folder: LedgerFolder, files: Files
    ) -> None:
        self.documents: dict[str, str] = {}
        self.next: Next | None = None
        self._signers = signers
        self._store = store
        self._folder = folder
        self._files = files
        self._now_s: Callable[[], float] = monotonic
        self._tree = Tree()
        self._sealed = Head(0, self._tree.root())
        self._mark = Mark()
        self._published = False
        self._doubtful: Sealed | None = None
        self._doubtful_open: dict[str, Opened] = {}
        self._open: dict[str, Opened] = {}
        self._open_sealed: dict[str, Opened] = {}
        self._latest_us = 0
        self._boot = ""
        self._due_s: float | None = None

    @property
    def size(self) -> int:
        """How many entries the tree has."""
        return self._tree.size

    @property
    def head(self) -> Head:
        """Size and root of the tree."""
        return self._tree.head

    @property
    def latest_us(self) -> int:
        """The time that the next record is held against, as `verify` holds it."""
        return self._latest_us

    @property
    def open_requests(self) -> dict[str, Opened]:
        """The requests that were decided and not settled, in the order of the log."""
        return dict(self._open)

    def resume(self, sealed: Sealed, open_requests: dict[str, Opened]) -> None:
        """Go on from the last checkpoint of the store."""
        self._tree = Tree(sealed.mark.size, sealed.mark.frontier)
        self._sealed = sealed.head
        self._mark = sealed.mark
        self._open = dict(open_requests)
        self._open_sealed = dict(open_requests)
        self._latest_us = sealed.latest_us
        self._boot = sealed.boot

    def add(self, entry: Entry) -> int:
        """Take a durable entry into the tree and return its index."""
        index = self._tree.append(leaf_hash(entry.data))
        self._signers.follow(entry)
        self._follow(entry, index)
        self._note_what_it_tells(entry)
        self._latest_us = entry.latest_after(self._latest_us)
        if entry.boot is not None:
            self._boot = entry.boot
        if self._due_s is None:
            self._due_s = self._now_s() + UNSEALED_S_MAX
        return index

    @property
    def is_due(self) -> bool:
        """Must a checkpoint be made now?"""
        waiting = self._tree.size - self._sealed.size
        return waiting >= UNSEALED_ENTRIES_MAX or self.wait_s == 0.0

    @property
    def wait_s(self) -> float | None:
        """The seconds until a checkpoint is due; None when everything is sealed."""
        return None if self._due_s is None else max(0.0, self._due_s - self._now_s())

    def seal(self, end: Place) -> None:
        """Sign the tree, swap the checkpoint in the store, then publish it.

        `end` is the place after the last entry. ChainBroken when the store holds another
        checkpoint than ours; OSError or sqlite3.Error when it cannot be written, and then it is
        due again after `UNSEALED_S_MAX`.
        """
        self._due_s = self._now_s() + UNSEALED_S_MAX
        head = self._tree.head
        note = self._note(head)
        if head.size > self._sealed.size:
            self._swap(head, note, end)
        if not self._published:
            self._files.publish(self._folder.checkpoint, note.encode())
            self._published = True
        self._due_s = None

    def _swap(self, head: Head, note: str, end: Place) -> None:
        self._settle_doubt()
        if head == self._sealed:
            return
        known = self._open_sealed
        change = OpenChange(
            came={key: one for key, one in self._open.items() if known.get(key) != one},
            went=frozenset(known.keys() - self._open.keys()),
        )
        mark = Mark(head.size, self._tree.frontier, end)
        fresh = Sealed(head, note, mark, self._mark, self._latest_us, self._boot)
        try:
            self._store.advance(self._signers.name, self._sealed, fresh, change)
        except sqlite3.Error:
            self._doubtful = fresh
            self._doubtful_open = dict(self._open)
            raise
        self._take(fresh, dict(self._open))

    def _settle_doubt(self) -> None:
        """Look whether the store has the checkpoint whose writing was told to have failed.

        WHY: an error can be told after the commit; the checkpoint that then stands in the store is
        ours, and no sign of a second writer.
        """
        doubtful = self._doubtful
        if doubtful is None:
            return
        if self._store.latest(self._signers.name) == doubtful:
            self._take(doubtful, self._doubtful_open)
        self._doubtful = None

    def _take(self, sealed: Sealed, open_requests: dict[str, Opened]) -> None:
        self._sealed, self._mark = sealed.head, sealed.mark
        self._open_sealed = open_requests
        self._published = False

    def _follow(self, entry: Entry, index: int) -> None:
        if entry.opens is not None:
            self._open[entry.opens] = replace(entry.opened, position=index)
        if entry.tries is not None and (opened := self._open.get(entry.tries)) is not None:
            attempts = (*opened.attempts, entry.tried)
            self._open[entry.tries] = replace(opened, attempts=attempts)
        if entry.closes is not None:
            self._open.pop(entry.closes, None)

    def _note_what_it_tells(self, entry: Entry) -> None:
        if entry.stores is not None:
            digest, name = entry.stores
            self.documents[digest] = name
        if entry.closes_for is not None:
            self.next = entry.closes_for

    def _note(self, head: Head) -> str:
        return self._signers.sign(checkpoint.body(self._signers.name, head.size, head.root))
