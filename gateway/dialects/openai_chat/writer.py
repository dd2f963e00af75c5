"""Events as a reply in this dialect: chunks of a stream, or one whole completion."""

from typing import Any

import msgspec

from gateway.dialects.openai_chat.chunk import signed
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
from gateway.translation.endings import reason_of
from gateway.translation.limits import admit_call
from gateway.translation.moments import made_seconds

_REASONS = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class ChatWriter:
    """A Writer of a stream of chunks.

    WHY: the finish reason waits for `close`. It depends on whether a tool was called, usage may
    come after it, and a stream that breaks must not have said that it ended.
    """

    __slots__ = ("_began", "_head", "_open", "_stop", "_usage", "_usage_wanted")

    def __init__(self, asked_model: str, record_id: str, usage_wanted: bool) -> None:  # noqa: FBT001
        self._head = _head("chat.completion.chunk", asked_model, record_id)
        self._usage_wanted = usage_wanted
        self._usage: Tokens | None = None
        self._stop: Stopped | None = None
        self._began = False
        self._open: dict[int, bool] = {}

    def write(self, event: Event) -> bytes:
        """Return the chunk for that event; empty when it says nothing yet."""
        if isinstance(event, Used):
            self._usage = event.tokens
            return b""
        if isinstance(event, Stopped):
            self._stop = event
            return b""
        if isinstance(event, Broke):
            return b""
        delta = self._delta(event)
        return self._role() + (self._chunk(delta, None) if delta else b"")

    def close(self) -> bytes:
        """Return the finish reason, usage if it is wanted and known, and `[DONE]`."""
        out = [self._role()]
        empty = [index for index, filled in self._open.items() if not filled]
        if not _is_cut(self._stop):
            out += [self._chunk(_fragment(index, "{}"), None) for index in empty]
        out.append(self._chunk({}, _finish(self._stop, called=bool(self._open))))
        if self._usage_wanted and self._usage is not None:
            out.append(_event({**self._head, "choices": [], "usage": _usage(self._usage)}))
        return b"".join([*out, b"data: [DONE]\n\n"])

    def _role(self) -> bytes:
        if self._began:
            return b""
        self._began = True
        return self._chunk({"role": "assistant", "content": ""}, None)

    def _delta(self, event: Event) -> dict[str, Any] | None:
        if isinstance(event, TextDelta):
            return {"content": event.text} if event.text else None
        if isinstance(event, ThinkingDelta):
            return {"reasoning": event.text} if event.text else None
        if isinstance(event, ToolCallBegan):
            admit_call(len(self._open))
            self._open[event.index] = False
            return {"tool_calls": [{"index": event.index, **_call(event, "")}]}
        if isinstance(event, ToolCallDelta) and event.fragment:
            if event.index not in self._open:
                raise ValueError("a fragment of a tool call that never began")
            self._open[event.index] = True
            return _fragment(event.index, event.fragment)
        return None

    def _chunk(self, delta: dict[str, Any], finish: dict[str, Any] | None) -> bytes:
        choice = {"index": 0, "delta": delta, **(finish or {"finish_reason": None})}
        return _event({**self._head, "choices": [choice]})


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole reply; ValueError when the events tell of one that broke."""
    if any(isinstance(event, Broke) for event in events):
        raise ValueError("a reply that broke cannot be written whole")
    calls = {event.index: event for event in events if isinstance(event, ToolCallBegan)}
    stops = [event for event in events if isinstance(event, Stopped)]
    message = _message(events, calls, "" if stops and _is_cut(stops[-1]) else "{}")
    used = [event.tokens for event in events if isinstance(event, Used)]
    finish = _finish(stops[-1] if stops else None, called=bool(calls))
    choice = {"index": 0, "message": message, "logprobs": None, **finish}
    reply: dict[str, Any] = {
        **_head("chat.completion", asked_model, record_id),
        "choices": [choice],
    }
    if used:
        reply["usage"] = _usage(used[-1])
    return msgspec.json.encode(reply)


def _message(
    events: tuple[Event, ...], calls: dict[int, ToolCallBegan], no_arguments: str
) -> dict[str, Any]:
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    thinking = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    fragments: dict[int, str] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            fragments[event.index] = fragments.get(event.index, "") + event.fragment
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if calls and not text else text,
        "refusal": None,
    }
    if thinking:
        message["reasoning"] = thinking
    if calls:
        message["tool_calls"] = [
            _call(call, fragments.get(index) or no_arguments) for index, call in calls.items()
        ]
    return message


def _head(kind: str, asked_model: str, record_id: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{record_id}",
        "object": kind,
        "created": made_seconds(record_id),
        "model": asked_model,
    }


def _call(event: ToolCallBegan, arguments: str) -> dict[str, Any]:
    function = {"name": event.name, "arguments": arguments}
    return {"id": event.id, "type": "function", "function": function, **signed(event.signature)}


def _fragment(index: int, arguments: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}


def _is_cut(stop: Stopped | None) -> bool:
    """Did the reply end in the middle? Then a call without arguments is no call without any."""
    return stop is not None and stop.reason == "length"


def _finish(stop: Stopped | None, *, called: bool) -> dict[str, Any]:
    """Return the finish reason; what OpenAI has no word for stands beside it in `stop_reason`."""
    reason = reason_of(stop, called=called)
    finish: dict[str, Any] = {"finish_reason": _REASONS.get(reason, "stop")}
    if stop is not None and reason == "stop_sequence":
        finish["stop_reason"] = stop.sequence
    elif reason not in _REASONS:
        finish["stop_reason"] = reason.removeprefix("other:")
    return finish


def _usage(used: Tokens) -> dict[str, Any]:
    """Return usage in OpenAI's words: the prompt's tokens include those of the cache."""
    details = {"cached_tokens": used.cache_read_tokens}
    if used.cache_write_tokens:
        details["cache_write_tokens"] = used.cache_write_tokens
    prompt = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": used.output_tokens,
        "total_tokens": prompt + used.output_tokens,
        "prompt_tokens_details": details,
    }
    if used.reasoning_tokens:
        usage["completion_tokens_details"] = {"reasoning_tokens": used.reasoning_tokens}
    return usage


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
