"""An engine's reply as events, whole or in a stream."""

from gateway.dialects.openai_responses import wire
from gateway.dialects.openai_responses.fault import failure_in
from gateway.dialects.openai_responses.wire import Happened, Item, Response
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
from gateway.translation.faults import object_in
from gateway.wire.sse import Frame, Payload

_THOUGHTS = frozenset({"response.reasoning_text.delta", "response.reasoning_summary_text.delta"})
_WORDS = frozenset({"response.output_text.delta", "response.refusal.delta"})


class ResponsesReader:
    """A Reader of a stream of responses; a failed one is `Broke`, and nothing follows it."""

    __slots__ = ("_broken", "_finished", "_frame", "_story")

    def __init__(self) -> None:
        self._frame = Frame()
        self._story = _Story()
        self._finished = False
        self._broken = False

    @property
    def finished(self) -> bool:
        """Has the final response been seen, in a stream that did not break?"""
        return self._finished

    def feed(self, chunk: bytes) -> tuple[Event, ...]:
        """Return the events that the bytes complete; ValueError for what is no event."""
        events: list[Event] = []
        for payload in self._frame.feed(chunk):
            if payload.data and not (self._finished or self._broken):
                events += self._read(payload)
        return tuple(events)

    def _read(self, payload: Payload) -> list[Event]:
        found = None if payload.event == b"error" else wire.happened(payload.data)
        final = found is not None and found.type in {wire.COMPLETED, wire.INCOMPLETE}
        if found is None or is_broken(found):
            self._broken = True
            return [Broke(*failure_in(object_in(payload.data)))]
        self._finished = final
        return self._story.end(found.response) if final else self._story.tell(found)


def is_broken(found: Happened) -> bool:
    """Is it the end of a reply that failed, whatever the event is called?"""
    if found.type in {wire.ERROR, wire.FAILED}:
        return True
    response = found.response
    return response is not None and (response.status == "failed" or bool(response.error))


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the events of a whole reply; ValueError when it is not one."""
    response = wire.whole(body)
    if response.error:
        return (Broke(*failure_in(object_in(body))),)
    story = _Story()
    events = story.begin(response)
    for at, item in enumerate(response.output or []):
        events += story.tell(Happened(type=wire.ITEM_DONE, item=item, output_index=at))
    return (*events, *story.end(response))


def hear(body: bytes) -> Heard:
    """Return usage, stop reason, model and error of a whole reply; ValueError when it is none."""
    response = wire.whole(body)
    if response.error:
        return Heard(broke=failure_in(object_in(body)))
    model = response.model if isinstance(response.model, str) else ""
    return Heard(wire.tokens(response.usage), wire.stopped(response).reason, model)


class _Story:
    """What has been told of one reply: whether it began, which calls are open, what each said."""

    __slots__ = ("_began", "_calls", "_filled", "_thoughts")

    def __init__(self) -> None:
        self._began = False
        self._calls: dict[int, int] = {}
        self._filled: set[int] = set()
        self._thoughts = ""

    def begin(self, response: Response | None) -> list[Event]:
        """Return the first event, once."""
        if self._began:
            return []
        self._began = True
        response = response or Response()
        return [Began(str(response.id or ""), str(response.model or ""))]

    def tell(self, found: Happened) -> list[Event]:
        """Return one event of the stream as events in no dialect.

        WHY: an event that is not known says nothing of its own: all content stands in items, and
        an item that has no form but its own is refused when it is added.
        """
        events = self.begin(found.response)
        if found.item is not None and found.type == wire.ITEM_ADDED:
            return events + self._added(found.item, found.output_index)
        if found.item is not None and found.type == wire.ITEM_DONE:
            return events + self._done(found.item, found.output_index)
        return events + self._delta(found)

    def end(self, response: Response | None) -> list[Event]:
        """Return usage and why it stopped."""
        response = response or Response()
        used = wire.tokens(response.usage)
        stop = wire.stopped(response)
        if stop.reason == "end" and self._calls:
            # WHY: engines are found whose final response leaves out what was streamed.
            stop = Stopped("tool_use")
        return [*self.begin(response), *([Used(used)] if used else []), stop]

    def _added(self, item: Item, at: int) -> list[Event]:
        if item.type in {"message", "reasoning"}:
            return []
        if item.type != "function_call":
            raise ValueError("an item of the reply has no form but its own")
        if not item.name or not isinstance(item.name, str):
            raise ValueError("a tool call has no name")
        place = self._calls[at] = len(self._calls)
        call_id = wire.text(item.call_id) or wire.text(item.id) or f"call_{place}"
        return [ToolCallBegan(place, call_id, item.name)]

    def _done(self, item: Item, at: int) -> list[Event]:
        """Return what the item says and nobody has told: some engines send it whole."""
        events: list[Event] = []
        if at not in self._calls:
            events += self._added(item, at)
        if at in self._filled:
            return events
        if item.type == "function_call":
            whole = wire.text(item.arguments)
            return [*events, *([ToolCallDelta(self._calls[at], whole)] if whole else [])]
        if item.type == "reasoning":
            pieces = [wire.text(piece.text) for piece in item.content or item.summary or []]
            return [ThinkingDelta(piece) for piece in pieces if piece]
        pieces = [wire.text(p.text) or wire.text(p.refusal) for p in item.content or []]
        return [TextDelta(piece) for piece in pieces if piece]

    def _delta(self, found: Happened) -> list[Event]:
        if found.type in _WORDS:
            return self._told(found, TextDelta(wire.text(found.delta)))
        if found.type in _THOUGHTS:
            # WHY: an engine may say its reasoning and a summary of it; one of them is enough.
            self._thoughts = self._thoughts or found.type
            if found.type != self._thoughts:
                return []
            return self._told(found, ThinkingDelta(wire.text(found.delta)))
        if found.type == "response.function_call_arguments.delta":
            place = self._calls.get(found.output_index)
            if place is None:
                raise ValueError("a fragment of a tool call that never began")
            return self._told(found, ToolCallDelta(place, wire.text(found.delta)))
        return []

    def _told(self, found: Happened, event: Event) -> list[Event]:
        if not found.delta:
            return []
        self._filled.add(found.output_index)
        return [event]
