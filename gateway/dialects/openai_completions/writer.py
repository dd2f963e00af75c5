"""Events as a reply in this dialect: chunks of a stream, or one whole completion."""

from typing import Any

import msgspec

from gateway.domain.event import Broke, Event, Stopped, TextDelta, ThinkingDelta, Used
from gateway.domain.money import Tokens

_REASONS = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "refusal": "content_filter",
}
_UUID_TIME_DIGITS = 12


class CompletionWriter:
    """A Writer of a stream of chunks; the finish reason waits for `close`.

    WHY: a stream that breaks must not have said that it ended.
    """

    __slots__ = ("_head", "_stop", "_usage", "_usage_wanted")

    def __init__(self, asked_model: str, record_id: str, usage_wanted: bool) -> None:  # noqa: FBT001
        self._head = _head(asked_model, record_id)
        self._usage_wanted = usage_wanted
        self._usage: Tokens | None = None
        self._stop: Stopped | None = None

    def write(self, event: Event) -> bytes:
        """Return the chunk for that event; empty when it says nothing yet."""
        match event:
            case TextDelta() if event.text:
                return self._chunk({"text": event.text, "finish_reason": None})
            case ThinkingDelta() if event.text:
                more = {"text": "", "reasoning": event.text, "finish_reason": None}
                return self._chunk(more)
            case Used():
                self._usage = event.tokens
            case Stopped():
                self._stop = event
        return b""

    def close(self) -> bytes:
        """Return the finish reason, usage if it is wanted and known, and `[DONE]`."""
        out = [self._chunk({"text": "", **_finish(self._stop)})]
        if self._usage_wanted and self._usage is not None:
            out.append(_event({**self._head, "choices": [], "usage": _usage(self._usage)}))
        return b"".join([*out, b"data: [DONE]\n\n"])

    def _chunk(self, said: dict[str, Any]) -> bytes:
        return _event({**self._head, "choices": [{"index": 0, "logprobs": None, **said}]})


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole reply; ValueError when the events tell of one that broke."""
    if any(isinstance(event, Broke) for event in events):
        raise ValueError("a reply that broke cannot be written whole")
    stops = [event for event in events if isinstance(event, Stopped)]
    used = [event.tokens for event in events if isinstance(event, Used)]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    thought = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    choice: dict[str, Any] = {"index": 0, "text": text, "logprobs": None}
    choice |= {"reasoning": thought} if thought else {}
    choice |= _finish(stops[-1] if stops else None)
    reply: dict[str, Any] = {**_head(asked_model, record_id), "choices": [choice]}
    if used:
        reply["usage"] = _usage(used[-1])
    return msgspec.json.encode(reply)


def _head(asked_model: str, record_id: str) -> dict[str, Any]:
    return {
        "id": f"cmpl-{record_id}",
        "object": "text_completion",
        "created": _created(record_id),
        "model": asked_model,
    }


def _created(record_id: str) -> int:
    """Return the seconds in a UUIDv7, whose first 48 bits count milliseconds; 0 for other ids."""
    digits = record_id.replace("-", "")[:_UUID_TIME_DIGITS]
    try:
        return int(digits, 16) // 1000 if len(digits) == _UUID_TIME_DIGITS else 0
    except ValueError:
        return 0


def _finish(stop: Stopped | None) -> dict[str, Any]:
    """Return the finish reason; what OpenAI has no word for stands beside it in `stop_reason`."""
    reason = stop.reason if stop is not None else "end"
    finish: dict[str, Any] = {"finish_reason": _REASONS.get(reason, "stop")}
    if stop is not None and reason == "stop_sequence":
        finish["stop_reason"] = stop.sequence
    elif reason not in _REASONS:
        finish["stop_reason"] = reason.removeprefix("other:")
    return finish


def _usage(used: Tokens) -> dict[str, Any]:
    """Return usage in OpenAI's words: the prompt's tokens include those of the cache."""
    prompt = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": used.output_tokens,
        "total_tokens": prompt + used.output_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cache_read_tokens},
    }


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
