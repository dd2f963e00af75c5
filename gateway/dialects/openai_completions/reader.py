"""An engine's reply as events, whole or in chunks; of several choices one is read."""

from gateway.dialects.openai_completions.chunk import (
    Chunk,
    decode,
    name,
    stopped,
    tokens,
)
from gateway.domain.dialect import Heard
from gateway.domain.event import Began, Event, TextDelta, Used
from gateway.translation.openai_fault import failure_in
from gateway.translation.openai_stream import ChunkReader, broken


def reader(place: int = 0) -> ChunkReader:
    """Return a Reader of a stream of chunks, of the choice at that place."""
    began: list[Event] = []

    def tell(data: bytes) -> list[Event] | None:
        chunk = decode(data)
        if chunk.broke:
            return None
        first = [] if began else [_begun(chunk)]
        began.extend(first)
        return [*first, *_events(chunk, place)]

    return ChunkReader(tell)


def read_reply(body: bytes, place: int = 0) -> tuple[Event, ...]:
    """Return the events of the choice at that place of a reply; ValueError when it is not one."""
    chunk = _whole(body)
    return (broken(body),) if chunk.broke else (_begun(chunk), *_events(chunk, place))


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


def _events(chunk: Chunk, place: int) -> list[Event]:
    events: list[Event] = []
    choice = next((choice for choice in chunk.choices or [] if choice.index == place), None)
    if choice is not None:
        text, stop = choice.said, stopped(choice)
        events += [TextDelta(text)] if text else []
        events += [stop] if stop is not None else []
    used = tokens(chunk.usage)
    return [*events, Used(used)] if used is not None else events
