"""What a Messages request must look like, as far as this dialect depends on it.

Unknown fields are allowed everywhere: they pass through, or become losses when translated.
"""

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.request import Body

MESSAGES_MAX = 100_000
BLOCKS_MAX = 100_000
TOOLS_MAX = 10_000

Blocks = list[dict[str, Any]]
Content = str | Annotated[Blocks, Meta(min_length=1)]
Name = Annotated[str, Meta(min_length=1)]

_T = TypeVar("_T")
_ROLES = frozenset({"user", "assistant", "system"})
_SOURCES = frozenset({"base64", "text", "content"})
_NESTING = frozenset({"content", "source"})
_PROVIDER_RUN = ("mcp_servers", "container")
# The beginnings of the types of the vendor's own tools; behind them stands a date.
_VENDOR_TOOLS = (
    "advisor",
    "bash",
    "browser",
    "code_execution",
    "computer",
    "mcp_toolset",
    "memory",
    "text_editor",
    "tool_search_tool",
    "web_fetch",
    "web_search",
)
_TOOL_CHANGES = frozenset({"tool_addition", "tool_removal"})
_DEFINITIONS = ("tool", "tools", "definition", "definitions")


class Message(Struct, frozen=True):
    """One message."""

    role: str
    content: Content


class ToolChoice(Struct, frozen=True):
    """auto, any, none or tool."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(Struct, frozen=True):
    """enabled with a budget, disabled, or adaptive."""

    type: str
    budget_tokens: int | None = None
    display: str | None = None


class Format(Struct, frozen=True):
    """The form that the answer must have."""

    type: str
    schema: dict[str, Any] | None = None


class OutputConfig(Struct, frozen=True):
    """Form and effort of the answer."""

    effort: str | None = None
    format: Format | None = None


class Request(Struct, frozen=True):
    """The fields of a request that this dialect reads."""

    model: Name
    max_tokens: Annotated[int, Meta(ge=1)]
    messages: Annotated[list[Message], Meta(min_length=1, max_length=MESSAGES_MAX)]
    stream: bool | None = None
    system: str | Blocks | None = None
    tools: Annotated[list[dict[str, Any]], Meta(max_length=TOOLS_MAX)] | None = None
    tool_choice: ToolChoice | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None


class Tool(Struct, frozen=True):
    """A tool that the client runs."""

    name: Name
    input_schema: dict[str, Any]
    description: str | None = None
    type: str | None = None


class Text(Struct, frozen=True):
    """A text block."""

    text: str


class Source(Struct, frozen=True):
    """Where the data of an image or document is."""

    type: str
    media_type: str = ""
    data: str = ""
    content: str | Blocks | None = None


class Media(Struct, frozen=True):
    """An image or document block."""

    source: Source


class ToolUse(Struct, frozen=True):
    """A call that the model made."""

    id: Name
    name: Name
    input: dict[str, Any]


class ToolResult(Struct, frozen=True):
    """What the tool said."""

    tool_use_id: Name
    content: str | Blocks | None = None
    is_error: bool | None = None


class ThinkingBlock(Struct, frozen=True):
    """Reasoning, signed by its provider."""

    thinking: str
    signature: str | None = None


class RedactedThinking(Struct, frozen=True):
    """Reasoning that only its provider can read."""

    data: str


CHECKED: dict[str, type[Struct]] = {
    "image": Media,
    "document": Media,
    "tool_result": ToolResult,
}


def shaped(value: object, shape: type[_T], where: str = "") -> _T:
    """Return the value in that shape; Malformed names the place and the types, never the value."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise Malformed(f"{where}{error}") from None


def vendor_tool(name: object) -> str:
    """Return the vendor's word with which that type begins, else `unknown`; errors name it."""
    known = (word for word in _VENDOR_TOOLS if isinstance(name, str) and name.startswith(word))
    return next(known, "unknown")


def kind(block: dict[str, Any]) -> str:
    """Return the type of a block, or raise Malformed."""
    found = block.get("type")
    if not isinstance(found, str) or not found:
        raise Malformed("a content block needs a type")
    return found


def admit(body: Body) -> tuple[Request, frozenset[str]]:
    """Return the request, checked, and the kinds of its blocks; Malformed or CannotExpress.

    INVARIANT: no part makes the provider fetch or run something: that would be egress which the
    gateway neither sees nor records.
    """
    request = shaped(body, Request)
    for field in _PROVIDER_RUN:
        if body.get(field):
            raise CannotExpress(f"{field} lets the provider act outside the boundary")
    for tool in request.tools or ():
        _admit_tool(tool)
    for number, message in enumerate(request.messages):
        if message.role not in _ROLES:
            raise Malformed(f"messages[{number}].role must be user or assistant")
    kinds = frozenset(_admit_block(block) for block in _blocks(request))
    return request, kinds


def _blocks(request: Request) -> Iterator[dict[str, Any]]:
    """Yield every content block, nested ones included; Malformed over BLOCKS_MAX."""
    todo: list[Any] = [request.system, *(message.content for message in request.messages)]
    count = 0
    while todo:
        content = todo.pop()
        if isinstance(content, dict):
            content = [content]
        if not isinstance(content, list):
            continue
        count += len(content)
        if count > BLOCKS_MAX:
            raise Malformed(f"more than {BLOCKS_MAX} content blocks")
        for block in content:
            if not isinstance(block, dict):
                raise Malformed("a content block must be an object")
            yield block
            if block.keys() & _NESTING:
                todo.extend(_inside(block))


def _inside(block: dict[str, Any]) -> tuple[Any, Any]:
    source = block.get("source")
    return block.get("content"), source.get("content") if isinstance(source, dict) else None


def _admit_tool(tool: dict[str, Any]) -> None:
    """Check one definition of a tool, wherever it stands."""
    found = tool.get("type")
    if found not in (None, "custom"):
        raise CannotExpress(
            f"the provider-run tool {vendor_tool(found)} works outside the boundary"
        )
    shaped(tool, Tool, "tools: ")


def _admit_block(block: dict[str, Any]) -> str:
    found = kind(block)
    if found in CHECKED:
        shaped(block, CHECKED[found], f"{found} block: ")
    elif found == "text" and not isinstance(block.get("text"), str):
        raise Malformed("text block: `text` must be a string")
    source = block.get("source")
    if isinstance(source, dict) and source.get("type") not in _SOURCES:
        raise Malformed("an image or document must carry its data: the provider may fetch nothing")
    if found == "container_upload":
        raise Malformed("a file at the provider cannot be checked: send its data")
    if found in _TOOL_CHANGES:
        raise CannotExpress("tools change in `tools` alone: a block may not add or remove one")
    for key in _DEFINITIONS:
        _admit_definitions(block.get(key))
    return found


def _admit_definitions(value: object) -> None:
    """Check what a block carries under a name for tools; Malformed or CannotExpress."""
    for tool in value if isinstance(value, list) else [value]:
        if isinstance(tool, dict):
            _admit_tool(tool)
