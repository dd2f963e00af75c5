"""Takes the tools that a provider runs out of a body, where policy obliges to."""

from collections.abc import Callable
from typing import Any

from gateway.domain.errors import Denied, GatewayError
from gateway.domain.field_kind import spelled
from gateway.domain.obligation import is_provider_field, is_provider_tool
from gateway.domain.request import Ask, Body

TOOLS = "tools"
CONFIGS = ("toolConfig", "tool_config")
CHOICES = ("tool_choice", "toolChoice")
CHOICE_IN_CONFIG = "toolChoice"
# What forces no tool, in the words of all dialects.
_FREE = frozenset({"auto", "none", "AUTO", "NONE"})

Peek = Callable[[Body], Ask]


def reached(ask: Ask) -> frozenset[str]:
    """Return the names of what a provider would run for this request."""
    return frozenset(name for name in ask.reaches or () if is_provider_tool(name))


def provider_fields(body: Body) -> frozenset[str]:
    """Return the names of the fields by which a provider would run something."""
    return frozenset(spelled(name) for name in body if is_provider_field(spelled(name)))


def stripped(body: Body, peek: Peek) -> tuple[Body, tuple[str, ...]]:
    """Return the body without those tools, and their names; Denied where one is demanded.

    `peek` tells of each tool alone whether a provider runs it, as it does of the whole request.
    """
    lost = reached(peek(body)) | provider_fields(body)
    kept = {name: value for name, value in body.items() if not is_provider_field(spelled(name))}
    forced = False
    kept = _without(kept, lambda tools: {**kept, TOOLS: tools}, peek)
    for name in CONFIGS:
        inner = kept.get(name)
        if isinstance(inner, dict) and TOOLS in inner:
            config = _without(inner, _configured(kept, name), peek)
            forced = forced or _forces(inner, _gone(inner, config), (CHOICE_IN_CONFIG,))
            kept = {key: value for key, value in kept.items() if key != name}
            kept |= {name: config} if config.get(TOOLS) else {}
    if forced or reached(peek(kept)) or _forces(body, _gone(body, kept)):
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
    held = [one for tool in gone for one in (tool, *tool.values()) if isinstance(one, dict)]
    said = (one.get(name) for one in held for name in ("name", "type"))
    return frozenset(word for word in said if isinstance(word, str))


def _forces(
    holder: dict[str, Any], gone: frozenset[str] | None, choices: tuple[str, ...] = CHOICES
) -> bool:
    """Is a tool demanded that is gone? `gone` is None where all of them are."""
    for name in choices:
        words = _demanded(holder.get(name))
        if gone is None and words - _FREE:
            return True
        if gone is not None and words & gone:
            return True
    return False


def _demanded(choice: object) -> frozenset[str]:
    """Return the words of a choice: by its type and name, or by the one key that Converse has."""
    if not isinstance(choice, dict):
        return frozenset({choice} if isinstance(choice, str) else ())
    held = [one for one in choice.values() if isinstance(one, dict)]
    said = [one.get(name) for one in (choice, *held) for name in ("type", "name")]
    words = frozenset(word for word in said if isinstance(word, str))
    return words or frozenset(choice)
