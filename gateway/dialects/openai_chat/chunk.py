"""The shape of a reply, whole or in chunks, as far as anybody here looks at it.

Leaves are untyped on purpose: an engine's odd value must not make a good reply unreadable.
"""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.event import Stopped
from gateway.domain.money import Tokens

# Where hosts of this dialect carry the signature of Google's models on a call.
SIGNED = "extra_content"
_REASONS = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
# Words that engines of this dialect say besides.
_OTHER_REASONS = frozenset(
    {
        "abort",
        "cancelled",
        "eos",
        "error",
        "insufficient_system_resource",
        "model_length",
        "pause_turn",
        "recitation",
        "repetition",
        "safety",
    }
)


class Function(Struct, frozen=True):
    """Name and arguments of a call, or a fragment of them."""

    name: str | None = None
    arguments: Any = None


class Call(Struct, frozen=True):
    """A tool call, or a fragment of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None
    extra_content: Any = None


class Said(Struct, frozen=True):
    """What the model says: a message, or the delta of one."""

    content: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    refusal: Any = None
    tool_calls: list[Call] | None = None
    function_call: Any = None
    audio: Any = None

    @property
    def says_something(self) -> bool:
        """Is there anything but a role?"""
        return bool(
            self.content
            or self.reasoning
            or self.reasoning_content
            or self.tool_calls
            or self.refusal
            or self.function_call
            or self.audio
        )


class Choice(Struct, frozen=True):
    """One of the answers; `stop_reason` is vLLM's: the stop sequence that was met."""

    index: int = 0
    delta: Said | None = None
    message: Said | None = None
    finish_reason: Any = None
    stop_reason: Any = None


class Chunk(Struct, frozen=True):
    """One event of a stream, or a whole reply; `object` is `error` in one engine's error form."""

    id: Any = None
    model: Any = None
    object: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None


_DECODER = msgspec.json.Decoder(Chunk)


def decode(data: bytes) -> Chunk:
    """Return the chunk; ValueError, without a word of it, when it is none."""
    try:
        return _DECODER.decode(data)
    except (ValueError, RecursionError):
        pass
    raise ValueError("not a chat completion")


def broke(chunk: Chunk) -> bool:
    """Is it an error instead of a chunk?"""
    return bool(chunk.error) or chunk.object == "error"


def tokens(usage: object) -> Tokens | None:
    """Return the usage; None when it is no object.

    INVARIANT: cached tokens are counted once: `prompt_tokens` includes them, `input_tokens` not.
    vLLM's `created_cache_tokens` cost what other input does and stay in it.
    """
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    read = _count(details, "cached_tokens")
    written = _count(details, "cache_write_tokens")
    return Tokens(
        input_tokens=max(_count(usage, "prompt_tokens") - read - written, 0),
        output_tokens=_count(usage, "completion_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


def stopped(choice: Choice) -> Stopped | None:
    """Return why the choice ended, None while it has not."""
    raw = choice.finish_reason
    if not isinstance(raw, str):
        return None
    if raw == "stop" and choice.message is not None and choice.message.tool_calls:
        # WHY: a reply to a named tool choice ends with `stop`; the client must run the tool.
        return Stopped("tool_use")
    if raw == "stop" and isinstance(choice.stop_reason, str):
        return Stopped("stop_sequence", choice.stop_reason)
    # INVARIANT: a reason stands in the record: an engine's free words, which may be the prompt's,
    # do not.
    word = raw if raw in _OTHER_REASONS else "unknown"
    return Stopped(_REASONS.get(raw, f"other:{word}"))


def signature_in(extra: object) -> str | None:
    """Return the signature that stands beside a call."""
    google = extra.get("google") if isinstance(extra, dict) else None
    found = google.get("thought_signature") if isinstance(google, dict) else None
    return found if isinstance(found, str) and found else None


def signed(signature: str | None) -> dict[str, Any]:
    """Return the field that carries a signature beside a call, nothing without one."""
    return {SIGNED: {"google": {"thought_signature": signature}}} if signature else {}


def _count(holder: object, name: str) -> int:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if type(value) is int and value >= 0 else 0
