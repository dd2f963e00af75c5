"""A reply as it arrives, in no dialect."""

from msgspec import Struct

from gateway.domain.money import Tokens


class Began(Struct, frozen=True, tag="began"):
    """The engine has begun; `input_tokens` where it says so already."""

    id: str = ""
    model: str = ""
    input_tokens: int = 0


class TextDelta(Struct, frozen=True, tag="text"):
    """More words."""

    text: str


class ThinkingDelta(Struct, frozen=True, tag="thinking"):
    """More reasoning, or its signature; `redacted` is reasoning that only its maker can read."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


class ToolCallBegan(Struct, frozen=True, tag="tool_began"):
    """A tool call opens; `index` counts the calls of this reply from 0.

    `signature` is bound to the provider that made the call, and must come back with it.
    """

    index: int
    id: str
    name: str
    signature: str | None = None


class ToolCallDelta(Struct, frozen=True, tag="tool_delta"):
    """A fragment of the call's arguments, as JSON text."""

    index: int
    fragment: str


class Vector(Struct, frozen=True, tag="vector"):
    """The embedding of the input at that place."""

    index: int
    values: tuple[float, ...]


class Used(Struct, frozen=True, tag="used"):
    """What the reply has used so far; the last one counts."""

    tokens: Tokens


class Stopped(Struct, frozen=True, tag="stopped"):
    """Why the reply ended: end, stop_sequence, length, tool_use, refusal, or `other:<raw>`."""

    reason: str
    sequence: str | None = None


class Broke(Struct, frozen=True, tag="broke"):
    """The engine reported an error inside a reply that had begun well.

    `code` is one of the FailureKind values; `said` is the engine's message.
    """

    code: str
    said: str


Event = (
    Began
    | TextDelta
    | ThinkingDelta
    | ToolCallBegan
    | ToolCallDelta
    | Vector
    | Used
    | Stopped
    | Broke
)
CONTENT = (TextDelta, ThinkingDelta, ToolCallBegan, ToolCallDelta)
