"""An Ollama server's reply as events, and listening to one that passes through."""

import re
from hashlib import blake2s
from typing import Any

import msgspec
from msgspec import Struct

from gateway.dialects.ollama_chat.errors import broken
from gateway.dialects.ollama_chat.shapes import Call
from gateway.domain.dialect import Heard
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
from gateway.domain.money import Tokens
from gateway.wire.ndjson import Frame

_STOPS = {None: "end", "": "end", "stop": "end", "length": "length"}
_RAW_STOP = re.compile(r"[a-z][a-z_]{0,63}")
_DONE = re.compile(rb'"done"\s*:\s*true')


class Said(Struct, frozen=True):
    """The message of a line."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None


class Line(Struct, frozen=True):
    """One line of a stream, or a whole reply."""

    model: str = ""
    created_at: str = ""
    message: Said | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None

    @property
    def tokens(self) -> Tokens | None:
        """The usage; a server leaves out a count of zero."""
        if self.prompt_eval_count is None and self.eval_count is None:
            return None
        return Tokens(max(self.prompt_eval_count or 0, 0), max(self.eval_count or 0, 0))

    @property
    def has_content(self) -> bool:
        """Does the line say anything to the client?"""
        said = self.message
        return said is not None and bool(said.content or said.thinking or said.tool_calls)

    def stop(self, *, called: bool) -> str:
        """Return why the reply ended; this dialect says `stop` after a tool call too."""
        raw = self.done_reason or ""
        other = f"other:{raw if _RAW_STOP.fullmatch(raw) else 'unknown'}"
        reason = _STOPS.get(self.done_reason, other)
        return "tool_use" if called and reason == "end" else reason


def hear(body: bytes) -> Heard:
    """Return what a whole reply says; ValueError when it is not one."""
    line = _whole(body)
    if line.error is not None:
        return Heard(broke=broken(line.error))
    called = line.message is not None and bool(line.message.tool_calls)
    return Heard(line.tokens, line.stop(called=called), line.model)


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the events of a whole reply; ValueError."""
    return tuple(_Events().of(_whole(body)))


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
            line = _decoded(raw)
            events.extend(self._events.of(line))
            self.finished = line.done and not self._events.broke
        return tuple(events)


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
        line = _decoded(raw)
        if line.error is not None:
            self.heard = Heard(self.heard.usage, model=self.heard.model, broke=broken(line.error))
            return False
        self.content_seen = self.content_seen or line.has_content
        self._called |= line.message is not None and bool(line.message.tool_calls)
        stop = line.stop(called=self._called) if line.done else None
        self.heard = Heard(line.tokens, stop, line.model)
        self.finished = line.done
        return True


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
            kind, said = broken(line.error)
            return [Broke(kind.value, said)]
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


def _whole(body: bytes) -> Line:
    line = _decoded(body)
    if line.error is None and (line.message is None or not line.done):
        raise ValueError("not a whole reply of this dialect")
    return line


def _decoded(raw: bytes) -> Line:
    """Return the line; ValueError that repeats nothing of it."""
    try:
        line = msgspec.json.decode(raw, type=Line)
    except (ValueError, RecursionError):
        line = None
    if line is None or (line.error is None and line.message is None and not line.done):
        raise ValueError("not what this dialect says")
    return line
