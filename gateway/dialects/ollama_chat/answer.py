"""A reply in this dialect, whole or as a stream."""

from typing import Any

import msgspec

from gateway.domain.event import Event, Stopped, TextDelta, ThinkingDelta, ToolCallBegan
from gateway.translation.arguments import Arguments
from gateway.translation.calls import Calls
from gateway.translation.endings import Ending
from gateway.translation.ollama_lines import end_of, head_of


class Writer:
    """Writes one reply; tool calls wait until the reply stops, for they are said whole.

    ValueError when their arguments are not objects, or too many of them wait.
    """

    def __init__(self, asked_model: str, record_id: str) -> None:
        self._head = head_of(asked_model, record_id)
        self._calls = Calls()
        self._ending = Ending()

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing yet."""
        self._calls.note(event)
        self._ending.note(event)
        match event:
            case TextDelta() if event.text:
                return self._line({"content": event.text})
            case ThinkingDelta() if event.text:
                return self._line({"content": "", "thinking": event.text})
            case Stopped():
                return self._called(cut=self._ending.cut)
        return b""

    def close(self) -> bytes:
        """Return the end of a reply that ended well."""
        if self._ending.broke:
            return b""
        message = {"role": "assistant", "content": ""}
        end = {
            **self._head,
            "message": message,
            **end_of(self._ending),
        }
        return self._called(cut=True) + msgspec.json.encode(end) + b"\n"

    def _called(self, *, cut: bool) -> bytes:
        calls = _called(self._calls.take(cut=cut))
        return self._line({"content": "", **calls}) if calls else b""

    def _line(self, said: dict[str, Any]) -> bytes:
        line = {**self._head, "message": {"role": "assistant", **said}, "done": False}
        return msgspec.json.encode(line) + b"\n"


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole reply; ValueError when a tool call's arguments are not an object."""
    calls, ending = Calls(), Ending()
    for event in events:
        calls.note(event)
        ending.note(event)
    words = "".join(event.text for event in events if isinstance(event, TextDelta))
    thoughts = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    message = {
        "role": "assistant",
        "content": words,
        **({"thinking": thoughts} if thoughts else {}),
        **_called(calls.take(cut=ending.cut)),
    }
    head = head_of(asked_model, record_id)
    return msgspec.json.encode({**head, "message": message, **end_of(ending)})


def _called(calls: list[tuple[ToolCallBegan, Arguments]]) -> dict[str, Any]:
    """Return the calls as a field of a message."""
    said = []
    for began, given in calls:
        known = {"id": began.id} if began.id else {}
        function = {"index": began.index, "name": began.name, "arguments": given}
        said.append({**known, "function": function})
    return {"tool_calls": said} if said else {}
