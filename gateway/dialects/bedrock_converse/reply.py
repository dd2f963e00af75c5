"""Bedrock's reply as events."""

from collections.abc import Callable

import msgspec

from gateway.dialects.bedrock_converse.errors import kind_of, message_in
from gateway.dialects.bedrock_converse.wire import (
    Block,
    BlockDelta,
    BlockStart,
    BlockStop,
    MessageStop,
    Metadata,
    Misplaced,
    Reasoning,
    ReasoningDelta,
    ToolUse,
    Whole,
    decoded,
    stopped,
)
from gateway.domain.dialect import Heard
from gateway.domain.event import (
    Began,
    Broke,
    Event,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.domain.route import FailureKind
from gateway.translation.faults import printable
from gateway.wire.eventstream import Frame, Message

ERROR_CODE = ":error-code"
ERROR_MESSAGE = ":error-message"


def hear(body: bytes) -> Heard:
    """Return what a whole reply says; ValueError when it is not one."""
    whole = _whole(body)
    if isinstance(whole, Broke):
        return Heard(broke=(FailureKind(whole.code), whole.said))
    usage = whole.usage.tokens if whole.usage is not None else None
    stops = stopped(whole.stop_reason, None, called=False) if whole.stop_reason else None
    return Heard(usage, stops.reason if stops else None)


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the events of a whole reply; ValueError."""
    whole = _whole(body)
    if isinstance(whole, Broke):
        return (whole,)
    events: list[Event] = [Began()]
    calls = 0
    blocks = whole.output.message.content if whole.output is not None else []
    for raw in blocks:
        block = decoded(raw, Block)
        events += _said(block, calls)
        calls += block.tool_use is not None
    if whole.usage is not None:
        events.append(Used(whole.usage.tokens))
    if whole.stop_reason is not None:
        extra = whole.additional_model_response_fields
        events.append(stopped(whole.stop_reason, extra, called=bool(calls)))
    return tuple(events)


def _whole(body: bytes) -> Whole | Broke:
    """Return a whole reply, or the error that one of status 200 may be; ValueError."""
    whole = decoded(body, Whole)
    if whole.output is not None:
        return whole
    fault = decoded(body, Misplaced).fault
    if fault is None:
        raise ValueError("a reply without an output")
    return _broke(fault.kind.rpartition("#")[2], fault.message)


def _said(block: Block, calls: int) -> list[Event]:
    if block.text is not None:
        return [TextDelta(block.text)] if block.text else []
    if block.reasoning_content is not None:
        return _thought(block.reasoning_content)
    if block.tool_use is not None:
        arguments = msgspec.json.encode(block.tool_use.input or {}).decode()
        return [_began(block.tool_use, calls), ToolCallDelta(calls, arguments)]
    raise ValueError("a block that says nothing")


def _thought(said: Reasoning) -> list[Event]:
    if said.redacted_content is not None:
        return [ThinkingDelta(redacted=said.redacted_content)]
    words = said.reasoning_text
    if words is None or not (words.text or words.signature):
        return []
    return [ThinkingDelta(words.text, words.signature or None)]


def _began(call: ToolUse, number: int) -> ToolCallBegan:
    if call.type is not None or not call.name or not call.tool_use_id:
        raise ValueError("a tool call without name or id, or one that somebody else answers")
    return ToolCallBegan(number, call.tool_use_id, call.name)


class Reader:
    """Reads a stream; ValueError when a message cannot be read or translated.

    It has ended with `metadata`. After that, and after an error, nothing more is read.
    """

    __slots__ = ("_broke", "_calls", "_frame", "_reads", "_silent", "_stopped", "finished")

    def __init__(self) -> None:
        self._frame = Frame()
        self._broke = False
        self._stopped = False
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()
        self.finished = False
        self._reads: dict[str, Callable[[bytes], list[Event]]] = {
            "messageStart": lambda _data: [Began()],
            "contentBlockStart": self._opened,
            "contentBlockDelta": self._changed,
            "contentBlockStop": self._closed,
            "messageStop": self._ending,
            "metadata": self._ended,
        }

    def feed(self, chunk: bytes) -> tuple[Event, ...]:
        """Take bytes, return the events that they complete."""
        events: list[Event] = []
        for message in self._frame.feed(chunk):
            if not (self.finished or self._broke):
                events += self._read(message)
        return tuple(events)

    def _read(self, message: Message) -> list[Event]:
        broke = broke_in(message)
        if broke is not None:
            self._broke = True
            return [broke]
        read = self._reads.get(message.headers.get(":event-type", ""))
        return read(message.data) if read is not None else []

    def _opened(self, data: bytes) -> list[Event]:
        opened = decoded(data, BlockStart)
        call = opened.start.tool_use
        if call is None:
            return []
        at = opened.content_block_index
        if at in self._calls:
            raise ValueError("a block that begins twice")
        began = _began(call, len(self._calls))
        self._calls[at] = began.index
        self._silent.add(at)
        return [began]

    def _changed(self, data: bytes) -> list[Event]:
        changed = decoded(data, BlockDelta)
        delta = changed.delta
        if delta.text is not None:
            return [TextDelta(delta.text)] if delta.text else []
        if delta.reasoning_content is not None:
            return _thinking(delta.reasoning_content)
        if delta.tool_use is None:
            return []
        at, fragment = changed.content_block_index, delta.tool_use.input
        if at not in self._calls:
            raise ValueError("arguments outside of a tool call")
        if not fragment:
            return []
        self._silent.discard(at)
        return [ToolCallDelta(self._calls[at], fragment)]

    def _closed(self, data: bytes) -> list[Event]:
        """End a block; a call that said nothing has no arguments."""
        at = decoded(data, BlockStop).content_block_index
        return self._filled({at} & self._silent)

    def _filled(self, silent: set[int]) -> list[Event]:
        self._silent -= silent
        return [ToolCallDelta(self._calls[at], "{}") for at in sorted(silent)]

    def _ending(self, data: bytes) -> list[Event]:
        self._stopped = True
        stop = decoded(data, MessageStop)
        extra = stop.additional_model_response_fields
        silent = self._filled(set(self._silent))
        return [*silent, stopped(stop.stop_reason, extra, called=bool(self._calls))]

    def _ended(self, data: bytes) -> list[Event]:
        self.finished = self._stopped
        return [Used(decoded(data, Metadata).usage.tokens)]


def broke_in(message: Message) -> Broke | None:
    """Return the error that a message is, or None; ValueError for one of no known type."""
    headers = message.headers
    kind = headers.get(":message-type")
    if kind == "exception":
        return _broke(headers.get(":exception-type", ""), message_in(message.data))
    if kind == "error":
        return _broke(headers.get(ERROR_CODE, ""), headers.get(ERROR_MESSAGE, ""))
    if kind != "event":
        raise ValueError("a message of an unknown type")
    return None


def _thinking(delta: ReasoningDelta) -> list[Event]:
    if delta.redacted_content is not None:
        return [ThinkingDelta(redacted=delta.redacted_content)]
    said = delta.text or delta.signature
    return [ThinkingDelta(delta.text or "", delta.signature or None)] if said else []


def _broke(name: str, said: str) -> Broke:
    return Broke(kind_of(name, said).value, printable(said))
