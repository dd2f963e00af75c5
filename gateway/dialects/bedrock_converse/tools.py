"""The tools of a conversation, and which of them must be called."""

from typing import Any

from gateway.dialects.bedrock_converse.family import Family
from gateway.dialects.bedrock_converse.losses import Losses
from gateway.dialects.bedrock_converse.marks import Marks
from gateway.dialects.bedrock_converse.names import NAMES
from gateway.domain.conversation import Conversation, ToolChoice, ToolSpec
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation.names import called
from gateway.translation.schemas import arguments_schema

FORCED = ("any", "tool")
JSON = "json"
GONE = "This tool is not available any more."


def write_tools(
    conversation: Conversation, offering: Offering, family: Family, marks: Marks, losses: Losses
) -> Body:
    """Return `toolConfig`, or nothing.

    Bedrock wants it as soon as the conversation holds a call or a result, and knows no choice
    `none`: then tools are left out where they can be, and lost as a choice where they cannot.
    """
    choice = conversation.tool_choice
    used = called(conversation)
    specs = conversation.tools
    if choice is not None and choice.mode == "none" and specs:
        if not used:
            return {}
        losses.note("tool_choice")
    if not specs:
        if choice is not None and choice.mode in FORCED:
            losses.note("tool_choice")
        if not used:
            return {}
        losses.note("tools_injected")
        specs = tuple(ToolSpec(name, GONE, {}) for name in used)
        choice = None
    said: list[Body] = []
    for spec in specs:
        said += [_tool(spec, offering, losses), *marks.after(spec.cache, "tools")]
    config: Body = {"tools": said}
    if choice is not None:
        config |= _choice(choice, family, losses)
    return {"toolConfig": config}


def _tool(spec: ToolSpec, offering: Offering, losses: Losses) -> Body:
    schema = arguments_schema(spec.schema)
    described = {"description": spec.description} if spec.description.strip() else {}
    named: Body = {"name": NAMES.name(spec.name), **described, "inputSchema": {"json": schema}}
    # WHY: only models that keep to a schema in their answers keep to one in their calls.
    if spec.strict and JSON in offering.capabilities:
        named["strict"] = True
    elif spec.strict:
        losses.note("strict")
    return {"toolSpec": named}


def _choice(choice: ToolChoice, family: Family, losses: Losses) -> Body:
    if choice.parallel is False:
        losses.note("parallel_tool_calls")
    if choice.mode not in FORCED:
        return {}
    if not family.chooses_tools:
        losses.note("tool_choice")
        return {}
    wanted: dict[str, Any] = {"any": {}}
    if choice.mode == "tool":
        wanted = {"tool": {"name": NAMES.name(choice.name or "")}}
    return {"toolChoice": wanted}
