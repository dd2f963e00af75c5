"""The shape of an engine's reply, whole or in events, as far as anybody here looks at it.

Leaves are untyped on purpose: an engine's odd value must not make a good reply unreadable. Types
and status decide how the rest is read, and are words.
"""

import re
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from gateway.domain.event import Stopped
from gateway.domain.money import Tokens

_Found = TypeVar("_Found")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CALLS = frozenset({"function_call", "custom_tool_call"})
_REASONS = {"max_output_tokens": "length", "content_filter": "refusal"}

COMPLETED = "response.completed"
INCOMPLETE = "response.incomplete"
FAILED = "response.failed"
ERROR = "error"
ITEM_ADDED = "response.output_item.added"
ITEM_DONE = "response.output_item.done"


class Piece(Struct, frozen=True):
    """A part of an item."""

    type: str | None = None
    text: Any = None
    refusal: Any = None


class Item(Struct, frozen=True):
    """An item of the output."""

    type: str | None = None
    id: Any = None
    call_id: Any = None
    name: Any = None
    arguments: Any = None
    content: list[Piece] | None = None
    summary: list[Piece] | None = None


class Response(Struct, frozen=True):
    """A response, at its beginning, at its end, or whole."""

    id: Any = None
    object: Any = None
    model: Any = None
    status: str | None = None
    output: list[Item] | None = None
    usage: Any = None
    error: Any = None
    incomplete_details: Any = None


class Happened(Struct, frozen=True):
    """One event of a stream."""

    type: Any = None
    response: Response | None = None
    item: Item | None = None
    output_index: int = 0
    delta: Any = None


_WHOLE = msgspec.json.Decoder(Response)
_EVENT = msgspec.json.Decoder(Happened)


def whole(body: bytes) -> Response:
    """Return the whole reply; ValueError, without a word of it, when it is none.

    A reply that has an error is one, even without output.
    """
    found = _decoded(_WHOLE, body)
    if not found.error and (found.output is None or found.status in {"queued", "in_progress"}):
        raise ValueError("not a whole response")
    return found


def happened(data: bytes) -> Happened:
    """Return the event; ValueError, without a word of it, when it is none."""
    found = _decoded(_EVENT, data)
    if not isinstance(found.type, str):
        raise ValueError("an event without a type")  # noqa: TRY004 - a reply that cannot be read
    return found


def tokens(usage: object) -> Tokens | None:
    """Return the usage; None when it is no object.

    INVARIANT: cached tokens are counted once: `input_tokens` on the wire includes them, ours not.
    """
    if not isinstance(usage, dict):
        return None
    details = usage.get("input_tokens_details")
    read = _count(details, "cached_tokens")
    written = _count(details, "cache_write_tokens")
    return Tokens(
        input_tokens=max(_count(usage, "input_tokens") - read - written, 0),
        output_tokens=_count(usage, "output_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=_count(usage.get("output_tokens_details"), "reasoning_tokens"),
    )


def stopped(response: Response) -> Stopped:
    """Return why the response ended.

    WHY: the status decides, not the event's name: vLLM ends a cut reply with `response.completed`.
    """
    if response.status == "incomplete":
        details = response.incomplete_details
        reason = details.get("reason") if isinstance(details, dict) else None
        return Stopped(_REASONS.get(str(reason), f"other:{_word(reason)}"))
    if response.status not in {"completed", None}:
        return Stopped(f"other:{_word(response.status)}")
    output = response.output or []
    if any(item.type in _CALLS for item in output):
        return Stopped("tool_use")
    pieces = [piece for item in output for piece in item.content or []]
    refused = any(piece.type == "refusal" for piece in pieces)
    return Stopped("refusal" if refused else "end")


def text(value: object) -> str:
    """Return a string of the reply, empty for null; ValueError for anything else."""
    if value is None or isinstance(value, str):
        return value or ""
    raise ValueError("a part of the reply is not text")


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "unknown"


def _count(holder: object, name: str) -> int:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if type(value) is int and value >= 0 else 0


def _decoded(decoder: msgspec.json.Decoder[_Found], data: bytes) -> _Found:
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError):
        pass
    raise ValueError("not a response")
