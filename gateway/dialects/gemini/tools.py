"""The tools of a conversation, and which of them must be called."""

from typing import Any

from gateway.dialects.gemini.family import Family
from gateway.dialects.gemini.losses import Losses
from gateway.dialects.gemini.names import allowed
from gateway.dialects.gemini.said import CACHE
from gateway.dialects.gemini.schema import Subset
from gateway.domain.conversation import Conversation, ToolChoice, ToolSpec
from gateway.domain.request import Body

FORCED = ("any", "tool")
_MODES = {"auto": "AUTO", "any": "ANY", "none": "NONE", "tool": "ANY"}


def write_tools(conversation: Conversation, family: Family, losses: Losses) -> Body:
    """Return `tools` and `toolConfig`, or nothing."""
    choice = conversation.tool_choice
    if not conversation.tools:
        if choice is not None and choice.mode in FORCED:
            losses.note("tool_choice")
        return {}
    declared = [_declared(tool, family, losses) for tool in conversation.tools]
    said: Body = {"tools": [{"functionDeclarations": declared}]}
    if choice is not None:
        said |= _choice(choice, losses)
    return said


def _declared(tool: ToolSpec, family: Family, losses: Losses) -> dict[str, Any]:
    if tool.cache is not None:
        losses.note(CACHE)
    if tool.strict:
        losses.note("strict")
    described = {"description": tool.description} if tool.description else {}
    return {"name": allowed(tool.name), **described, **_schema(tool.schema, family, losses)}


def _schema(schema: dict[str, Any], family: Family, losses: Losses) -> dict[str, Any]:
    """Return the schema of the arguments; a tool that takes none has none.

    WHY: the vendor refuses an object without properties in the subset.
    """
    if family.takes_json_schema:
        kept = {name: value for name, value in schema.items() if name != "$schema"}
        if kept.get("properties", {}) is None:
            del kept["properties"]
        return {"parametersJsonSchema": {"type": "object", **kept}}
    subset = Subset({"type": "object", **schema})
    written = subset.write()
    if subset.lost:
        losses.note("tool_schema_simplified")
    return {"parameters": written} if written.get("properties") else {}


def _choice(choice: ToolChoice, losses: Losses) -> Body:
    if choice.parallel is False:
        losses.note("parallel_tool_calls")
    config: dict[str, Any] = {"mode": _MODES[choice.mode]}
    if choice.mode == "tool":
        config["allowedFunctionNames"] = [allowed(choice.name or "")]
    return {"toolConfig": {"functionCallingConfig": config}}
