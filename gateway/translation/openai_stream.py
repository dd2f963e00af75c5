"""Streams of OpenAI's chunks: how they end, and how one listens to them, for the dialects of it."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from gateway.domain.dialect import Heard
from gateway.domain.event import Broke, Event
from gateway.domain.money import Tokens
from gateway.translation.openai_fault import failure_in
from gateway.wire.sse import Frame, Payload

DONE = b"[DONE]"
ERROR_EVENT = b"error"


class Noted(Struct, frozen=True):
    """What a tap wants of one chunk; of several choices `stop` is that of the first one to stop.

    `says` tells whether it has any words, `needed` whether a client who did not ask for usage
    needs it too.
    """

    broke: bool = False
    says: bool = False
    needed: bool = True
    usage: Tokens | None = None
    stop: str | None = None
    model: str = ""


class ChunkTap:
    """A Tap for a dialect of chunks; `note` reads one, with ValueError for what is none.

    `feed` raises ValueError for an event over the bound, and for one that should be read and is
    no chunk. A stream that broke never counts as finished, and nothing of it passes any more.
    """

    __slots__ = ("_content_seen", "_finished", "_frame", "_heard", "_note", "_usage_wanted")

    def __init__(self, note: Callable[[bytes], Noted], *, usage_wanted: bool) -> None:
        self._note = note
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
        """Have any words, reasoning or tool call passed?"""
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
        return self._listens(payload)

    def _listens(self, payload: Payload) -> bool:
        if payload.event == ERROR_EVENT or (noted := self._note(payload.data)).broke:
            self._heard = replace(self._heard, broke=failure_in(payload.data))
            return False
        heard = self._heard
        self._content_seen = self._content_seen or noted.says
        self._heard = Heard(
            usage=noted.usage or heard.usage,
            stop=heard.stop or noted.stop,
            model=heard.model or noted.model,
        )
        return noted.needed or self._usage_wanted


class ChunkReader:
    """A Reader of a stream of chunks; `tell` returns the events of one, None for an error."""

    __slots__ = ("_broken", "_finished", "_frame", "_tell")

    def __init__(self, tell: Callable[[bytes], list[Event] | None]) -> None:
        self._tell = tell
        self._frame = Frame()
        self._finished = False
        self._broken = False

    @property
    def finished(self) -> bool:
        """Has `[DONE]` been seen, in a stream that did not break?"""
        return self._finished

    def feed(self, chunk: bytes) -> tuple[Event, ...]:
        """Return the events that the bytes complete; ValueError for what is no chunk."""
        events: list[Event] = []
        for payload in self._frame.feed(chunk):
            if not (self._finished or self._broken):
                events += self._read(payload)
        return tuple(events)

    def _read(self, payload: Payload) -> list[Event]:
        data = payload.data
        if data.startswith(DONE):
            self._finished = True
            return []
        if not data and payload.event != ERROR_EVENT:
            return []
        told = None if payload.event == ERROR_EVENT else self._tell(data)
        if told is not None:
            return told
        self._broken = True
        return [broken(data)]


def broken(data: bytes) -> Broke:
    """Return the event of an error that stands where a chunk should."""
    kind, said = failure_in(data)
    return Broke(kind, said)


def _tells(data: bytes) -> bool:
    """May the event hold usage, a finish reason or an error?

    A string inside JSON cannot match: its quotation marks are escaped. A false alarm costs a parse.
    """
    return (
        data.count(b'"usage"') != data.count(b'"usage":null')
        or data.count(b'"finish_reason"') != data.count(b'"finish_reason":null')
        or b'"error"' in data
    )
