"""Whether a log is what it was, from its bytes, a checkpoint and a key alone."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

from gateway.audit.canonical import EntryUnreadable, decode
from gateway.audit.checkpoint import Checkpoint, NoteRefused, parse_vkey
from gateway.audit.checkpoint import verify as verify_note
from gateway.audit.ends import Carried, Ends, Rotated
from gateway.audit.signed import Signed
from gateway.audit.story import Broken, Story
from gateway.audit.tree import Head, Tree, leaf_hash
from gateway.audit.unsealed import Unsealed


class Verdict(StrEnum):
    """What a verification found."""

    WHOLE = "whole"
    TAMPERED = "tampered"
    UNREADABLE = "unreadable"


class Report(Struct, frozen=True, kw_only=True):
    """What was read, and whether it is what was written.

    `size` is that of the signed checkpoint; `unsealed` counts the records after it (and after every
    head that somebody kept), which no signature covers. `open` counts Decided without Settled,
    `lost` those whose end a crash took. `documents` maps each stored document to the record that
    names it, `blobs` each digest of what no entry could hold, and `vkey` is the key that the first
    record names. `silence_us` is the longest silence while a gateway ran, and `gaps` counts those
    that its heartbeats should have ended; `apart_us` is how far the clock on the wall and the
    machine's own came apart within a boot, without a record that tells. Of `pruned` records only
    the hashes are left, as `pruned_by` says. `first_bad` is the index of the first bad record where
    it can be known. `shards` counts those of a chain, `shard` names the one in which
    `first_bad` stands unless it is the first, and `missing` is a next shard that is named and not
    there. `root` is that of the checkpoint; `ends`, `open_requests`, the times, what was
    `approved`, `granted` and `ended`, and the ids of the `requests`, other shards must fit.
    """

    verdict: Verdict
    reason: str = ""
    first_bad: int | None = None
    origin: str = ""
    vkey: str = ""
    size: int = 0
    records: int = 0
    decided: int = 0
    attempted: int = 0
    settled: int = 0
    admin: int = 0
    open: int = 0
    lost: int = 0
    unsealed: int = 0
    torn: bool = False
    silence_us: int = 0
    gaps: int = 0
    apart_us: int = 0
    documents: dict[str, int] = {}
    blobs: dict[str, int] = {}
    shards: int = 1
    shard: str = ""
    missing: str = ""
    root: bytes = b""
    ends: Ends | None = None
    open_requests: dict[str, Carried] = {}
    began_us: int = 0
    latest_us: int = 0
    approved: frozenset[Signed] = frozenset()
    granted: dict[Signed, int] = {}
    ended: dict[str, int] = {}
    requests: frozenset[str] = frozenset()
    pruned: int = 0
    pruned_by: str = ""


class _Fault(Struct, frozen=True):
    index: int | None
    reason: str


class _Remembered:
    """Leaf hashes as somebody kept them; believed only if they give the signed root."""

    def __init__(self, leaves: Iterable[bytes], size: int) -> None:
        self._leaves = iter(leaves)
        self._size = size
        self._tree = Tree()
        self._first: int | None = None

    def compare(self, leaf: bytes) -> None:
        known = self._next()
        if known is not None and known != leaf and self._first is None:
            self._first = self._tree.size - 1

    def first_difference(self, head: Head) -> int | None:
        """Return the index of the first entry that is not the sealed one."""
        after_last = self._tree.size
        while self._next() is not None:
            pass
        if self._tree.head != head:
            return None
        if self._first is None and after_last < self._size:
            return after_last
        return self._first

    def _next(self) -> bytes | None:
        known = next(self._leaves, None) if self._tree.size < self._size else None
        if known is not None:
            self._tree.append(known)
        return known


class _Reading:
    """One pass over the entries of a log."""

    def __init__(self, sealed: Checkpoint, known: Iterable[Head], leaves: Iterable[bytes]) -> None:
        self.story = Story()
        self._unsealed = Unsealed()
        self._sealed = Head(sealed.size, sealed.root)
        self._roots: dict[int, set[bytes]] = {sealed.size: {sealed.root}}
        for head in known:
            self._roots.setdefault(head.size, set()).add(head.root)
        self._tree = Tree()
        self._remembered = _Remembered(leaves, sealed.size)
        self._kept_size = 0
        self._rule_fault: _Fault | None = None
        self._root_fault: _Fault | None = None

    @property
    def size(self) -> int:
        return self._tree.size

    @property
    def covered(self) -> int:
        """How many records lie under a head that was signed or kept."""
        return max(self._roots)

    def check_root(self) -> None:
        """Compare the root with those that are known of this size."""
        told = self._roots.get(self.size)
        if told is None or self._root_fault is not None:
            return
        if told == {self._tree.root()}:
            self._kept_size = self.size
            return
        first = self._kept_size if self.size - self._kept_size == 1 else None
        where = f"one of the records {self._kept_size} to {self.size - 1} is not the sealed one"
        self._root_fault = _Fault(first, f"the root differs: {where}")

    def take(self, entry: bytes) -> None:
        """Read the next entry."""
        leaf = leaf_hash(entry)
        index = self._tree.append(leaf)
        self._remembered.compare(leaf)
        if self._rule_fault is None:
            self._rule_fault = self._judge(index, entry)
        self.check_root()

    def fault(self) -> _Fault | None:
        """Return the first fault, or None."""
        longest = self.covered
        if self.size < longest and self._root_fault is None:
            ends = f"the log ends before record {self.size}, its checkpoint has {longest} records"
            self._root_fault = _Fault(self.size, ends)
        if self._root_fault is None:
            return self._rule_fault
        first = self._remembered.first_difference(self._sealed)
        if first is not None and first < self.size:
            return _Fault(first, f"record {first} is not the one that was sealed")
        return self._earlier(self._root_fault, self._rule_fault)

    def _judge(self, index: int, entry: bytes) -> _Fault | None:
        try:
            record = decode(entry)
            self.story.read(record)
            if index >= self.covered:
                self._unsealed.read(record)
        except (EntryUnreadable, Broken) as error:
            return _Fault(index, f"record {index}: {error}")
        return None

    @staticmethod
    def _earlier(root_fault: _Fault, rule_fault: _Fault | None) -> _Fault:
        if rule_fault is None:
            return root_fault
        if root_fault.index is None or rule_fault.index is None:
            return _Fault(rule_fault.index, f"{root_fault.reason}; {rule_fault.reason}")
        return min(root_fault, rule_fault, key=lambda fault: fault.index or 0)


def verify(
    entries: Iterable[bytes],
    checkpoint_text: str,
    vkey: str,
    known: Iterable[Head] = (),
    leaves: Iterable[bytes] = (),
) -> Report:
    """Read a whole log and return what it proves.

    `known` are heads that somebody kept (older checkpoints, an anchor): each must fit.
    `leaves` are leaf hashes as an index remembers them: they are no evidence, and used only to
    name the first record that differs, and only if they give the signed root themselves.
    """
    try:
        key = parse_vkey(vkey)
    except NoteRefused as error:
        return Report(verdict=Verdict.UNREADABLE, reason=f"the verifier key: {error}")
    try:
        sealed = verify_note(checkpoint_text, key)
    except NoteRefused as error:
        reason = f"the checkpoint: {error}"
        return Report(verdict=Verdict.TAMPERED, reason=reason, origin=key.name)
    reading = _Reading(sealed, known, leaves)
    reading.check_root()
    for entry in entries:
        reading.take(entry)
    fault = reading.fault()
    if (fault is None or fault.index) and reading.story.ends.origin != key.name:
        fault = _Fault(0, "record 0: the log was created under another origin")
    if fault is None and reading.story.ends.former is None and reading.story.statements.granted:
        fault = _Fault(*untold(reading.story.statements.granted))
    rotated = reading.story.ends.rotated
    if fault is None and rotated and not is_signed_by(checkpoint_text, sealed.size, rotated):
        where = f"the key that record {rotated.index} announced"
        fault = _Fault(rotated.index, f"the checkpoint is not signed with {where}")
    return _report(reading, sealed, fault)


def untold(granted: Mapping[Signed, int]) -> tuple[int, str]:
    """Return the first record that names a grant of which no record tells, and what is wrong."""
    index = min(granted.values())
    return index, f"record {index}: it was decided with a grant that no record tells of"


def is_signed_by(note: str, size: int, rotated: Rotated | None) -> bool:
    """Does a checkpoint of that size carry the signature of the key that was announced below it?

    WHY: from then on the first key alone, which may have been stolen, proves nothing.
    """
    if rotated is None or size <= rotated.index:
        return True
    try:
        verify_note(note, rotated.vkey)
    except NoteRefused:
        return False
    return True


def _report(reading: _Reading, sealed: Checkpoint, fault: _Fault | None) -> Report:
    story = reading.story
    return Report(
        verdict=Verdict.WHOLE if fault is None else Verdict.TAMPERED,
        reason="" if fault is None else fault.reason,
        first_bad=None if fault is None else fault.index,
        origin=sealed.origin,
        vkey=story.ends.vkey,
        size=sealed.size,
        records=reading.size,
        decided=story.decided,
        attempted=story.attempted,
        settled=story.settled,
        admin=story.admin,
        open=story.open,
        lost=story.lost,
        unsealed=max(0, reading.size - reading.covered),
        silence_us=story.silence.longest_us,
        gaps=story.silence.gaps,
        apart_us=story.clocks.apart_us,
        documents=story.documents,
        blobs=story.blobs,
        root=sealed.root,
        ends=story.ends,
        open_requests=story.open_requests,
        began_us=story.began_us,
        latest_us=story.latest_us,
        approved=frozenset(story.statements.approved),
        granted=story.statements.granted,
        ended=story.statements.ended,
        requests=story.requests,
    )
