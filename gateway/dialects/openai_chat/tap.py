"""Listens to a stream that passes through unchanged."""

from msgspec.structs import replace

from gateway.dialects.openai_chat.chunk import (
    DONE,
    ERROR_EVENT,
    Chunk,
    broke,
    decode,
    stopped,
    tokens,
)
from gateway.domain.dialect import Heard
from gateway.translation.openai_fault import failure_in
from gateway.wire.sse import Frame, Payload


class ChatTap:
    """A Tap for chat completions; of several choices the first one to stop gives the reason.

    `feed` raises ValueError for an event over the bound, and for one that should be read and is
    no chunk. A stream that broke never counts as finished, and nothing of it passes any more.
    """

    __slots__ = ("_content_seen", "_finished", "_frame", "_heard", "_usage_wanted")

    def __init__(self, usage_wanted: bool) -> None:  # noqa: FBT001
        self._frame = Frame()
        self._usage_wanted = usage_wanted
        self._heard = Heard()
        self._content_seen = False
        self._finished = False

    @property
    def heard(self) -> Heard:
        """What was found so far."""
        return self._heard

    @property
    def content_seen(self) -> bool:
        """Has any text, reasoning or tool call passed?"""
        return self._content_seen

    @property
    def finished(self) -> bool:
        """Has `[DONE]` been seen, in a stream that did not break?"""
        return self._finished

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the engine, return bytes for the client."""
        return b"".join([p.raw for p in self._frame.feed(chunk) if self._passes(p)])

    def _passes(self, payload: Payload) -> bool:
        if self._finished or self._heard.broke is not None:
            return False
        data = payload.data
        if data.startswith(DONE):
            self._finished = True
            return True
        if payload.event != ERROR_EVENT and (not data or (self._content_seen and not _tells(data))):
            return True
        return self._listen(payload)

    def _listen(self, payload: Payload) -> bool:
        if payload.event == ERROR_EVENT or broke(chunk := decode(payload.data)):
            self._heard = replace(self._heard, broke=failure_in(payload.data))
            return False
        self._note(chunk)
        return bool(chunk.choices) or chunk.usage is None or self._usage_wanted

    def _note(self, chunk: Chunk) -> None:
        heard = self._heard
        choices = chunk.choices or []
        if not self._content_seen:
            self._content_seen = any(
                c.delta is not None and c.delta.says_something for c in choices
            )
        stops = [stop.reason for choice in choices if (stop := stopped(choice)) is not None]
        self._heard = Heard(
            usage=tokens(chunk.usage) or heard.usage,
            stop=heard.stop or (stops[0] if stops else None),
            model=heard.model or (chunk.model if isinstance(chunk.model, str) else ""),
        )


def _tells(data: bytes) -> bool:
    """May the event hold usage, a finish reason or an error?

    A string inside JSON cannot match: its quotation marks are escaped. A false alarm costs a parse.
    """
    return (
        data.count(b'"usage"') != data.count(b'"usage":null')
        or data.count(b'"finish_reason"') != data.count(b'"finish_reason":null')
        or b'"error"' in data
    )
