"""Listening to replies that pass through unchanged."""

from gateway.dialects.gemini.errors import failure_in
from gateway.dialects.gemini.wire import Reply, decoded, stopped, text, whole
from gateway.domain.dialect import Heard
from gateway.domain.money import Tokens
from gateway.wire.sse import Frame, Payload


def hear(body: bytes) -> Heard:
    """Return what a whole reply says; ValueError when it is not one."""
    reply = whole(body)
    if reply.error is not None:
        return Heard(broke=failure_in(reply.error))
    stop = _stop(reply, called=_calls(reply))
    return Heard(reply.tokens, stop, text(reply.model_version))


class Tap:
    """Forwards the chunks of a stream as they came, and reads each.

    There is no end mark: `finished` says that every candidate which began has ended, and that the
    stream may end. What comes after that still passes, and still counts.
    INVARIANT: after an error nothing more is forwarded. ValueError for what is no chunk.
    """

    __slots__ = ("_called", "_frame", "_open", "content_seen", "finished", "heard")

    def __init__(self) -> None:
        self._frame = Frame()
        self._open: dict[int, bool] = {}
        self._called = False
        self.heard = Heard()
        self.content_seen = False
        self.finished = False

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the engine, return bytes for the client."""
        return b"".join(
            [payload.raw for payload in self._frame.feed(chunk) if self._forwards(payload)]
        )

    def _forwards(self, payload: Payload) -> bool:
        if self.heard.broke is not None:
            return False
        if payload.data:
            self._note(decoded(payload.data, Reply))
        return self.heard.broke is None

    def _note(self, reply: Reply) -> None:
        before = self.heard
        if reply.error is not None:
            self.heard = Heard(before.usage, before.stop, before.model, failure_in(reply.error))
            return
        self._called = self._called or _calls(reply)
        self.content_seen = self.content_seen or reply.says_something
        usage: Tokens | None = reply.tokens or before.usage
        stop = _stop(reply, called=self._called) or before.stop
        self.heard = Heard(usage, stop, text(reply.model_version) or before.model)
        for candidate in reply.candidates or ():
            ended = stopped(candidate) is not None
            self._open[candidate.place] = not ended and self._open.get(candidate.place, True)
        self.finished = reply.blocked or (bool(self._open) and not any(self._open.values()))


def _calls(reply: Reply) -> bool:
    return any(
        part.function_call is not None
        for candidate in reply.candidates or ()
        for part in (candidate.content.parts if candidate.content else None) or ()
    )


def _stop(reply: Reply, *, called: bool) -> str | None:
    """Return why the reply ended; of several candidates the first one counts."""
    if reply.blocked:
        return "refusal"
    reasons = (stopped(candidate) for candidate in reply.candidates or ())
    found = next((reason for reason in reasons if reason is not None), None)
    return "tool_use" if found == "end" and called else found
