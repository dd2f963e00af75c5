"""The response object that we write: head, items and usage."""

from typing import Any

from gateway.domain.event import Stopped
from gateway.domain.money import Tokens
from gateway.translation.moments import made_seconds

_WHY_INCOMPLETE = {"length": "max_output_tokens", "refusal": "content_filter"}
_PLAIN = frozenset({"end", "tool_use"})


def response(asked_model: str, record_id: str) -> dict[str, Any]:
    """Return a response that has just begun."""
    return {
        "id": f"resp_{record_id}",
        "object": "response",
        "created_at": made_seconds(record_id),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": None,
        "model": asked_model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


def ending(stop: Stopped | None) -> dict[str, Any]:
    """Return how the response ended; what OpenAI has no word for stands in `stop_reason`."""
    reason = stop.reason if stop is not None else "end"
    if reason in _WHY_INCOMPLETE:
        details = {"reason": _WHY_INCOMPLETE[reason]}
        return {"status": "incomplete", "incomplete_details": details}
    ended: dict[str, Any] = {"status": "completed"}
    if stop is not None and reason == "stop_sequence":
        ended["stop_reason"] = stop.sequence
    elif reason not in _PLAIN:
        ended["stop_reason"] = reason.removeprefix("other:")
    return ended


def usage(used: Tokens) -> dict[str, Any]:
    """Return usage in OpenAI's words: the input's tokens include those of the cache."""
    read, written = used.cache_read_tokens, used.cache_write_tokens
    whole = used.input_tokens + read + written
    return {
        "input_tokens": whole,
        "input_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "output_tokens": used.output_tokens,
        "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens},
        "total_tokens": whole + used.output_tokens,
    }


def text_part(text: str) -> dict[str, Any]:
    """Return a part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def message(item_id: str, text: str | None, status: str) -> dict[str, Any]:
    """Return a message; one that has just begun has no part."""
    content = [] if text is None else [text_part(text)]
    return {
        "type": "message",
        "id": item_id,
        "status": status,
        "role": "assistant",
        "content": content,
    }


def reasoning(item_id: str, text: str | None, status: str) -> dict[str, Any]:
    """Return reasoning in the engine's own words, no summary of it."""
    content = [] if text is None else [{"type": "reasoning_text", "text": text}]
    return {
        "type": "reasoning",
        "id": item_id,
        "status": status,
        "summary": [],
        "content": content,
    }
