"""What a request must look like, as far as this dialect depends on it, in its first spelling.

Unknown fields are allowed beside what is said: they pass through, or become losses when translated.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

CONTENTS_MAX = 100_000
PARTS_MAX = 100_000
TOOLS_MAX = 10_000
CANDIDATES_MAX = 8
STOPS_MAX = 64

Name = Annotated[str, Meta(min_length=1)]
Objects = list[dict[str, Any]]


class Content(Struct, frozen=True):
    """One turn; without a role it is the user's."""

    parts: Annotated[Objects, Meta(max_length=PARTS_MAX)] = []
    role: str | None = None


class ThinkingConfig(Struct, frozen=True, rename="camel"):
    """How long to think, in tokens or by a word, and whether to show it."""

    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class GenerationConfig(Struct, frozen=True, rename="camel"):
    """How the reply is drawn, and its form."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    candidate_count: Annotated[int, Meta(ge=1, le=CANDIDATES_MAX)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    stop_sequences: Annotated[list[str], Meta(max_length=STOPS_MAX)] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_mime_type: str | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    thinking_config: ThinkingConfig | None = None


class CallingConfig(Struct, frozen=True, rename="camel"):
    """Which tools must or may be called."""

    mode: str | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(Struct, frozen=True, rename="camel"):
    """How tools are used."""

    function_calling_config: CallingConfig | None = None


class Request(Struct, frozen=True, rename="camel"):
    """The fields of a request that this dialect reads."""

    contents: Annotated[list[Content], Meta(min_length=1, max_length=CONTENTS_MAX)]
    system_instruction: Content | None = None
    tools: Annotated[Objects, Meta(max_length=TOOLS_MAX)] | None = None
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig | None = None


class Declaration(Struct, frozen=True, rename="camel"):
    """A function that the client runs; its schema is in one of two forms."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class Blob(Struct, frozen=True, rename="camel"):
    """Data in the body itself."""

    mime_type: Name
    data: str
    display_name: str | None = None


class FunctionCall(Struct, frozen=True):
    """A call that the model made; engines of old give it no id."""

    name: Name
    args: dict[str, Any] | None = None
    id: str | None = None


class FunctionResponse(Struct, frozen=True):
    """What the function said."""

    name: str = ""
    response: dict[str, Any] | None = None
    id: str | None = None
    parts: Objects | None = None
