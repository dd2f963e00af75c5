"""What a pruned shard still proves, and whether the ledger says that it was pruned."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from gateway.audit.canonical import EntryUnreadable, decode
from gateway.audit.checkpoint import NOTE_CHARACTERS_MAX, NoteRefused, Vkey, parse
from gateway.audit.ends import Ends, Next, told
from gateway.audit.record import Admin
from gateway.audit.tree import Head, Tree
from gateway.audit.verify import Report, Verdict
from gateway.domain.errors import ChainBroken
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.pruning import last_of, read_leaves, sealed_of
from gateway.ledger.reading import Reading

PRUNED = "pruned"
CLOSED = "shard_closed"
_NAMED = b'"pruned"'


class Told(Struct, frozen=True):
    """The record that says a shard was pruned: in which shard, at which index, of which head."""

    shard: str
    index: int
    size: int
    root: str


def told_in(shards: Iterable[LedgerFolder]) -> dict[str, Told]:
    """Return what the journals of these shards say of pruned ones, by origin; OSError.

    INVARIANT: what no checkpoint covers says nothing: anybody who may write to the folder could
    have put it there.
    """
    found: dict[str, Told] = {}
    for folder in shards:
        size = _sealed_size(folder)
        for stored in Reading(folder):
            if stored.index >= size:
                break
            if _NAMED in stored.entry:
                found |= _of_entry(folder.root.name, stored.index, stored.entry)
    return found


def _sealed_size(folder: LedgerFolder) -> int:
    """Return how many records the checkpoint of a shard covers; whoever reads on verifies it."""
    try:
        note = read_plain(folder.checkpoint, NOTE_CHARACTERS_MAX).decode()
        text, _, _ = note.rpartition("\n\n")
        return parse(text + "\n").size
    except (NoteRefused, UnicodeDecodeError):
        return 0


def report_of(
    folder: LedgerFolder, key: Vkey, known: Iterable[Head], later: Sequence[LedgerFolder]
) -> Report:
    """Return what the leaves of a pruned shard prove; `later` are the shards that follow it.

    INVARIANT: without a record that says so, a shard whose content is gone was tampered with.
    """
    sealed = sealed_of(folder, key)
    head = Head(sealed.size, sealed.root)
    fault = _fault(folder, head, known)
    said = told_in(later).get(sealed.origin)
    if not fault and said is None:
        fault = "what its records say is gone, and no record says that it was pruned"
    if not fault and said is not None and (said.size, said.root) != (head.size, head.root.hex()):
        fault = "the record that says it was pruned speaks of another log"
    if fault or said is None:
        return Report(verdict=Verdict.TAMPERED, reason=fault, origin=sealed.origin)
    return Report(
        verdict=Verdict.WHOLE,
        origin=sealed.origin,
        size=sealed.size,
        vkey=str(key),
        root=sealed.root,
        ends=_ends(folder, key),
        pruned=sealed.size,
        pruned_by=f"record {said.index} of {said.shard}",
    )


def _ends(folder: LedgerFolder, key: Vkey) -> Ends:
    """Return which shard follows, as the last record says, which the leaves prove."""
    ends, last = Ends(), last_of(folder)
    ends.go_on(key, None)
    if last is not None and last.what == CLOSED:
        ends.next = told(last.facts, Next)
    return ends


def _fault(folder: LedgerFolder, head: Head, known: Iterable[Head]) -> str:
    """Return what is wrong with the leaves; empty when they give every root that is known."""
    roots = {head.size: {head.root}}
    for one in known:
        roots.setdefault(one.size, set()).add(one.root)
    tree = Tree()
    wrong = [] if _fits(tree, roots) else [0]
    try:
        for leaf in read_leaves(folder):
            tree.append(leaf)
            wrong += [tree.size] if not _fits(tree, roots) else []
    except (OSError, ChainBroken):
        return "its leaves cannot be read"
    if wrong:
        return f"the leaves do not give the root of {wrong[0]} records"
    return "" if tree.size == head.size else "its leaves are not as many as were sealed"


def _fits(tree: Tree, roots: dict[int, set[bytes]]) -> bool:
    told = roots.get(tree.size)
    return told is None or told == {tree.root()}


def _of_entry(shard: str, index: int, entry: bytes) -> dict[str, Told]:
    try:
        record = decode(entry)
    except EntryUnreadable:
        return {}
    if not isinstance(record, Admin) or record.what != PRUNED:
        return {}
    origin, size, root = (record.facts.get(name) for name in ("origin", "size", "root"))
    if type(size) is not int or not isinstance(origin, str) or not isinstance(root, str):
        return {}
    return {origin: Told(shard, index, size, root)}
