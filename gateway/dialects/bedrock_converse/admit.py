"""What a request may hold: nothing that the provider would fetch, run or bring along."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from gateway.dialects.bedrock_converse import shapes
from gateway.dialects.bedrock_converse.shapes import BLOCKS_MAX, Request, member
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.field_kind import spelled
from gateway.domain.request import Body
from gateway.translation.shaping import shaped

ROLES = frozenset({"user", "assistant", "system"})
MEDIA = frozenset({"audio", "document", "image", "video"})
_SOURCES = frozenset({"bytes", "content", "text"})
_SHAPES: dict[str, type] = {
    "cachePoint": shapes.CachePoint,
    "guardContent": shapes.Guarded,
    "reasoningContent": shapes.Reasoning,
    "text": str,
    "toolResult": shapes.Result,
    "toolUse": shapes.Call,
}
_TOOL_CHANGES = frozenset({"toolAddition", "toolRemoval"})
REFERENCE = "s3Location"
SYSTEM_TOOL = "systemTool"
# What makes the provider fetch or run something, by the names under which policy may let it pass.
REACHING = frozenset({spelled(REFERENCE), spelled(SYSTEM_TOOL)})
# What may stand in values that are the client's own, whatever their keys are.
_FREE = frozenset({"toolUse", "json", "text"})


class Admitted(Struct, frozen=True):
    """A request that was checked, the kinds of its blocks, and what it reaches for by name."""

    request: Request
    kinds: frozenset[str]
    reaches: frozenset[str] = frozenset()


def admit(body: Body, passed: frozenset[str] = frozenset()) -> Admitted:
    """Return the request, checked; Malformed or CannotExpress.

    INVARIANT: no part makes the provider fetch or run something that is not in `passed`: that would
    be egress which the gateway neither sees nor records.
    """
    request = shaped(body, Request)
    for number, message in enumerate(request.messages):
        if message.role not in ROLES:
            raise Malformed(f"messages[{number}].role must be user or assistant")
    reaches: set[str] = set()
    if request.tool_config is not None:
        reaches |= _admit_tools(request.tool_config, passed)
    shaped(request.additional_model_request_fields or {}, shapes.Extras, "additional fields: ")
    kinds = set()
    for count, (kind, value) in enumerate(_blocks(request)):
        if count >= BLOCKS_MAX:
            raise Malformed(f"more than {BLOCKS_MAX} content blocks")
        reaches |= _admit_block(kind, value, passed)
        kinds.add(kind)
    return Admitted(request, frozenset(kinds), frozenset(reaches))


def _blocks(request: Request) -> Iterator[tuple[str, Any]]:
    """Yield every content block by its kind, those of tool results included."""
    for block in request.system or ():
        yield member(block)
    for message in request.messages:
        for block in message.content:
            kind, value = member(block)
            yield kind, value
            if kind == "toolResult":
                result = shaped(value, shapes.Result, "toolResult block: ")
                yield from (member(inner) for inner in result.content)


def _admit_tools(config: shapes.Tools, passed: frozenset[str]) -> frozenset[str]:
    """Check the tools; return the name of what the provider runs, where it passes."""
    reaches = set()
    for tool in config.tools:
        kind, value = member(tool)
        if kind == "toolSpec":
            shaped(value, shapes.Spec, "toolSpec: ")
        elif kind == SYSTEM_TOOL and spelled(kind) in passed:
            reaches.add(spelled(kind))
        elif kind != "cachePoint":
            told = SYSTEM_TOOL if kind == SYSTEM_TOOL else "of an unknown kind"
            raise CannotExpress(f"the provider-run tool {told} works outside the boundary")
    choice = config.tool_choice
    if choice is not None and [choice.auto, choice.any, choice.tool].count(None) != 2:  # noqa: PLR2004
        raise Malformed("toolChoice holds exactly one of auto, any and tool")
    return frozenset(reaches)


def _admit_block(kind: str, value: Any, passed: frozenset[str]) -> frozenset[str]:  # noqa: ANN401
    """Check a block; return the name of a reference that passes."""
    if kind in MEDIA:
        return _admit_source(shaped(value, shapes.Media, f"{kind} block: ").source, passed)
    if kind in _TOOL_CHANGES:
        raise CannotExpress("tools change in `toolConfig` alone: a block may not add or remove one")
    if kind in _SHAPES:
        said: object = shaped(value, _SHAPES[kind], f"{kind} block: ")
        if isinstance(said, shapes.Guarded) and said.image is not None:
            return _admit_source(said.image.source, passed)
    elif kind not in _FREE and _refers(value):
        return _admit_source({REFERENCE: True}, passed)
    return frozenset()


def _admit_source(source: dict[str, Any], passed: frozenset[str]) -> frozenset[str]:
    kind, _ = member(source)
    if kind in _SOURCES:
        return frozenset()
    if kind == REFERENCE and spelled(kind) in passed:
        return frozenset({spelled(kind)})
    raise Malformed("an image or document must carry its data: the provider may fetch nothing")


def _refers(value: Any) -> bool:  # noqa: ANN401
    """Is there a reference to the provider's own storage anywhere in it?"""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if REFERENCE in one:
                return True
            todo.extend(one.values())
        elif isinstance(one, list):
            todo.extend(one)
    return False
