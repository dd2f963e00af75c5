"""An engine's reply as events."""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.dialects.anthropic_messages.wire import (
    BlockChanged,
    BlockStarted,
    Changed,
    Failed,
    Fault,
    Opened,
    Started,
    decoded,
    message,
    stopped,
    tokens,
)
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
from gateway.wire.sse import Frame, Payload


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the events of a whole reply; ValueError."""
    whole = message(body)
    if whole.error is not None:
        return (_broke(whole.error),)
    used = tokens(whole.usage) or Tokens()
    events: list[Event] = [Began(whole.id, whole.model, used.input_tokens)]
    calls = _Calls()
    for block in whole.content or ():
        events.extend(_begun(decoded(block, Opened), calls))
        events.extend(calls.ended())
    if whole.usage is not None:
        events.append(Used(used))
    reason = stopped(whole.stop_reason)
    if reason is not None:
        events.append(_stopped(reason, whole.stop_sequence, calls))
    return tuple(events)


class Reader:
    """Reads a stream; ValueError when an event cannot be read or translated."""

    __slots__ = ("_broke", "_calls", "_frame", "_reads", "_tokens", "finished")

    def __init__(self) -> None:
        self._frame = Frame()
        self._calls = _Calls()
        self._tokens: Tokens | None = None
        self._broke = False
        self.finished = False
        self._reads: dict[bytes, Callable[[bytes], list[Event]]] = {
            b"message_start": self._began,
            b"content_block_start": self._opened,
            b"content_block_delta": self._changed,
            b"content_block_stop": self._closed,
            b"message_delta": self._ending,
            b"message_stop": self._stopped,
            b"error": self._failed,
        }

    def feed(self, chunk: bytes) -> tuple[Event, ...]:
        """Take bytes, return the events that they complete."""
        events: list[Event] = []
        for payload in self._frame.feed(chunk):
            events.extend(self._read(payload))
        return tuple(events)

    def _read(self, payload: Payload) -> list[Event]:
        read = self._reads.get(payload.event)
        return [] if read is None or self.finished or self._broke else read(payload.data)

    def _began(self, data: bytes) -> list[Event]:
        started = decoded(data, Started).message
        first = self._tokens is None
        self._tokens = tokens(started.usage, self._tokens) or Tokens()
        events: list[Event] = []
        if first:
            events.append(Began(started.id, started.model, self._tokens.input_tokens))
        if started.usage is not None:
            events.append(Used(self._tokens))
        return events

    def _changed(self, data: bytes) -> list[Event]:
        delta = decoded(data, BlockChanged).delta
        match delta.type:
            case "text_delta":
                return [TextDelta(delta.text)] if delta.text else []
            case "thinking_delta":
                return [ThinkingDelta(delta.thinking)] if delta.thinking else []
            case "signature_delta":
                return [ThinkingDelta(signature=delta.signature)] if delta.signature else []
            case "input_json_delta":
                return self._calls.more(delta.partial_json)
            case "citations_delta":
                return []
        raise ValueError("a kind of change that cannot be translated")

    def _opened(self, data: bytes) -> list[Event]:
        block = decoded(data, BlockStarted).content_block
        return [*self._calls.ended(), *_begun(block, self._calls)]

    def _closed(self, _data: bytes) -> list[Event]:
        return self._calls.ended()

    def _stopped(self, _data: bytes) -> list[Event]:
        self.finished = True
        return []

    def _failed(self, data: bytes) -> list[Event]:
        self._broke = True
        return [_broke(decoded(data, Failed).error)]

    def _ending(self, data: bytes) -> list[Event]:
        changed = decoded(data, Changed)
        events = self._calls.ended()
        self._tokens = tokens(changed.usage, self._tokens)
        if self._tokens is not None:
            events.append(Used(self._tokens))
        reason = stopped(changed.delta.stop_reason)
        if reason is not None:
            events.append(_stopped(reason, changed.delta.stop_sequence, self._calls))
        return events


class _Calls:
    """Counts tool calls, and knows whether the open one has said any argument."""

    __slots__ = ("_given", "_said", "count")

    def __init__(self) -> None:
        self.count = 0
        self._given: dict[str, Any] | None = None
        self._said = False

    def began(self, block: Opened) -> list[Event]:
        if not block.name or not block.id:
            raise ValueError("a tool call without name or id")
        self._given, self._said = block.input or {}, False
        self.count += 1
        return [ToolCallBegan(self.count - 1, block.id, block.name)]

    def more(self, fragment: str) -> list[Event]:
        if self._given is None:
            raise ValueError("arguments outside of a tool call")
        if not fragment:
            return []
        self._said = True
        return [ToolCallDelta(self.count - 1, fragment)]

    def ended(self) -> list[Event]:
        """Return what a call without streamed arguments still has to say."""
        given, self._given = self._given, None
        if given is None or self._said:
            return []
        return [ToolCallDelta(self.count - 1, msgspec.json.encode(given).decode())]


def _begun(block: Opened, calls: _Calls) -> list[Event]:
    match block.type:
        case "text":
            return [TextDelta(block.text)] if block.text else []
        case "thinking":
            said = block.thinking or block.signature
            return [ThinkingDelta(block.thinking or "", block.signature or None)] if said else []
        case "redacted_thinking":
            return [ThinkingDelta(redacted=block.data or "")]
        case "tool_use":
            return calls.began(block)
    raise ValueError("a block that cannot be translated")


def _stopped(reason: str, sequence: str | None, calls: _Calls) -> Stopped:
    return Stopped("tool_use" if reason == "end" and calls.count else reason, sequence)


def _broke(fault: Fault) -> Broke:
    kind, said = fault.heard
    return Broke(kind.value, said)
