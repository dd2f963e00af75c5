"""Newline-delimited JSON: bytes in, lines out."""

LINE_BYTES_MAX = 8 * 1024 * 1024


class Frame:
    """Cuts a stream into lines, wherever the chunks were cut."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def rest(self) -> bytes:
        """The bytes of a line that has not ended."""
        return bytes(self._rest)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that the chunk completes, without their ends; blank ones are dropped.

        ValueError over LINE_BYTES_MAX.
        """
        self._rest += chunk
        whole = b""
        if b"\n" in chunk:
            end = self._rest.rindex(b"\n") + 1
            whole = bytes(self._rest[:end])
            del self._rest[:end]
        lines = [line for part in whole.split(b"\n") if (line := part.removesuffix(b"\r"))]
        if max(map(len, lines), default=0) > LINE_BYTES_MAX or len(self._rest) > LINE_BYTES_MAX:
            raise ValueError(f"a line is larger than {LINE_BYTES_MAX} bytes")
        return lines
