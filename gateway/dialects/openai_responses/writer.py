"""Events as a reply in this dialect: a stream of its own grammar, or one whole response."""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.dialects.openai_responses import answer
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
from gateway.translation.limits import KEPT_BYTES_MAX, admit_call

_PREFIX = {"message": "msg", "reasoning": "rs", "call": "fc"}


class _Open(Struct):
    """An item in progress; `call` is what opened it when it is a call."""

    kind: str
    index: int
    id: str
    said: bytearray
    call: ToolCallBegan | None = None

    @property
    def text(self) -> str:
        """All of it so far."""
        return self.said.decode()

    def item(self, text: str | None, status: str) -> dict[str, Any]:
        """Return it as it stands in the output; without text when it has just begun."""
        if self.call is None:
            shape = answer.message if self.kind == "message" else answer.reasoning
            return shape(self.id, text, status)
        return {
            "type": "function_call",
            "id": self.id,
            "status": status,
            "call_id": self.call.id,
            "name": self.call.name,
            "arguments": text or "",
        }


class ResponsesWriter:
    """A Writer of a stream of responses.

    One message or reasoning item is open at a time. Calls stay open until the end, since their
    fragments may come interleaved and a cut reply leaves arguments that are no JSON. The last event
    says the whole reply again, so all of it is kept: ValueError over KEPT_BYTES_MAX.
    """

    __slots__ = ("_began", "_calls", "_done", "_head", "_items", "_kept", "_now", "_record",
                 "_sequence", "_stop", "_usage")  # fmt: skip

    def __init__(self, asked_model: str, record_id: str, usage_wanted: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        self._head = answer.response(asked_model, record_id)
        self._record = record_id
        self._sequence = 0
        self._began = False
        self._stop: Stopped | None = None
        self._usage: Tokens | None = None
        self._now: _Open | None = None
        self._calls: dict[int, _Open] = {}
        self._items = 0
        self._kept = 0
        self._done: dict[int, dict[str, Any]] = {}

    def write(self, event: Event) -> bytes:
        """Return the events for that one; empty when it says nothing yet."""
        if isinstance(event, Used):
            self._usage = event.tokens
        elif isinstance(event, Stopped):
            self._stop = event
        elif not isinstance(event, Broke):
            return self._begin() + self._say(event)
        return b""

    def close(self) -> bytes:
        """Return what closes every open item, and the final response."""
        out = [self._begin(), self._shut()]
        out += [self._shut_call(call) for call in self._calls.values()]
        final = {
            **self._head,
            **answer.ending(self._stop),
            "output": [self._done[index] for index in sorted(self._done)],
            "usage": answer.usage(self._usage) if self._usage is not None else None,
        }
        self._head = final
        return b"".join([*out, self._event(f"response.{final['status']}", response=final)])

    def response(self) -> bytes:
        """Return the response as it stands; after `close` it is the whole reply."""
        return msgspec.json.encode(self._head)

    def _begin(self) -> bytes:
        if self._began:
            return b""
        self._began = True
        created = self._event("response.created", response=self._head)
        return created + self._event("response.in_progress", response=self._head)

    def _say(self, event: Event) -> bytes:
        if isinstance(event, TextDelta) and event.text:
            return self._more("message", event.text)
        if isinstance(event, ThinkingDelta) and event.text:
            return self._more("reasoning", event.text)
        if isinstance(event, ToolCallBegan):
            return self._shut() + self._call(event)
        if isinstance(event, ToolCallDelta) and event.fragment:
            return self._fragment(event)
        return b""

    def _more(self, kind: str, text: str) -> bytes:
        out = b""
        if self._now is None or self._now.kind != kind:
            out = self._shut()
            self._now = self._opened(kind)
            out += self._added(self._now)
            if kind == "message":
                part = answer.text_part("")
                out += self._inside(self._now, "response.content_part.added", part=part)
        self._keep(self._now, text)
        if kind == "message":
            delta = self._inside(self._now, "response.output_text.delta", delta=text, logprobs=[])
        else:
            delta = self._inside(self._now, "response.reasoning_text.delta", delta=text)
        return out + delta

    def _call(self, began: ToolCallBegan) -> bytes:
        admit_call(len(self._calls))
        call = self._opened("call", began)
        self._calls[began.index] = call
        return self._added(call)

    def _fragment(self, event: ToolCallDelta) -> bytes:
        call = self._calls.get(event.index)
        if call is None:
            raise ValueError("a fragment of a tool call that never began")
        self._keep(call, event.fragment)
        name = "response.function_call_arguments.delta"
        return self._event(name, item_id=call.id, output_index=call.index, delta=event.fragment)

    def _shut(self) -> bytes:
        """Close the open message or reasoning."""
        now, self._now = self._now, None
        if now is None:
            return b""
        text = now.text
        if now.kind == "reasoning":
            out = self._inside(now, "response.reasoning_text.done", text=text)
        else:
            out = self._inside(now, "response.output_text.done", text=text, logprobs=[])
            part = answer.text_part(text)
            out += self._inside(now, "response.content_part.done", part=part)
        return out + self._finished(now, text)

    def _shut_call(self, call: _Open) -> bytes:
        """Close a call; one without arguments has none, unless the reply was cut."""
        arguments = call.text or ("" if self._is_cut else "{}")
        name = call.call.name if call.call is not None else ""
        done = self._event(
            "response.function_call_arguments.done",
            item_id=call.id,
            output_index=call.index,
            name=name,
            arguments=arguments,
        )
        return done + self._finished(call, arguments)

    @property
    def _is_cut(self) -> bool:
        return self._stop is not None and self._stop.reason == "length"

    def _opened(self, kind: str, call: ToolCallBegan | None = None) -> _Open:
        index, self._items = self._items, self._items + 1
        return _Open(kind, index, f"{_PREFIX[kind]}_{self._record}_{index}", bytearray(), call)

    def _keep(self, opened: _Open, text: str) -> None:
        opened.said += text.encode()
        self._kept += len(text)
        if self._kept > KEPT_BYTES_MAX:
            raise ValueError(f"a reply holds more than {KEPT_BYTES_MAX} bytes")

    def _added(self, opened: _Open) -> bytes:
        item = opened.item(None, "in_progress")
        return self._event("response.output_item.added", output_index=opened.index, item=item)

    def _finished(self, opened: _Open, text: str) -> bytes:
        last = opened.index == self._items - 1
        status = "incomplete" if last and self._is_cut else "completed"
        item = self._done[opened.index] = opened.item(text, status)
        return self._event("response.output_item.done", output_index=opened.index, item=item)

    def _inside(self, opened: _Open, name: str, /, **fields: object) -> bytes:
        return self._event(
            name, item_id=opened.id, output_index=opened.index, content_index=0, **fields
        )

    def _event(self, name: str, /, **fields: object) -> bytes:
        event = {"type": name, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n"


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole reply; ValueError when the events tell of one that broke."""
    if any(isinstance(event, Broke) for event in events):
        raise ValueError("a reply that broke cannot be written whole")
    writer = ResponsesWriter(asked_model, record_id)
    for event in events:
        writer.write(event)
    writer.close()
    return writer.response()
