"""What Bedrock says: a whole reply, and the events of a stream."""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from gateway.domain.event import Stopped
from gateway.domain.money import Tokens

_T = TypeVar("_T")
STOPS = {
    "end_turn": "end",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_use",
    "stop_sequence": "stop_sequence",
    "guardrail_intervened": "refusal",
    "content_filtered": "refusal",
}
_OTHER_STOPS = frozenset({"malformed_model_output", "malformed_tool_use"})


class Usage(Struct, frozen=True, rename="camel"):
    """Token counts; `inputTokens` leaves out what was read from or written to a cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None

    @property
    def tokens(self) -> Tokens:
        """The counts in the words of the house."""
        return Tokens(
            input_tokens=max(self.input_tokens, 0),
            output_tokens=max(self.output_tokens, 0),
            cache_read_tokens=max(self.cache_read_input_tokens or 0, 0),
            cache_write_tokens=max(self.cache_write_input_tokens or 0, 0),
        )


class ToolUse(Struct, frozen=True, rename="camel"):
    """A call, whole or as it opens; `type` is set only where the provider runs the tool."""

    tool_use_id: str
    name: str
    input: dict[str, Any] | None = None
    type: str | None = None


class ReasoningText(Struct, frozen=True):
    """Reasoning and its signature."""

    text: str = ""
    signature: str | None = None


class Reasoning(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Reasoning of a whole reply."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class Block(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A content block of a whole reply; a kind that is not named here cannot be translated."""

    text: str | None = None
    tool_use: ToolUse | None = None
    reasoning_content: Reasoning | None = None


class Said(Struct, frozen=True):
    """The message of a reply."""

    content: list[msgspec.Raw]


class Output(Struct, frozen=True):
    """What was said."""

    message: Said


class Fault(Struct, frozen=True, rename={"kind": "__type"}):
    """An error that the service's front tells with status 200."""

    kind: str = ""
    message: str = ""


class Whole(Struct, frozen=True, rename="camel"):
    """A whole reply."""

    output: Output | None = None
    stop_reason: str | None = None
    usage: Usage | None = None
    additional_model_response_fields: Any = None


class Misplaced(Struct, frozen=True, rename={"output": "Output", "kind": "__type"}):
    """A reply of status 200 that is an error."""

    output: Fault | None = None
    kind: str = ""
    message: str = ""

    @property
    def fault(self) -> Fault | None:
        """The error, where the reply is one."""
        if self.output is not None and self.output.kind:
            return self.output
        return Fault(self.kind, self.message) if self.kind else None


class Start(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """How a block opens; only calls tell."""

    tool_use: ToolUse | None = None


class BlockStart(Struct, frozen=True, rename="camel"):
    """contentBlockStart."""

    start: Start
    content_block_index: int


class Fragment(Struct, frozen=True):
    """A piece of the arguments of a call."""

    input: str


class ReasoningDelta(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A piece of reasoning, or its signature on its own."""

    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class Delta(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A change; a kind that is not named here cannot be translated. Citations are passed over."""

    text: str | None = None
    tool_use: Fragment | None = None
    reasoning_content: ReasoningDelta | None = None
    citation: Any = None


class BlockDelta(Struct, frozen=True, rename="camel"):
    """contentBlockDelta."""

    delta: Delta
    content_block_index: int


class BlockStop(Struct, frozen=True, rename="camel"):
    """contentBlockStop."""

    content_block_index: int


class MessageStop(Struct, frozen=True, rename="camel"):
    """messageStop."""

    stop_reason: str
    additional_model_response_fields: Any = None


class Metadata(Struct, frozen=True):
    """metadata."""

    usage: Usage


def decoded(data: bytes | msgspec.Raw, shape: type[_T]) -> _T:
    """Return the JSON in that shape; ValueError that repeats nothing of it."""
    try:
        return msgspec.json.decode(data, type=shape)
    except (ValueError, RecursionError):
        raise ValueError("not what this dialect says") from None


def stopped(reason: str, extra: object, *, called: bool) -> Stopped:
    """Return why a reply ended, in the words of the house; a reply that calls stops to call.

    INVARIANT: a reason stands in the record: an engine's free words, which may be the prompt's, do
    not.
    """
    raw = reason if reason in _OTHER_STOPS else "unknown"
    told = STOPS.get(reason, f"other:{raw}")
    if told == "end" and called:
        told = "tool_use"
    return Stopped(told, _sequence(extra) if told == "stop_sequence" else None)


def _sequence(extra: object) -> str | None:
    """Return the stop sequence, which stands at the top or under `delta`."""
    if not isinstance(extra, dict):
        return None
    delta = extra.get("delta")
    holder = delta if isinstance(delta, dict) else extra
    found = holder.get("stop_sequence")
    return found if isinstance(found, str) else None
