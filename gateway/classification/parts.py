"""The texts of a joined buffer: which one a byte stands in, and which character of it that is."""

# WHY: 0xff stands in no UTF-8 text, so no body can fake the edge of a string, and a pattern that
# excludes it cannot match from one string into the next. The line breaks let a pattern that ends
# in white space end at the end of a string.
EDGE = b"\xff"
SEPARATOR = b"\n" + EDGE + b"\n"

CONTINUATION = bytes(range(0x80, 0xC0))


class Part:
    """One text of a buffer; its characters are counted on from where they were asked for last.

    WHY: thousands of findings may stand in one text of a megabyte.
    """

    __slots__ = ("_ascii", "_at", "_counted", "_text", "begin", "number", "size")

    def __init__(self, number: int, begin: int, text: bytes) -> None:
        self.number = number
        self.begin = begin
        self.size = len(text)
        self._text = text
        self._ascii = text.isascii()
        self._at = self._counted = 0

    def widened(self, start: int, low: int, high: int) -> int:
        """Return where the character begins of which that byte is one, not before `low`."""
        while low < start < high and self._text[start] in CONTINUATION:
            start -= 1
        return start

    def characters(self, end: int) -> int:
        """Return how many characters stand in front of that byte of the text."""
        if self._ascii:
            return end
        if end < self._at:
            return _count(self._text[:end])
        self._counted += _count(self._text[self._at : end])
        self._at = end
        return self._counted


class Parts:
    """All texts of a buffer. Places are mostly asked for in order, which costs least."""

    __slots__ = ("_at", "_buffer", "_edges", "_near")

    def __init__(self, buffer: bytes) -> None:
        self._buffer = buffer
        self._at = self._edges = 0
        self._near: Part | None = None

    def edges(self, end: int) -> int:
        """Return how many edges stand in front of that byte."""
        if end < self._at:
            return self._buffer.count(EDGE, 0, end)
        self._edges += self._buffer.count(EDGE, self._at, end)
        self._at = end
        return self._edges

    def at(self, place: int) -> Part:
        """Return the text in which that byte stands."""
        near = self._near
        if near is None or not 0 <= place - near.begin < near.size:
            begin = self._buffer.rfind(EDGE, 0, place) + 2
            text = self._buffer[begin : self._buffer.find(EDGE, begin) - 1]
            near = self._near = Part(max(self.edges(begin) - 1, 0), begin, text)
        return near


def last_byte(buffer: bytes, end: int) -> int:
    """Return where the last byte stands of what ends there, without a separator.

    WHY: a match may have swallowed the separator behind its text.
    """
    last = max(end - 1, 0)
    while last > 0 and buffer[last] in SEPARATOR:
        last -= 1
    return last


def _count(text: bytes) -> int:
    return len(text) if text.isascii() else len(text.translate(None, CONTINUATION))
