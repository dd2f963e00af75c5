"""A reply in this dialect, whole or as a stream."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.domain.event import Broke, Event, Stopped, TextDelta, ThinkingDelta, Used
from gateway.domain.money import Tokens

_STOPS = {"end": "stop", "stop_sequence": "stop"}
_TIME_DIGITS = 12


class Writer:
    """Writes one reply; its end waits for `close`, so that a broken one has none."""

    def __init__(self, asked_model: str, record_id: str) -> None:
        self._head = _head(asked_model, record_id)
        self._stopped: Stopped | None = None
        self._tokens: Tokens | None = None

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing yet."""
        match event:
            case TextDelta() if event.text:
                return _line({**self._head, "response": event.text, "done": False})
            case ThinkingDelta() if event.text:
                thought = {"response": "", "thinking": event.text, "done": False}
                return _line({**self._head, **thought})
            case Stopped():
                self._stopped = event
            case Used():
                self._tokens = event.tokens
        return b""

    def close(self) -> bytes:
        """Return the end of a reply that ended well."""
        return _line({**self._head, "response": "", **_end(self._stopped, self._tokens)})


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole reply; ValueError when the events tell of one that broke."""
    if any(isinstance(event, Broke) for event in events):
        raise ValueError("a reply that broke cannot be written whole")
    stops = [event for event in events if isinstance(event, Stopped)]
    used = [event.tokens for event in events if isinstance(event, Used)]
    words = "".join(event.text for event in events if isinstance(event, TextDelta))
    thoughts = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    reply = {
        **_head(asked_model, record_id),
        "response": words,
        **({"thinking": thoughts} if thoughts else {}),
        **_end(stops[-1] if stops else None, used[-1] if used else None),
    }
    return msgspec.json.encode(reply)


def _end(stopped: Stopped | None, used: Tokens | None) -> dict[str, Any]:
    """Return the last fields; a prompt count here includes what came from a cache."""
    reason = stopped.reason if stopped else "end"
    named = _STOPS.get(reason, reason.removeprefix("other:"))
    end: dict[str, Any] = {"done": True, "done_reason": named}
    if used is None:
        return end
    read = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
    return {**end, "prompt_eval_count": read, "eval_count": used.output_tokens}


def _line(said: dict[str, Any]) -> bytes:
    return msgspec.json.encode(said) + b"\n"


def _head(asked_model: str, record_id: str) -> dict[str, Any]:
    """Return what every line says first; the time is that of the record id (UUIDv7)."""
    head: dict[str, Any] = {"model": asked_model}
    digits = record_id.replace("-", "")[:_TIME_DIGITS]
    try:
        created = datetime.fromtimestamp(int(digits, 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return head
    return {**head, "created_at": created.isoformat().replace("+00:00", "Z")}
