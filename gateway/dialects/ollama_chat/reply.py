"""An Ollama server's reply as events."""

from hashlib import blake2s

import msgspec

from gateway.dialects.ollama_chat.shapes import Call
from gateway.dialects.ollama_chat.wire import Line, Said, decoded, whole
from gateway.domain.event import (
    Began,
    Broke,
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.translation.ollama_errors import broken
from gateway.wire.ndjson import Frame


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the events of a whole reply; ValueError."""
    return tuple(_Events().of(whole(body)))


class Reader:
    """Reads a stream; ValueError when a line cannot be read."""

    __slots__ = ("_events", "_frame", "finished")

    def __init__(self) -> None:
        self._frame = Frame()
        self._events = _Events()
        self.finished = False

    def feed(self, chunk: bytes) -> tuple[Event, ...]:
        """Take bytes, return the events that they complete; after the end there are none."""
        events: list[Event] = []
        for raw in self._frame.feed(chunk):
            if self.finished or self._events.broke:
                break
            line = decoded(raw)
            events.extend(self._events.of(line))
            self.finished = line.done and not self._events.broke
        return tuple(events)


class _Events:
    """Makes events of lines."""

    __slots__ = ("_began", "_calls", "broke")

    def __init__(self) -> None:
        self._began = False
        self._calls = 0
        self.broke = False

    def of(self, line: Line) -> list[Event]:
        """Return the events of one line."""
        if line.error is not None:
            self.broke = True
            kind, words = broken(line.error)
            return [Broke(kind.value, words)]
        events: list[Event] = [] if self._began else [Began(model=line.model)]
        self._began = True
        said = line.message or Said()
        if said.thinking:
            events.append(ThinkingDelta(said.thinking))
        if said.content:
            events.append(TextDelta(said.content))
        for call in said.tool_calls or ():
            events.extend(self._call(call, line.created_at))
        if line.done:
            events.extend(self._end(line))
        return events

    def _call(self, call: Call, created_at: str) -> list[Event]:
        number = self._calls
        self._calls += 1
        arguments = msgspec.json.encode(call.function.arguments or {}).decode()
        return [
            ToolCallBegan(number, call.id or _call_id(number, created_at), call.function.name),
            ToolCallDelta(number, arguments),
        ]

    def _end(self, line: Line) -> list[Event]:
        used: list[Event] = [Used(line.tokens)] if line.tokens else []
        return [*used, Stopped(line.stop(called=self._calls > 0))]


def _call_id(number: int, created_at: str) -> str:
    """Return an id that is the same for the same reply and differs between replies.

    WHY: clients keep ids over many turns, and other engines refuse one that stands there twice.
    """
    if not created_at:
        return f"call_{number}"
    return f"call_{number}_{blake2s(created_at.encode(), digest_size=6).hexdigest()}"
