"""A reply in this dialect, whole or as a stream."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.domain.event import (
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
from gateway.translation import arguments
from gateway.translation.limits import HELD_BYTES_MAX, admit_call
from gateway.translation.moments import made_ms

_STOPS = {"end": "stop", "tool_use": "stop", "stop_sequence": "stop"}


class _Calls:
    """Tool calls in the making; ValueError when more than HELD_BYTES_MAX waits."""

    def __init__(self) -> None:
        self._began: dict[int, ToolCallBegan] = {}
        self._arguments: dict[int, bytearray] = {}
        self._held = 0

    def note(self, event: Event) -> None:
        """Keep what belongs to a call."""
        if isinstance(event, ToolCallBegan):
            admit_call(len(self._began))
            self._began[event.index] = event
            self._arguments[event.index] = bytearray()
        elif isinstance(event, ToolCallDelta):
            if event.index not in self._began:
                raise ValueError("arguments of a tool call that has not begun, or has ended")
            self._arguments[event.index] += event.fragment.encode()
            self._held += len(event.fragment)
            if self._held > HELD_BYTES_MAX:
                raise ValueError(f"more than {HELD_BYTES_MAX} bytes of arguments")

    def take(self, *, cut: bool) -> dict[str, Any]:
        """Return the calls as a field of a message, and forget them."""
        calls = []
        for index, began in self._began.items():
            given = arguments.answered(bytes(self._arguments[index]), cut=cut)
            known = {"id": began.id} if began.id else {}
            function = {"index": index, "name": began.name, "arguments": given}
            calls.append({**known, "function": function})
        self._began = {}
        return {"tool_calls": calls} if calls else {}


class Writer:
    """Writes one reply; tool calls wait until the reply stops, for they are said whole.

    ValueError when their arguments are not objects, or too many of them wait.
    """

    def __init__(self, asked_model: str, record_id: str) -> None:
        self._head = _head(asked_model, record_id)
        self._calls = _Calls()
        self._ending = _Ending()

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
        end = {**self._head, "message": message, **self._ending.said}
        return self._called(cut=True) + msgspec.json.encode(end) + b"\n"

    def _called(self, *, cut: bool) -> bytes:
        calls = self._calls.take(cut=cut)
        return self._line({"content": "", **calls}) if calls else b""

    def _line(self, said: dict[str, Any]) -> bytes:
        line = {**self._head, "message": {"role": "assistant", **said}, "done": False}
        return msgspec.json.encode(line) + b"\n"


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole reply; ValueError when a tool call's arguments are not an object."""
    calls, ending = _Calls(), _Ending()
    for event in events:
        calls.note(event)
        ending.note(event)
    words = "".join(event.text for event in events if isinstance(event, TextDelta))
    thoughts = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    message = {
        "role": "assistant",
        "content": words,
        **({"thinking": thoughts} if thoughts else {}),
        **calls.take(cut=ending.cut),
    }
    head = _head(asked_model, record_id)
    return msgspec.json.encode({**head, "message": message, **ending.said})


class _Ending:
    """What the end of a reply says: why, and what was used."""

    def __init__(self) -> None:
        self._stopped: Stopped | None = None
        self._tokens: Tokens | None = None
        self.broke = False

    def note(self, event: Event) -> None:
        """Keep what the end will say."""
        match event:
            case Stopped():
                self._stopped = event
            case Used():
                self._tokens = event.tokens
            case Broke():
                self.broke = True

    @property
    def cut(self) -> bool:
        """Did the reply reach its length?"""
        return self._stopped is not None and self._stopped.reason == "length"

    @property
    def said(self) -> dict[str, Any]:
        """The last fields; a prompt count here includes what came from a cache."""
        reason = self._stopped.reason if self._stopped else "end"
        named = _STOPS.get(reason, reason.removeprefix("other:"))
        end: dict[str, Any] = {"done": True, "done_reason": named}
        used = self._tokens
        if used is None:
            return end
        read = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
        return {**end, "prompt_eval_count": read, "eval_count": used.output_tokens}


def _head(asked_model: str, record_id: str) -> dict[str, Any]:
    """Return what every line says first; the time is that of the record id (UUIDv7)."""
    head: dict[str, Any] = {"model": asked_model}
    milliseconds = made_ms(record_id)
    if milliseconds is None:
        return head
    try:
        created = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return head
    return {**head, "created_at": created.isoformat().replace("+00:00", "Z")}
