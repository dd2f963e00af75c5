"""Listens to a stream that passes through unchanged."""

from msgspec.structs import replace

from gateway.dialects.openai_responses import wire
from gateway.dialects.openai_responses.fault import failure_in
from gateway.dialects.openai_responses.reader import is_broken
from gateway.domain.dialect import Heard
from gateway.translation.faults import object_in
from gateway.wire.sse import Frame, Payload

# Events that say nothing but that more will come: they need no look.
_DELTA = b".delta"
_ENDS = (wire.COMPLETED, wire.INCOMPLETE)
_LISTENED = frozenset(name.encode() for name in (*_ENDS, wire.FAILED, wire.ERROR, wire.ITEM_ADDED))
_CONTENT_FREE = frozenset({"message", "reasoning"})


class ResponsesTap:
    """A Tap for responses; usage is part of the final response and always passes.

    `feed` raises ValueError for an event over the bound, and for one that should be read and is
    none. A stream that broke never counts as finished, and nothing of it passes any more.
    """

    __slots__ = ("_frame", "content_seen", "finished", "heard")

    def __init__(self, usage_wanted: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        self._frame = Frame()
        self.heard = Heard()
        self.content_seen = False
        self.finished = False

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the engine, return bytes for the client."""
        return b"".join([p.raw for p in self._frame.feed(chunk) if self._passes(p)])

    def _passes(self, payload: Payload) -> bool:
        if self.finished or self.heard.broke is not None:
            return False
        if payload.event.endswith(_DELTA):
            self.content_seen = True
            return True
        if payload.data and (not payload.event or payload.event in _LISTENED):
            return self._listen(payload)
        return True

    def _listen(self, payload: Payload) -> bool:
        found = None if payload.event == b"error" else wire.happened(payload.data)
        if found is None or is_broken(found):
            self.heard = replace(self.heard, broke=failure_in(object_in(payload.data)))
            return False
        if found.type in _ENDS:
            self._note(found.response or wire.Response())
        elif found.type.endswith(_DELTA.decode()):
            self.content_seen = True
        elif found.type == wire.ITEM_ADDED and found.item is not None:
            self.content_seen = self.content_seen or found.item.type not in _CONTENT_FREE
        return True

    def _note(self, response: wire.Response) -> None:
        self.finished = True
        model = response.model if isinstance(response.model, str) else ""
        self.heard = Heard(wire.tokens(response.usage), wire.stopped(response).reason, model)
