"""An engine's reply as events, whole or in chunks; of several choices one is read."""

from gateway.dialects.openai_completions.chunk import (
    DONE,
    ERROR_EVENT,
    Chunk,
    decode,
    name,
    stopped,
    tokens,
)
from gateway.domain.dialect import Heard
from gateway.domain.event import Began, Broke, Event, TextDelta, Used
from gateway.translation.openai_fault import failure_in
from gateway.wire.sse import Frame, Payload


class CompletionReader:
    """A Reader of a stream of chunks."""

    __slots__ = ("_began", "_broken", "_finished", "_frame", "_place")

    def __init__(self, place: int = 0) -> None:
        self._frame = Frame()
        self._place = place
        self._began = False
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
        if payload.data.startswith(DONE):
            self._finished = True
            return []
        if payload.event == ERROR_EVENT:
            return self._break(payload.data)
        if not payload.data:
            return []
        chunk = decode(payload.data)
        if chunk.broke:
            return self._break(payload.data)
        began: list[Event] = [] if self._began else [_begun(chunk)]
        self._began = True
        return [*began, *_events(chunk, self._place)]

    def _break(self, data: bytes) -> list[Event]:
        self._broken = True
        return [_broke(data)]


def read_reply(body: bytes, place: int = 0) -> tuple[Event, ...]:
    """Return the events of the choice at that place of a reply; ValueError when it is not one."""
    chunk = _whole(body)
    return (_broke(body),) if chunk.broke else (_begun(chunk), *_events(chunk, place))


def hear(body: bytes) -> Heard:
    """Return usage, stop reason, model and error of a whole reply; ValueError when it is none."""
    chunk = _whole(body)
    if chunk.broke:
        return Heard(broke=failure_in(body))
    stops = [stop.reason for choice in chunk.choices or [] if (stop := stopped(choice))]
    return Heard(tokens(chunk.usage), stops[0] if stops else None, name(chunk.model))


def _whole(body: bytes) -> Chunk:
    chunk = decode(body)
    if not chunk.broke and not any(choice.is_whole for choice in chunk.choices or []):
        raise ValueError("not a whole completion")
    return chunk


def _begun(chunk: Chunk) -> Began:
    return Began(name(chunk.id), name(chunk.model))


def _broke(data: bytes) -> Broke:
    kind, said = failure_in(data)
    return Broke(kind, said)


def _events(chunk: Chunk, place: int) -> list[Event]:
    events: list[Event] = []
    choice = next((choice for choice in chunk.choices or [] if choice.index == place), None)
    if choice is not None:
        text, stop = choice.said, stopped(choice)
        events += [TextDelta(text)] if text else []
        events += [stop] if stop is not None else []
    used = tokens(chunk.usage)
    return [*events, Used(used)] if used is not None else events
