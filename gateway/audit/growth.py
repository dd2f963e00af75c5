"""The proof that a log grew from an older size, from its frontier there and the leaves since then.

Nothing before the older size is read again: of that part a consistency proof holds only roots of
perfect subtrees, and these are the frontier.
"""

from gateway.audit.tree import Proof, Tree


class Growth:
    """Takes the leaves from the size `old` to the size `new` in order; then `proof` is there.

    It holds one hash for each bit of a size, however many leaves pass.
    """

    def __init__(self, old: int, frontier: Proof, new: int) -> None:
        if not 0 <= old <= new:
            raise ValueError("a log never shrinks")
        self._tree = Tree(old, frontier)
        self._new = new
        self._peaks = _peaks(old, frontier)
        self._parts = _parts(old, new) if 0 < old < new else []
        self._spans = {span: Tree() for span in self._parts if span not in self._peaks}

    @property
    def tree(self) -> Tree:
        """The tree over all leaves so far."""
        return self._tree

    def take(self, leaf: bytes) -> None:
        """Take the next leaf."""
        index = self._tree.append(leaf)
        for (begin, end), span in self._spans.items():
            if begin <= index < end:
                span.append(leaf)

    @property
    def proof(self) -> Proof:
        """The consistency proof of RFC 6962; ValueError before every leaf was taken."""
        if self._tree.size != self._new:
            raise ValueError("leaves are missing")
        known = self._peaks | {span: tree.root() for span, tree in self._spans.items()}
        return tuple(known[part] for part in self._parts)


Span = tuple[int, int]


def _peaks(size: int, frontier: Proof) -> dict[Span, bytes]:
    """Return the perfect subtrees of a log of that size by the leaves that they hold."""
    peaks: dict[Span, bytes] = {}
    begin = 0
    for peak, height in zip(frontier, _bits(size), strict=True):
        peaks[begin, begin + (1 << height)] = peak
        begin += 1 << height
    return peaks


def _bits(number: int) -> list[int]:
    return [bit for bit in reversed(range(number.bit_length())) if number >> bit & 1]


def _parts(old: int, new: int) -> list[Span]:
    """Return the subtrees of which a consistency proof holds the roots, in its order."""
    parts: list[Span] = []
    begin, end, whole = 0, new, True
    while old != end:
        split = begin + (1 << (end - begin - 1).bit_length() - 1)
        if old <= split:
            parts.append((split, end))
            end = split
        else:
            parts.append((begin, split))
            begin, whole = split, False
    if not whole:
        parts.append((begin, end))
    return parts[::-1]
