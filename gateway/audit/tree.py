"""The Merkle tree of RFC 6962 over entries, kept as its compact frontier.

Every hash is 32 bytes of SHA-256. Proofs are tuples of hashes, from the leaf upwards.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from msgspec import Struct

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Proof = tuple[bytes, ...]


class Head(Struct, frozen=True):
    """The state of a tree: how many leaves, and the root over them."""

    size: int
    root: bytes


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf."""
    # WHY: RFC 6962 section 2.1: leaf and node differ in prefix, or a node could pass for a leaf.
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two subtrees."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows; it keeps one hash for each bit that is set in its size.

    `frontier` holds the roots of the perfect subtrees, the largest first.
    """

    __slots__ = ("_frontier", "_size")

    def __init__(self, size: int = 0, frontier: Sequence[bytes] = ()) -> None:
        if size < 0 or len(frontier) != size.bit_count():
            raise ValueError("a frontier has one hash for each bit of the size")
        self._size = size
        self._frontier = list(frontier)

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self._size

    @property
    def frontier(self) -> Proof:
        """The roots of the perfect subtrees, the largest first."""
        return tuple(self._frontier)

    @property
    def head(self) -> Head:
        """Size and root."""
        return Head(self._size, self.root())

    def append(self, leaf: bytes) -> int:
        """Add a leaf hash and return its index."""
        index = self._size
        carry = leaf
        for _ in range(_trailing_ones(index)):
            carry = node_hash(self._frontier.pop(), carry)
        self._frontier.append(carry)
        self._size += 1
        return index

    def root(self) -> bytes:
        """Return the root over all leaves; of no leaves, the hash of nothing."""
        if not self._frontier:
            return EMPTY_ROOT
        root = self._frontier[-1]
        for subtree in reversed(self._frontier[:-1]):
            root = node_hash(subtree, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> Proof:
    """Return the proof that the leaf of that index is in the tree of all those leaves."""
    if not 0 <= index < len(leaves):
        raise IndexError("no such leaf")
    if len(leaves) == 1:
        return ()
    split = _split(len(leaves))
    if index < split:
        return (*inclusion_proof(leaves[:split], index), root_of(leaves[split:]))
    return (*inclusion_proof(leaves[split:], index - split), root_of(leaves[:split]))


def consistency_proof(leaves: Sequence[bytes], size: int) -> Proof:
    """Return the proof that the tree of the first `size` leaves grew into that of them all."""
    if not 0 <= size <= len(leaves):
        raise IndexError("no such size")
    if size in (0, len(leaves)):
        return ()
    return _subproof(leaves, size, whole=True)


def verify_inclusion(leaf: bytes, index: int, proof: Proof, head: Head) -> bool:
    """Does the proof show that the leaf stands at that index of the tree?"""
    if not 0 <= index < head.size:
        return False
    node, last, root = index, head.size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            root = node_hash(step, root)
            node, last = _past_lone_nodes(node, last)
        else:
            root = node_hash(root, step)
        node, last = node >> 1, last >> 1
    return last == 0 and root == head.root


def verify_consistency(old: Head, new: Head, proof: Proof) -> bool:
    """Does the proof show that the new tree begins with the old one?"""
    if not 0 <= old.size <= new.size:
        return False
    if old.size == new.size:
        return not proof and old.root == new.root
    if old.size == 0:
        return not proof and old.root == EMPTY_ROOT
    # WHY: RFC 9162 section 2.1.4.2: a perfect old tree is itself the first node of the path.
    path = proof if old.size & (old.size - 1) else (old.root, *proof)
    return bool(path) and _climb(old, new, path)


def _climb(old: Head, new: Head, path: Proof) -> bool:
    skip = _trailing_ones(old.size - 1)
    node, last = (old.size - 1) >> skip, (new.size - 1) >> skip
    old_root = new_root = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_root, new_root = node_hash(step, old_root), node_hash(step, new_root)
            node, last = _past_lone_nodes(node, last)
        else:
            new_root = node_hash(new_root, step)
        node, last = node >> 1, last >> 1
    return last == 0 and old_root == old.root and new_root == new.root


def _past_lone_nodes(node: int, last: int) -> tuple[int, int]:
    while not node & 1 and node:
        node, last = node >> 1, last >> 1
    return node, last


def _subproof(leaves: Sequence[bytes], size: int, *, whole: bool) -> Proof:
    if size == len(leaves):
        return () if whole else (root_of(leaves),)
    split = _split(len(leaves))
    if size <= split:
        return (*_subproof(leaves[:split], size, whole=whole), root_of(leaves[split:]))
    return (*_subproof(leaves[split:], size - split, whole=False), root_of(leaves[:split]))


def _split(size: int) -> int:
    """Return the largest power of two below that size."""
    return 1 << ((size - 1).bit_length() - 1)


def _trailing_ones(number: int) -> int:
    return (~number & (number + 1)).bit_length() - 1
