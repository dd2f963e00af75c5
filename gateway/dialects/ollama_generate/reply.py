"""An Ollama server's reply: read as events, or listened to while it passes."""

import re

from gateway.dialects.ollama_generate.wire import Line, decoded, whole
from gateway.domain.dialect import Heard
from gateway.domain.event import Began, Broke, Event, Stopped, TextDelta, ThinkingDelta, Used
from gateway.translation.ollama_errors import broken
from gateway.wire.ndjson import Frame

_DONE = re.compile(rb'"done"\s*:\s*true')


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the events of a whole reply; ValueError."""
    line = whole(body)
    if line.error is not None:
        return (_broke(line),)
    return (Began(model=line.model), *_events(line))


def hear(body: bytes) -> Heard:
    """Return what a whole reply says; ValueError when it is not one."""
    line = whole(body)
    if line.error is not None:
        return Heard(broke=broken(line.error))
    return Heard(line.tokens, line.stop, line.model)


class Reader:
    """Reads a stream; ValueError when a line cannot be read."""

    __slots__ = ("_began", "_broken", "_frame", "finished")

    def __init__(self) -> None:
        self._frame = Frame()
        self._began = False
        self._broken = False
        self.finished = False

    def feed(self, chunk: bytes) -> tuple[Event, ...]:
        """Take bytes, return the events that they complete; after the end there are none."""
        events: list[Event] = []
        for raw in self._frame.feed(chunk):
            if self.finished or self._broken:
                break
            line = decoded(raw)
            if line.error is not None:
                self._broken = True
                events.append(_broke(line))
                break
            events += [] if self._began else [Began(model=line.model)]
            self._began = True
            events += _events(line)
            self.finished = line.done
        return tuple(events)


class Tap:
    """Forwards the lines of a stream as they came, and reads the few that matter.

    INVARIANT: after an error, and after the end mark, nothing more is forwarded.
    """

    __slots__ = ("_frame", "content_seen", "finished", "heard")

    def __init__(self) -> None:
        self._frame = Frame()
        self.heard = Heard()
        self.content_seen = False
        self.finished = False

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the engine, return bytes for the client."""
        return b"".join([raw + b"\n" for raw in self._frame.feed(chunk) if self._forwards(raw)])

    def _forwards(self, raw: bytes) -> bool:
        if self.finished or self.heard.broke is not None:
            return False
        if self.content_seen and b'"error"' not in raw and not _DONE.search(raw):
            return True
        line = decoded(raw)
        if line.error is not None:
            self.heard = Heard(model=self.heard.model, broke=broken(line.error))
            return False
        self.content_seen = self.content_seen or bool(line.response or line.thinking)
        self.heard = Heard(line.tokens, line.stop if line.done else None, line.model)
        self.finished = line.done
        return True


def _broke(line: Line) -> Broke:
    kind, words = broken(line.error)
    return Broke(kind.value, words)


def _events(line: Line) -> list[Event]:
    events: list[Event] = []
    if line.thinking:
        events.append(ThinkingDelta(line.thinking))
    if line.response:
        events.append(TextDelta(line.response))
    if line.done:
        events += [Used(line.tokens)] if line.tokens else []
        events.append(Stopped(line.stop))
    return events
