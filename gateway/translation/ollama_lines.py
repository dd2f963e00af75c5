"""What the lines of Ollama's replies say first and last, whichever of its paths was asked."""

from datetime import UTC, datetime
from typing import Any

from gateway.domain.money import Tokens
from gateway.translation.endings import Ending
from gateway.translation.moments import made_ms

_STOPS = {"end": "stop", "tool_use": "stop", "stop_sequence": "stop"}


def head_of(asked_model: str, record_id: str) -> dict[str, Any]:
    """Return what every line says first; the time is that of the record id."""
    head: dict[str, Any] = {"model": asked_model}
    milliseconds = made_ms(record_id)
    if milliseconds is None:
        return head
    try:
        created = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return head
    return {**head, "created_at": created.isoformat().replace("+00:00", "Z")}


def end_of(ending: Ending) -> dict[str, Any]:
    """Return the last fields; a prompt count here includes what came from a cache."""
    named = _STOPS.get(ending.reason, ending.reason.removeprefix("other:"))
    end: dict[str, Any] = {"done": True, "done_reason": named}
    used = ending.tokens
    if used is None:
        return end
    read = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
    return {**end, "prompt_eval_count": read, "eval_count": used.output_tokens}


def tokens_of(prompt_eval_count: int | None, eval_count: int | None) -> Tokens | None:
    """Return the usage; a server leaves out a count of zero."""
    if prompt_eval_count is None and eval_count is None:
        return None
    return Tokens(max(prompt_eval_count or 0, 0), max(eval_count or 0, 0))
