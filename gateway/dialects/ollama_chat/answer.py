"""A reply in this dialect, whole or as a stream."""

from datetime import UTC, datetime
from typing import Any

import jiter
import msgspec

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

HELD_BYTES_MAX = 8 * 1024 * 1024

_STOPS = {"end": "stop", "tool_use": "stop", "stop_sequence": "stop"}
_TIME_DIGITS = 12


class _Call:
    """A tool call in the making."""

    def __init__(self, call_id: str, name: str) -> None:
        self.id = call_id
        self.name = name
        self.arguments = bytearray()


class Writer:
    """Writes one reply; tool calls wait until the reply stops, for they are said whole.

    ValueError when their arguments are not objects, or more than HELD_BYTES_MAX waits.
    """

    def __init__(self, asked_model: str, record_id: str) -> None:
        self._head = _head(asked_model, record_id)
        self._calls: dict[int, _Call] = {}
        self._held = 0
        self._stopped: Stopped | None = None
        self._tokens: Tokens | None = None
        self._broke = False

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing yet."""
        match event:
            case TextDelta() if event.text:
                return self._line({"role": "assistant", "content": event.text})
            case ThinkingDelta() if event.text:
                return self._line({"role": "assistant", "content": "", "thinking": event.text})
            case ToolCallBegan() | ToolCallDelta():
                self._hold(event)
            case Stopped():
                self._stopped = event
                return self._called(cut=event.reason == "length")
        self._note(event)
        return b""

    def close(self) -> bytes:
        """Return the end of a reply that ended well."""
        if self._broke:
            return b""
        message = {"role": "assistant", "content": ""}
        end = {**self._head, "message": message, **_end(self._stopped, self._tokens)}
        return self._called(cut=True) + msgspec.json.encode(end) + b"\n"

    def _hold(self, event: ToolCallBegan | ToolCallDelta) -> None:
        if isinstance(event, ToolCallBegan):
            self._calls[event.index] = _Call(event.id, event.name)
            return
        if event.index not in self._calls:
            raise ValueError("arguments of a tool call that has not begun, or has ended")
        self._calls[event.index].arguments += event.fragment.encode()
        self._held += len(event.fragment)
        if self._held > HELD_BYTES_MAX:
            raise ValueError(f"more than {HELD_BYTES_MAX} bytes of arguments")

    def _note(self, event: Event) -> None:
        if isinstance(event, Used):
            self._tokens = event.tokens
        elif isinstance(event, Broke):
            self._broke = True

    def _called(self, *, cut: bool) -> bytes:
        if not self._calls or self._broke:
            return b""
        calls = [_call(call, cut=cut) for call in self._calls.values()]
        self._calls = {}
        return self._line({"role": "assistant", "content": "", "tool_calls": calls})

    def _line(self, message: dict[str, Any]) -> bytes:
        return msgspec.json.encode({**self._head, "message": message, "done": False}) + b"\n"


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole reply; ValueError when a tool call's arguments are not an object."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    writer = Writer(asked_model, record_id)
    for event in (*events, *(() if _stops(events) else (Stopped("end"),))):
        for line in writer.write(event).splitlines():
            said = msgspec.json.decode(line)["message"]
            for field in ("content", "thinking"):
                if field in said:
                    message[field] = message.get(field, "") + said[field]
            message |= {"tool_calls": said["tool_calls"]} if "tool_calls" in said else {}
    return msgspec.json.encode({**msgspec.json.decode(writer.close()), "message": message})


def _stops(events: tuple[Event, ...]) -> bool:
    return any(isinstance(event, Stopped) for event in events)


def _call(call: _Call, *, cut: bool) -> dict[str, Any]:
    function = {"name": call.name, "arguments": _arguments(bytes(call.arguments), cut=cut)}
    return {"id": call.id, "function": function} if call.id else {"function": function}


def _arguments(text: bytes, *, cut: bool) -> dict[str, Any]:
    """Return the arguments; of a reply that reached its length as much as can be read."""
    if not text.strip():
        return {}
    try:
        found = jiter.from_json(text, partial_mode=cut, cache_mode="none")
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if cut:
        return {}
    raise ValueError("the arguments of a tool call are not an object")


def _head(asked_model: str, record_id: str) -> dict[str, Any]:
    """Return what every line says first; the time is that of the record id (UUIDv7)."""
    head: dict[str, Any] = {"model": asked_model}
    digits = record_id.replace("-", "")[:_TIME_DIGITS]
    try:
        created = datetime.fromtimestamp(int(digits, 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return head
    return {**head, "created_at": created.isoformat().replace("+00:00", "Z")}


def _end(stopped: Stopped | None, tokens: Tokens | None) -> dict[str, Any]:
    reason = stopped.reason if stopped else "end"
    end: dict[str, Any] = {
        "done": True,
        "done_reason": _STOPS.get(reason, reason.removeprefix("other:")),
    }
    if tokens is None:
        return end
    read = tokens.input_tokens + tokens.cache_read_tokens + tokens.cache_write_tokens
    return {**end, "prompt_eval_count": read, "eval_count": tokens.output_tokens}
