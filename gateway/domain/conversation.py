"""A conversation in no dialect: what translation reads and writes.

Used only when the client and the engine speak different dialects. A part that no dialect but its
own can say is `Opaque`: carried home, or lost by name.
"""

from typing import Any

from msgspec import Struct


class Text(Struct, frozen=True, tag="text"):
    """Words. `cache` marks the end of a prefix that the provider may keep: for `5m` or `1h`."""

    text: str
    cache: str | None = None


class Thinking(Struct, frozen=True, tag="thinking"):
    """The model's reasoning; `signature` is bound to the provider that made it."""

    text: str
    signature: str | None = None
    redacted: str | None = None


class ToolCall(Struct, frozen=True, tag="tool_call"):
    """The model asks for a tool. `arguments` is an object, never a JSON string.

    `signature` is bound to the provider that made the call.
    """

    id: str
    name: str
    arguments: dict[str, Any]
    signature: str | None = None
    cache: str | None = None


class ToolResult(Struct, frozen=True, tag="tool_result"):
    """What the tool said. `name` is filled from the call that it answers, where known."""

    call_id: str
    parts: tuple["Text | Media", ...]
    name: str = ""
    failed: bool | None = None
    cache: str | None = None


class Media(Struct, frozen=True, tag="media"):
    """An image or document as base64 data; a reference that somebody else would fetch is Opaque.

    `name` is the client's name of the file.
    """

    media_type: str
    data: str
    name: str = ""
    cache: str | None = None


class Opaque(Struct, frozen=True, tag="opaque"):
    """A part that only its own dialect understands."""

    dialect: str
    kind: str
    raw: Any


Part = Text | Thinking | ToolCall | ToolResult | Media | Opaque


class Turn(Struct, frozen=True):
    """One turn; role is `user` or `assistant`."""

    role: str
    parts: tuple[Part, ...]


class ToolSpec(Struct, frozen=True):
    """A tool that the model may call; `schema` is JSON Schema of its arguments.

    `strict` asks that arguments keep to the schema; None leaves it to the engine.
    """

    name: str
    description: str
    schema: dict[str, Any]
    strict: bool | None = None
    cache: str | None = None


class ToolChoice(Struct, frozen=True):
    """auto, any, none, or one named tool (mode `tool`)."""

    mode: str
    name: str | None = None
    parallel: bool | None = None


class Sampling(Struct, frozen=True):
    """How the reply is drawn; None leaves it to the engine."""

    output_tokens_max: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: tuple[str, ...] = ()


EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")


class Conversation(Struct, frozen=True):
    """Everything that a dialect can say and another may understand.

    `answer_schema` asks for JSON of that schema ({} for any JSON object); `answer_name` and
    `answer_strict` go with it. `thinking` is None, "off", or one of EFFORTS;
    `thinking_tokens_max` bounds it in tokens where the client says so.
    """

    system: tuple[Text, ...]
    turns: tuple[Turn, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice | None = None
    sampling: Sampling = Sampling()
    answer_schema: dict[str, Any] | None = None
    thinking: str | None = None
    answer_name: str = ""
    answer_strict: bool | None = None
    thinking_tokens_max: int | None = None
