"""What a native Ollama chat request must look like, as far as this dialect depends on it."""

from typing import Annotated, Any

from msgspec import Meta, Struct

MESSAGES_MAX = 100_000
TOOLS_MAX = 10_000

Name = Annotated[str, Meta(min_length=1)]


class Function(Struct, frozen=True):
    """A tool and the arguments of its call."""

    name: Name
    arguments: dict[str, Any] | None = None


class Call(Struct, frozen=True):
    """A tool call; older servers give no id."""

    function: Function
    id: str | None = None


class Message(Struct, frozen=True):
    """One message; images are base64."""

    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[str] | None = None
    tool_calls: list[Call] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


class Signature(Struct, frozen=True):
    """A tool as it is offered."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(Struct, frozen=True):
    """A function that the client runs."""

    function: Signature
    type: str | None = None


class Options(Struct, frozen=True):
    """The options that another dialect may understand."""

    num_predict: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: list[str] | None = None


class Request(Struct, frozen=True):
    """The fields of a request that this dialect reads."""

    model: Name
    messages: Annotated[list[Message], Meta(min_length=1, max_length=MESSAGES_MAX)]
    stream: bool | None = None
    tools: Annotated[list[Tool], Meta(max_length=TOOLS_MAX)] | None = None
    format: str | dict[str, Any] | None = None
    think: bool | str | None = None
    options: Options | None = None
