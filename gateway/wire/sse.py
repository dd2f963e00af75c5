"""Server-sent events: bytes in, payloads out, no byte lost."""

import re

from msgspec import Struct

EVENT_BYTES_MAX = 8 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_TAIL = 3
# WHY: a CR that ends what has come may be the first half of CRLF, so another byte must follow it;
# not so after a bare CR, because that stream ends its lines in CR alone. So the cut depends on the
# bytes only, never on the chunks.
_END = re.compile(rb"(?>\r\n|\n)(?>\r\n|\n|\r(?=[^\n]))|\r\r")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Payload(Struct, frozen=True, gc=False):
    """One event: its exact bytes with the closing blank line, its name and its data.

    `data` is empty for a comment or a keep-alive, which can be forwarded all the same.
    """

    raw: bytes
    event: bytes
    data: bytes


class Frame:
    """Cuts a stream into events, wherever the chunks were cut."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def rest(self) -> bytes:
        """The bytes of an event that has not ended."""
        return bytes(self._rest)

    def feed(self, chunk: bytes) -> list[Payload]:
        """Return the events that the chunk completes; ValueError over EVENT_BYTES_MAX."""
        seen = len(self._rest)
        self._rest += chunk
        ends = _ends(self._rest, max(seen - _TAIL, 0))
        if not ends:
            _bound(len(self._rest))
            return []
        data = bytes(self._rest)
        del self._rest[: ends[-1]]
        payloads = []
        begin = 0
        for end in ends:
            _bound(end - begin)
            payloads.append(_payload(data[begin:end]))
            begin = end
        _bound(len(self._rest))
        return payloads


def _bound(size: int) -> None:
    if size > EVENT_BYTES_MAX:
        raise ValueError(f"an event is larger than {EVENT_BYTES_MAX} bytes")


def _ends(data: bytearray, start: int) -> list[int]:
    """Return the positions right after each blank line."""
    if b"\r" in data:
        return [match.end() for match in _END.finditer(data, start)]
    ends = []
    found = data.find(b"\n\n", start)
    while found >= 0:
        ends.append(found + 2)
        found = data.find(b"\n\n", found + 2)
    return ends


def _payload(raw: bytes) -> Payload:
    """Read one event; the usual one, a single data line, costs no loop over lines."""
    if raw.startswith(b"data:") and raw.find(b"\n", 5) == len(raw) - 2 and b"\r" not in raw:
        return Payload(raw, b"", raw[6:-2] if raw.startswith(b" ", 5) else raw[5:-2])
    event = b""
    data = []
    for line in _LINE_END.split(raw.removeprefix(_BOM)):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            event = value.removeprefix(b" ")
    return Payload(raw, event, b"\n".join(data))
