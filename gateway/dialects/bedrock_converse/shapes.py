"""What a request of Converse must look like, as far as this dialect depends on it.

Unknown fields are allowed everywhere: they pass through, or become losses when translated.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.domain.errors import Malformed

MESSAGES_MAX = 100_000
BLOCKS_MAX = 100_000
TOOLS_MAX = 10_000

Blocks = list[dict[str, Any]]
Name = Annotated[str, Meta(pattern=r"\A[a-zA-Z0-9_-]{1,64}\Z")]
Id = Annotated[str, Meta(pattern=r"\A[a-zA-Z0-9_.:-]{1,64}\Z")]


class Message(Struct, frozen=True):
    """One message."""

    role: str
    content: Annotated[Blocks, Meta(min_length=1)]


class Inference(Struct, frozen=True, rename="camel"):
    """How the reply is drawn."""

    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0)] | None = None
    top_p: Annotated[float, Meta(ge=0)] | None = None
    stop_sequences: list[str] | None = None


class Named(Struct, frozen=True):
    """One tool by its name."""

    name: Name


class Choice(Struct, frozen=True):
    """Which tools may or must be called; one of the three."""

    auto: dict[str, Any] | None = None
    any: dict[str, Any] | None = None
    tool: Named | None = None


class Tools(Struct, frozen=True, rename="camel"):
    """What the model may call."""

    tools: Annotated[Blocks, Meta(min_length=1, max_length=TOOLS_MAX)]
    tool_choice: Choice | None = None


class Json(Struct, frozen=True):
    """A schema of arguments."""

    json: dict[str, Any]


class Spec(Struct, frozen=True, rename="camel"):
    """A tool that the client runs."""

    name: Name
    input_schema: Json
    description: str | None = None
    strict: bool | None = None


class JsonSchema(Struct, frozen=True):
    """The schema of an answer, as JSON text."""

    schema: str
    name: str | None = None
    description: str | None = None


class Structure(Struct, frozen=True, rename="camel"):
    """What holds the schema."""

    json_schema: JsonSchema | None = None


class TextFormat(Struct, frozen=True):
    """The form that the answer must have."""

    type: str
    structure: Structure


class Output(Struct, frozen=True, rename="camel"):
    """Form and effort of the answer."""

    text_format: TextFormat | None = None
    effort: str | None = None


class Request(Struct, frozen=True, rename="camel"):
    """The fields of a request that this dialect reads."""

    messages: Annotated[list[Message], Meta(min_length=1, max_length=MESSAGES_MAX)]
    system: Blocks | None = None
    inference_config: Inference | None = None
    tool_config: Tools | None = None
    additional_model_request_fields: dict[str, Any] | None = None
    additional_model_response_field_paths: list[str] | None = None
    output_config: Output | None = None


class Extras(Struct, frozen=True):
    """What is said to the model itself, as far as it must have a form."""

    anthropic_beta: list[str] | str | None = None


class Media(Struct, frozen=True):
    """An image, a document, a video or a sound, by its own data."""

    source: dict[str, Any]
    format: str = ""
    name: str = ""


class Call(Struct, frozen=True, rename="camel"):
    """A call that the model made; `type` is set only where the provider ran the tool.

    The name is the model's own word: one that no tool has does not end the conversation.
    """

    tool_use_id: Id
    name: Annotated[str, Meta(min_length=1)]
    input: dict[str, Any]
    type: str | None = None


class Result(Struct, frozen=True, rename="camel"):
    """What the tool said."""

    tool_use_id: Id
    content: Blocks
    status: str | None = None


class Words(Struct, frozen=True):
    """Words."""

    text: str


class Guarded(Struct, frozen=True):
    """Words or an image for a guardrail to look at."""

    text: Words | None = None
    image: Media | None = None


class ReasoningText(Struct, frozen=True):
    """Reasoning, signed by its provider."""

    text: str = ""
    signature: str | None = None


class Reasoning(Struct, frozen=True, rename="camel"):
    """Reasoning, or what only its provider can read."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class CachePoint(Struct, frozen=True):
    """The end of a prefix that may be kept."""

    type: str
    ttl: str | None = None


class Cited(Struct, frozen=True):
    """Words with their sources."""

    content: list[dict[str, Any]] | None = None


def member(union: dict[str, Any]) -> tuple[str, Any]:
    """Return the one member that is set; Malformed for none or more."""
    found = [(name, value) for name, value in union.items() if value is not None]
    if len(found) != 1:
        raise Malformed("a block holds exactly one kind of content")
    return found[0]
