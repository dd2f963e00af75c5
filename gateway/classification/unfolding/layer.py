"""Texts that were unfolded from others, joined as those were, with the way back."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from gateway.classification.texts import EDGE, SEPARATOR, Place
from gateway.classification.unfolding.folding import unfolded

_NOT_EDGE = b"?"
_CONTINUATION = bytes(range(0x80, 0xC0))


class Texts(Protocol):
    """Joined texts, raw or unfolded."""

    @property
    def buffer(self) -> bytes:
        """The texts between separators."""

    def place(self, start: int, end: int) -> Place:
        """Return the place in the body of a span of the buffer."""

    def depth(self, number: int) -> int:
        """Return how many decodings lie between the body and the text of that number."""

    def is_derived(self, start: int) -> bool:
        """Does the span stand in a text that was made from another one?"""

    def is_reasoning(self, start: int) -> bool:
        """Does the span stand where a model's maker keeps reasoning that only it reads?"""


class Piece(Struct, frozen=True):
    """One unfolded text: the span that it came from, its depth, and the text that was folded.

    `folded` is empty for what was decoded: nothing in it has characters of its own.
    """

    text: bytes
    start: int
    end: int
    depth: int
    folded: str = ""


class Layer:
    """Pieces of one unfolding, joined; `parent` is what they were unfolded from."""

    __slots__ = ("_parent", "_pieces", "buffer")

    def __init__(self, parent: Texts, pieces: list[Piece]) -> None:
        self._parent = parent
        self._pieces = pieces
        texts = (piece.text.replace(EDGE, _NOT_EDGE) for piece in pieces)
        self.buffer = SEPARATOR.join((b"", *texts, b""))

    def __repr__(self) -> str:
        """Return the size alone: the texts are of the prompt."""
        return f"Layer({len(self._pieces)} texts, {len(self.buffer)} bytes)"

    def place(self, start: int, end: int) -> Place:
        """Return the place in the body: of a folded text those characters, else the whole span."""
        last = max(end - 1, 0)
        while last > 0 and self.buffer[last] in SEPARATOR:
            last -= 1
        begin = self.buffer.rfind(EDGE, 0, last) + 2
        piece = self._pieces[max(self.buffer.count(EDGE, 0, begin) - 1, 0)]
        if not piece.folded:
            return self._parent.place(piece.start, piece.end)
        first, stop = unfolded(piece.folded, max(start - begin, 0), last + 1 - begin)
        return self._parent.place(piece.start + first, piece.start + stop)

    def depth(self, number: int) -> int:
        """Return how many decodings lie between the body and the text of that number."""
        return self._pieces[number].depth

    def is_derived(self, _start: int) -> bool:
        """All of them were."""
        return True

    def is_reasoning(self, _start: int) -> bool:
        """What was unfolded is nobody's reasoning."""
        return False


def spans(buffer: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a span that stand in one text each, widened to whole characters."""
    end = min(end, len(buffer))
    while start < end:
        edge = buffer.find(EDGE, start, end)
        stop = end if edge < 0 else edge
        following = stop + 1
        while start < stop and buffer[start] in _CONTINUATION:
            start += 1
        while edge < 0 and stop < len(buffer) and buffer[stop] in _CONTINUATION:
            stop += 1
        if buffer[start:stop].strip(SEPARATOR):
            yield start, stop
        start = following
