"""Listening to a stream that passes through unchanged."""

from collections.abc import Callable

from gateway.dialects.bedrock_converse.reply import broke_in
from gateway.dialects.bedrock_converse.wire import (
    BlockStart,
    MessageStop,
    Metadata,
    decoded,
    stopped,
)
from gateway.domain.dialect import Heard
from gateway.domain.route import FailureKind
from gateway.wire.eventstream import Frame, Message


class Tap:
    """Forwards the messages of a stream as they came, and reads the few that matter.

    INVARIANT: after an error, and after the end mark, nothing more is forwarded. ValueError when a
    checksum is wrong, or a message that must be read cannot be.
    """

    __slots__ = ("_called", "_frame", "_notes", "content_seen", "finished", "heard")

    def __init__(self) -> None:
        self._frame = Frame()
        self._called = False
        self.heard = Heard()
        self.content_seen = False
        self.finished = False
        self._notes: dict[str, Callable[[bytes], None]] = {
            "contentBlockStart": self._note_block,
            "contentBlockDelta": self._note_delta,
            "messageStop": self._note_stop,
            "metadata": self._note_end,
        }

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the engine, return bytes for the client."""
        return b"".join([one.raw for one in self._frame.feed(chunk) if self._forwards(one)])

    def _forwards(self, message: Message) -> bool:
        if self.finished or self.heard.broke is not None:
            return False
        broke = broke_in(message)
        if broke is not None:
            told = (FailureKind(broke.code), broke.said)
            self.heard = Heard(self.heard.usage, self.heard.stop, broke=told)
            return False
        note = self._notes.get(message.headers.get(":event-type", ""))
        if note is not None:
            note(message.data)
        return True

    def _note_block(self, data: bytes) -> None:
        if decoded(data, BlockStart).start.tool_use is not None:
            self.content_seen = self._called = True

    def _note_delta(self, _data: bytes) -> None:
        self.content_seen = True

    def _note_stop(self, data: bytes) -> None:
        stop = decoded(data, MessageStop)
        told = stopped(stop.stop_reason, None, called=self._called)
        self.heard = Heard(self.heard.usage, told.reason)

    def _note_end(self, data: bytes) -> None:
        # WHY: usage comes after the stop, and costs would be lost with it.
        self.finished = self.heard.stop is not None
        self.heard = Heard(decoded(data, Metadata).usage.tokens, self.heard.stop)
