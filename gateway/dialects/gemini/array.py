"""A stream as one JSON array, which a client gets that does not ask for `alt=sse`."""

from gateway.dialects.gemini.errors import told
from gateway.domain.errors import GatewayError
from gateway.wire.sse import Frame


class Array:
    """Carries server-sent events into one JSON array, and ends it."""

    __slots__ = ("_frame", "_said")

    def __init__(self) -> None:
        self._frame = Frame()
        self._said = False

    def feed(self, chunk: bytes) -> bytes:
        """Return the elements that the bytes complete."""
        payloads = self._frame.feed(chunk)
        return b"".join(self._next(payload.data) for payload in payloads if payload.data)

    def end(self, last: bytes) -> bytes:
        """Return the end of the array, after one more element where there is one."""
        return (self._next(last) if last else b"" if self._said else b"[") + b"]"

    def _next(self, element: bytes) -> bytes:
        opened, self._said = self._said, True
        return (b",\r\n" if opened else b"[") + element


def stream_error(error: GatewayError, record_id: str) -> bytes:
    """Return the element that ends a broken stream."""
    return told(error, record_id)
