"""Texts that were unfolded from others, joined as those were, with the way back."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from gateway.classification.parts import CONTINUATION, EDGE, SEPARATOR, Parts, last_byte
from gateway.classification.texts import Place
from gateway.classification.unfolding.folding import WayBack

_NOT_EDGE = b"?"


class Texts(Protocol):
    """Joined texts, raw or unfolded."""

    @property
    def buffer(self) -> bytes:
        """The texts between separators."""

    def place(self, start: int, end: int) -> Place:
        """Return the place in the body of a span of the buffer."""

    def depth(self, number: int) -> int:
        """Return how many decodings lie between the body and the text of that number."""

    def is_folded(self, number: int) -> bool:
        """Was the text of that number folded already?"""

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

    __slots__ = ("_parent", "_parts", "_pieces", "_ways", "buffer")

    def __init__(self, parent: Texts, pieces: list[Piece]) -> None:
        self._parent = parent
        self._pieces = pieces
        texts = (piece.text.replace(EDGE, _NOT_EDGE) for piece in pieces)
        self.buffer = SEPARATOR.join((b"", *texts, b""))
        self._parts = Parts(self.buffer)
        self._ways: dict[int, WayBack] = {}

    def __repr__(self) -> str:
        """Return the size alone: the texts are of the prompt."""
        return f"Layer({len(self._pieces)} texts, {len(self.buffer)} bytes)"

    def place(self, start: int, end: int) -> Place:
        """Return the place in the body: of a folded text those characters, else the whole span."""
        last = last_byte(self.buffer, end)
        part = self._parts.at(last)
        piece = self._pieces[part.number]
        if not piece.folded:
            return self._parent.place(piece.start, piece.end)
        way = self._ways.get(part.number)
        if way is None:
            way = self._ways[part.number] = WayBack(piece.folded)
        first, stop = way.span(max(start - part.begin, 0), last + 1 - part.begin)
        return self._parent.place(piece.start + first, piece.start + stop)

    def depth(self, number: int) -> int:
        """Return how many decodings lie between the body and the text of that number."""
        return self._pieces[number].depth

    def is_folded(self, number: int) -> bool:
        """Was the text of that number folded? It would fold to itself."""
        return bool(self._pieces[number].folded)

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
        while start < stop and buffer[start] in CONTINUATION:
            start += 1
        while edge < 0 and stop < len(buffer) and buffer[stop] in CONTINUATION:
            stop += 1
        if buffer[start:stop].strip(SEPARATOR):
            yield start, stop
        start = following
