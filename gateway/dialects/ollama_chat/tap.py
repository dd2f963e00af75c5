"""Listening to replies that pass through unchanged."""

import re

from gateway.dialects.ollama_chat.wire import decoded, whole
from gateway.domain.dialect import Heard
from gateway.translation.ollama_errors import broken
from gateway.wire.ndjson import Frame

_DONE = re.compile(rb'"done"\s*:\s*true')


def hear(body: bytes) -> Heard:
    """Return what a whole reply says; ValueError when it is not one."""
    line = whole(body)
    if line.error is not None:
        return Heard(broke=broken(line.error))
    called = line.message is not None and bool(line.message.tool_calls)
    return Heard(line.tokens, line.stop(called=called), line.model)


class Tap:
    """Forwards the lines of a stream as they came, and reads the few that matter.

    INVARIANT: after an error, and after the end mark, nothing more is forwarded.
    """

    __slots__ = ("_called", "_frame", "content_seen", "finished", "heard")

    def __init__(self) -> None:
        self._frame = Frame()
        self._called = False
        self.heard = Heard()
        self.content_seen = False
        self.finished = False

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the engine, return bytes for the client."""
        return b"".join([raw + b"\n" for raw in self._frame.feed(chunk) if self._forwards(raw)])

    def _forwards(self, raw: bytes) -> bool:
        if self.finished or self.heard.broke is not None:
            return False
        called = b'"tool_calls"' in raw
        if self.content_seen and not called and b'"error"' not in raw and not _DONE.search(raw):
            return True
        line = decoded(raw)
        if line.error is not None:
            self.heard = Heard(self.heard.usage, model=self.heard.model, broke=broken(line.error))
            return False
        self.content_seen = self.content_seen or line.has_content
        self._called |= line.message is not None and bool(line.message.tool_calls)
        stop = line.stop(called=self._called) if line.done else None
        self.heard = Heard(line.tokens, stop, line.model)
        self.finished = line.done
        return True
