"""Listening to replies that pass through unchanged."""

from collections.abc import Callable

from gateway.dialects.anthropic_messages.wire import (
    BlockStarted,
    Changed,
    Failed,
    Started,
    decoded,
    message,
    stopped,
    tokens,
)
from gateway.domain.dialect import Heard
from gateway.wire.sse import Frame, Payload

_EMPTY_AT_START = frozenset({"text", "thinking"})


def hear(body: bytes) -> Heard:
    """Return what a whole reply says; ValueError when it is not one."""
    whole = message(body)
    if whole.error is not None:
        return Heard(broke=whole.error.heard)
    return Heard(tokens(whole.usage), stopped(whole.stop_reason), whole.model)


class Tap:
    """Forwards the events of a stream as they came, and reads the few that matter.

    INVARIANT: after an error, and after the end mark, nothing more is forwarded. ValueError when
    an event that must be read cannot be.
    """

    __slots__ = ("_frame", "_notes", "content_seen", "finished", "heard")

    def __init__(self) -> None:
        self._frame = Frame()
        self.heard = Heard()
        self.content_seen = False
        self.finished = False
        self._notes: dict[bytes, Callable[[bytes], None]] = {
            b"content_block_delta": self._note_delta,
            b"content_block_start": self._note_block,
            b"message_start": self._note_start,
            b"message_delta": self._note_change,
            b"message_stop": self._note_stop,
            b"error": self._note_error,
            b"": self._note_nameless,
        }

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the engine, return bytes for the client."""
        return b"".join(
            [payload.raw for payload in self._frame.feed(chunk) if self._forwards(payload)]
        )

    def _forwards(self, payload: Payload) -> bool:
        if self.finished or self.heard.broke is not None:
            return False
        note = self._notes.get(payload.event)
        if note is not None:
            note(payload.data)
        return self.heard.broke is None

    def _note_delta(self, _data: bytes) -> None:
        self.content_seen = True

    def _note_block(self, data: bytes) -> None:
        self.content_seen = self.content_seen or _has_content(data)

    def _note_start(self, data: bytes) -> None:
        started = decoded(data, Started).message
        self.heard = Heard(tokens(started.usage, self.heard.usage), model=started.model)

    def _note_change(self, data: bytes) -> None:
        changed = decoded(data, Changed)
        usage = tokens(changed.usage, self.heard.usage)
        stop = stopped(changed.delta.stop_reason) or self.heard.stop
        self.heard = Heard(usage, stop, self.heard.model)

    def _note_stop(self, _data: bytes) -> None:
        self.finished = True

    def _note_error(self, data: bytes) -> None:
        fault = decoded(data, Failed).error
        self.heard = Heard(self.heard.usage, self.heard.stop, self.heard.model, fault.heard)

    def _note_nameless(self, data: bytes) -> None:
        if b'"error"' in data:
            self._note_error(data)


def _has_content(data: bytes) -> bool:
    """Does the block begin with something, as a tool call does and a text does not?"""
    block = decoded(data, BlockStarted).content_block
    return block.type not in _EMPTY_AT_START or bool(block.text or block.thinking)
