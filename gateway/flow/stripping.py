"""Takes the tools that a provider runs out of a body, where policy obliges to."""

from collections.abc import Callable
from typing import Any

from gateway.domain.errors import Denied, GatewayError
from gateway.domain.field_kind import spelled
from gateway.domain.obligation import is_provider_tool
from gateway.domain.request import Ask, Body

TOOLS = "tools"
CONFIGS = ("toolConfig", "tool_config")
CHOICES = ("tool_choice", "toolChoice")
# What forces no tool, in the words of all dialects.
_FREE = frozenset({"auto", "none", "AUTO", "NONE"})

Peek = Callable[[Body], Ask]


def reached(ask: Ask) -> frozenset[str]:
    """Return the names of what a provider would run for this request."""
    return frozenset(name for name in ask.reaches or () if is_provider_tool(name))


def stripped(body: Body, peek: Peek) -> tuple[Body, tuple[str, ...]]:
    """Return the body without those tools, and their names; Denied where one is demanded.

    `peek` tells of each tool alone whether a provider runs it, as it does of the whole request.
    """
    lost = reached(peek(body))
    kept = {name: value for name, value in body.items() if not is_provider_tool(spelled(name))}
    kept = _without(kept, lambda tools: {**kept, TOOLS: tools}, peek)
    for name in CONFIGS:
        inner = kept.get(name)
        if isinstance(inner, dict) and TOOLS in inner:
            config = _without(inner, _configured(kept, name), peek)
            kept = {key: value for key, value in kept.items() if key != name}
            kept |= {name: config} if config.get(TOOLS) else {}
    if reached(peek(kept)) or _forces(body, _gone(body, kept)):
        raise Denied("Policy takes out the tools that a provider runs, and the request needs one.")
    if TOOLS not in kept:
        kept = {name: value for name, value in kept.items() if name not in CHOICES}
    return kept, tuple(sorted(lost))


def _configured(body: Body, name: str) -> Callable[[list[Any]], Body]:
    return lambda tools: {**body, name: {**body[name], TOOLS: tools}}


def _without(
    holder: dict[str, Any], alone: Callable[[list[Any]], Body], peek: Peek
) -> dict[str, Any]:
    """Return what holds tools without those that a provider runs; without any, no list of them."""
    tools = holder.get(TOOLS)
    if not isinstance(tools, list):
        return holder

    def runs(tool: Any) -> bool:  # noqa: ANN401
        try:
            return bool(reached(peek(alone([tool]))))
        except GatewayError:
            return False

    left = [ours for tool in tools if (ours := _ours(tool, runs)) is not None]
    kept = {key: value for key, value in holder.items() if key != TOOLS}
    return kept | ({TOOLS: left} if left else {})


def _ours(tool: Any, runs: Callable[[Any], bool]) -> Any:  # noqa: ANN401
    """Return the tool, what of it nobody else runs, or None."""
    if not runs(tool):
        return tool
    if not isinstance(tool, dict):
        return None
    # WHY: one entry of Gemini's may hold declarations of the client beside a search.
    apart = {key: value for key, value in tool.items() if not runs({key: value})}
    return apart if len(tool) > 1 and "type" not in tool and apart else None


def _gone(body: Body, kept: Body) -> frozenset[str] | None:
    """Return what the tools that were taken out are called; None where none is left."""
    if not kept.get(TOOLS):
        return None
    gone = [tool for tool in body[TOOLS] if isinstance(tool, dict) and tool not in kept[TOOLS]]
    said = (tool.get(name) for tool in gone for name in ("name", "type"))
    return frozenset(word for word in said if isinstance(word, str))


def _forces(body: Body, gone: frozenset[str] | None) -> bool:
    """Does the request demand a tool that is gone? `gone` is None where all of them are."""
    for name in CHOICES:
        choice = body.get(name)
        told = choice if isinstance(choice, dict) else {"type": choice}
        words = {one for one in (told.get("type"), told.get("name")) if isinstance(one, str)}
        if gone is None and words - _FREE:
            return True
        if gone is not None and words & gone:
            return True
    return False
