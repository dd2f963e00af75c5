"""An engine's reply as events, whole or in chunks; of several choices one is read."""

import msgspec

from gateway.dialects.openai_chat.chunk import (
    Call,
    Choice,
    Chunk,
    Said,
    broke,
    decode,
    signature_in,
    stopped,
    tokens,
)
from gateway.domain.dialect import Heard
from gateway.domain.event import (
    Began,
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.translation.openai_fault import failure_in
from gateway.translation.openai_stream import ChunkReader, broken


def reader(place: int = 0) -> ChunkReader:
    """Return a Reader of a stream of chunks, of the choice at that place."""
    story = _Story(place)

    def tell(data: bytes) -> list[Event] | None:
        chunk = decode(data)
        return None if broke(chunk) else story.tell(chunk)

    return ChunkReader(tell)


def read_reply(body: bytes, place: int = 0) -> tuple[Event, ...]:
    """Return the events of the choice at that place of a reply; ValueError when it is not one."""
    chunk = _whole(body)
    return (broken(body),) if broke(chunk) else tuple(_Story(place).tell(chunk))


def hear(body: bytes) -> Heard:
    """Return usage, stop reason, model and error of a whole reply; ValueError when it is none."""
    chunk = _whole(body)
    if broke(chunk):
        return Heard(broke=failure_in(body))
    stops = [stop.reason for choice in chunk.choices or [] if (stop := stopped(choice))]
    return Heard(tokens(chunk.usage), stops[0] if stops else None, _text(chunk.model))


def _whole(body: bytes) -> Chunk:
    chunk = decode(body)
    if not broke(chunk) and not any(choice.message for choice in chunk.choices or []):
        raise ValueError("not a whole chat completion")
    return chunk


class _Story:
    """What has been told of one reply: whether it began, and which calls are open."""

    __slots__ = ("_began", "_calls", "_id", "_place_of_choice", "_places", "_refused")

    def __init__(self, place: int) -> None:
        self._place_of_choice = place
        self._began = False
        self._refused = False
        self._id = ""
        self._calls: list[str] = []
        self._places: dict[int, int] = {}

    def tell(self, chunk: Chunk) -> list[Event]:
        """Return the chunk as events, in the order of the dialect-free grammar."""
        events: list[Event] = []
        if not self._began:
            self._began = True
            self._id = _text(chunk.id)
            events.append(Began(self._id, _text(chunk.model)))
        place = self._place_of_choice
        choice = next((one for one in chunk.choices or [] if one.index == place), None)
        if choice is not None:
            events += self._said(choice.delta or choice.message or Said())
            events += self._stopped(choice)
        used = tokens(chunk.usage)
        return [*events, Used(used)] if used is not None else events

    def _said(self, said: Said) -> list[Event]:
        if said.function_call or said.audio:
            raise ValueError("a part of the reply has no form but its own")
        events: list[Event] = []
        if thinking := _content(said.reasoning) or _content(said.reasoning_content):
            events.append(ThinkingDelta(thinking))
        if text := _content(said.content):
            events.append(TextDelta(text))
        if refusal := _content(said.refusal):
            self._refused = True
            events.append(TextDelta(refusal))
        for call in said.tool_calls or []:
            events += self._call(call)
        return events

    def _call(self, call: Call) -> list[Event]:
        name = call.function.name if call.function is not None else None
        place = self._place(call)
        events: list[Event] = []
        if place is None:
            if not name:
                raise ValueError("a tool call has no name")
            place = len(self._calls)
            call_id = call.id or f"call_{self._id}_{place}"
            self._calls.append(call_id)
            signature = signature_in(call.extra_content)
            events.append(ToolCallBegan(place, call_id, name, signature))
        self._places[call.index or 0] = place
        if fragment := _arguments(call):
            events.append(ToolCallDelta(place, fragment))
        return events

    def _place(self, call: Call) -> int | None:
        """Return where the call stands that this fragment continues, None when it opens one.

        WHY: engines are found that give every call index 0, or none: then the id tells them apart.
        """
        name = call.function.name if call.function is not None else None
        if call.index is None:
            return None if name or not self._calls else len(self._calls) - 1
        place = self._places.get(call.index)
        if place is None or (call.id and name and call.id != self._calls[place]):
            return None
        return place

    def _stopped(self, choice: Choice) -> list[Event]:
        stop = stopped(choice)
        if stop is None:
            return []
        if stop.reason == "end" and self._calls:
            return [Stopped("tool_use")]
        return [Stopped("refusal")] if stop.reason == "end" and self._refused else [stop]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _content(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise ValueError("a part of the reply is not text")


def _arguments(call: Call) -> str:
    arguments = call.function.arguments if call.function is not None else None
    if isinstance(arguments, dict):
        return msgspec.json.encode(arguments).decode()
    return _content(arguments)
