"""What an engine says in this dialect: a whole message, and the events of a stream."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from gateway.dialects.anthropic_messages.errors import kind_of_error
from gateway.domain.money import Tokens
from gateway.domain.route import FailureKind
from gateway.translation.faults import printable

_T = TypeVar("_T")
# Words that engines of this dialect say besides STOPS.
_OTHER_STOPS = frozenset({"abort", "compaction", "error", "pause_turn", "repetition"})
STOPS = {
    "end_turn": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
}


class Details(Struct, frozen=True):
    """How output tokens were spent."""

    thinking_tokens: int | None = None


class Usage(Struct, frozen=True):
    """Token counts; in a stream each is a total so far, and absent ones keep their value."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: Details | None = None


class Fault(Struct, frozen=True):
    """An error inside a reply that had begun well."""

    type: str = ""
    message: str = ""

    @property
    def heard(self) -> tuple[FailureKind, str]:
        """Return its kind and the engine's words."""
        return kind_of_error(self.type, self.message), printable(self.message)


class Whole(Struct, frozen=True):
    """A whole reply: a message, or an error under status 200."""

    type: str = ""
    id: str = ""
    model: str = ""
    content: list[msgspec.Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None
    error: Fault | None = None


class Started(Struct, frozen=True):
    """message_start."""

    message: Whole


class Opened(Struct, frozen=True):
    """A content block, whole or as it opens; which fields count depends on the type."""

    type: str
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str = ""
    name: str = ""
    input: dict[str, Any] | None = None


class BlockStarted(Struct, frozen=True):
    """content_block_start."""

    content_block: Opened


class Delta(Struct, frozen=True):
    """The change of a block; which field counts depends on the type."""

    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""


class BlockChanged(Struct, frozen=True):
    """content_block_delta."""

    delta: Delta


class Stop(Struct, frozen=True):
    """Why the message ended."""

    stop_reason: str | None = None
    stop_sequence: str | None = None


class Changed(Struct, frozen=True):
    """message_delta."""

    delta: Stop
    usage: Usage | None = None


class Failed(Struct, frozen=True):
    """error."""

    error: Fault


def decoded(data: bytes | msgspec.Raw, shape: type[_T]) -> _T:
    """Return the JSON in that shape; ValueError that repeats nothing of it."""
    try:
        return msgspec.json.decode(data, type=shape)
    except (ValueError, RecursionError):
        raise ValueError("not what this dialect says") from None


def message(body: bytes) -> Whole:
    """Return a whole reply that is a message or an error; ValueError."""
    whole = decoded(body, Whole)
    if whole.error is None and (whole.type != "message" or whole.content is None):
        raise ValueError("not a message of this dialect")
    return whole


def tokens(usage: Usage | None, before: Tokens | None = None) -> Tokens | None:
    """Return the usage, with absent counts as they were before."""
    if usage is None:
        return before
    known = before or Tokens()
    thought = usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else None
    return Tokens(
        input_tokens=_count(usage.input_tokens, known.input_tokens),
        output_tokens=_count(usage.output_tokens, known.output_tokens),
        cache_read_tokens=_count(usage.cache_read_input_tokens, known.cache_read_tokens),
        cache_write_tokens=_count(usage.cache_creation_input_tokens, known.cache_write_tokens),
        reasoning_tokens=_count(thought, known.reasoning_tokens),
    )


def stopped(reason: str | None) -> str | None:
    """Return the reason in the words of the house.

    INVARIANT: a reason stands in the record: an engine's free words, which may be the prompt's, do
    not.
    """
    if reason is None:
        return None
    raw = reason if reason in _OTHER_STOPS else "unknown"
    return STOPS.get(reason, f"other:{raw}")


def _count(said: int | None, before: int) -> int:
    return before if said is None or said < 0 else said
