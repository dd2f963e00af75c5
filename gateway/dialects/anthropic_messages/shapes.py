"""What a Messages request must look like, as far as this dialect depends on it.

Unknown fields are allowed everywhere: they pass through, or become losses when translated.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.request import Body
from gateway.translation.shaping import shaped

MESSAGES_MAX = 100_000
BLOCKS_MAX = 100_000
TOOLS_MAX = 10_000

Blocks = list[dict[str, Any]]
Content = str | Annotated[Blocks, Meta(min_length=1)]
Name = Annotated[str, Meta(min_length=1)]

_ROLES = frozenset({"user", "assistant", "system"})
_SOURCES = frozenset({"base64", "text", "content"})
_NESTING = frozenset({"content", "source"})
PROVIDER_RUN = ("mcp_servers", "container")
_REFERENCES = {"url": "remote_url", "file": "file_id"}
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
REACHING = frozenset(
    {*PROVIDER_RUN, *_REFERENCES.values(), *(f"tools.{word}" for word in _VENDOR_TOOLS)}
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


class Prompt(Struct, frozen=True, kw_only=True):
    """The fields of a request that this dialect reads, whether a reply is wanted or a count."""

    model: Name
    messages: Annotated[list[Message], Meta(min_length=1, max_length=MESSAGES_MAX)]
    max_tokens: int | None = None
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


class Request(Prompt, frozen=True, kw_only=True):
    """A request for a reply, which must say how long that may be."""

    max_tokens: Annotated[int, Meta(ge=1)]


class Tool(Struct, frozen=True):
    """A tool that the client runs."""

    name: Name
    input_schema: dict[str, Any]
    description: str | None = None
    type: str | None = None
    strict: bool | None = None


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
    title: str | None = None


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


class Admitted(Struct, frozen=True):
    """A request that was checked, the kinds of its blocks, and what it reaches for by name."""

    request: Prompt
    kinds: frozenset[str]
    reaches: frozenset[str] = frozenset()


def admit(
    body: Body, passed: frozenset[str] = frozenset(), shape: type[Prompt] = Request
) -> Admitted:
    """Return the request, checked; Malformed or CannotExpress.

    INVARIANT: no part makes the provider fetch or run something that is not in `passed`: that would
    be egress which the gateway neither sees nor records.
    """
    request = shaped(body, shape)
    reaches: set[str] = set()
    for field in PROVIDER_RUN:
        if body.get(field):
            if field not in passed:
                raise CannotExpress(f"{field} lets the provider act outside the boundary")
            reaches.add(field)
    for tool in request.tools or ():
        reaches |= _admit_tool(tool, passed)
    for number, message in enumerate(request.messages):
        if message.role not in _ROLES:
            raise Malformed(f"messages[{number}].role must be user or assistant")
    kinds = set()
    for block in blocks([request.system, *(message.content for message in request.messages)]):
        kinds.add(_admit_block(block))
        reaches |= _admit_reference(block, passed)
    return Admitted(request, frozenset(kinds), frozenset(reaches))


def blocks(contents: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield every block of these contents, nested ones included; Malformed over BLOCKS_MAX."""
    todo = list(contents)
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


def _admit_tool(tool: dict[str, Any], passed: frozenset[str] = frozenset()) -> frozenset[str]:
    """Check one definition of a tool, wherever it stands; return the name of one that passes."""
    found = tool.get("type")
    if found in (None, "custom"):
        shaped(tool, Tool, "tools: ")
        return frozenset()
    name = f"tools.{vendor_tool(found)}"
    if name not in passed:
        raise CannotExpress(
            f"the provider-run tool {vendor_tool(found)} works outside the boundary"
        )
    return frozenset({name})


def _admit_reference(block: dict[str, Any], passed: frozenset[str]) -> frozenset[str]:
    """Check where the data of a block is; return the name of a reference that passes."""
    source = block.get("source")
    kind_of_source = source.get("type") if isinstance(source, dict) else None
    if not isinstance(source, dict) or kind_of_source in _SOURCES:
        return frozenset()
    name = _REFERENCES.get(kind_of_source) if isinstance(kind_of_source, str) else None
    if name is None or name not in passed:
        raise Malformed("an image or document must carry its data: the provider may fetch nothing")
    return frozenset({name})


def _admit_block(block: dict[str, Any]) -> str:
    found = kind(block)
    if found in CHECKED:
        shaped(block, CHECKED[found], f"{found} block: ")
    elif found == "text" and not isinstance(block.get("text"), str):
        raise Malformed("text block: `text` must be a string")
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
