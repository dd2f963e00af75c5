"""Where tools are called in a body and answer, in whichever dialect it is written.

A body is read by its structure, and nothing in it is an error here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

_TURNS = ("messages", "input", "contents")
_PARTS = ("content", "parts")
# By the type of an item or block: the name of its id, and that of what the tool is called with.
_ITEMS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "function_call": (("call_id", "arguments"),),
    "custom_tool_call": (("call_id", "input"),),
    "mcp_call": (("id", "arguments"),),
    "local_shell_call": (("call_id", "action"),),
    "shell_call": (("call_id", "action"),),
    "apply_patch_call": (("call_id", "operation"),),
    "computer_call": (("call_id", "action"),),
    "tool_use": (("id", "input"),),
    "server_tool_use": (("id", "input"),),
    "mcp_tool_use": (("id", "input"),),
}
Key = tuple[str, int]
Call = tuple[Key, Any]


def turns_of(said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every turn in order."""
    for name in _TURNS:
        yield from _maps(said.get(name))


def parts_of(said: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every turn, and every part of each, in order."""
    for turn in turns_of(said):
        yield turn
        for place in _PARTS:
            yield from _maps(turn.get(place))


def _maps(value: object) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, or the one that stands without it, as Gemini takes it too."""
    yield from (one for one in (value if isinstance(value, list) else [value]) if is_map(one))


def calls_in(part: Mapping[str, Any], called: Counter[str]) -> Iterator[Call]:
    """Yield the calls of a turn or part, in whichever dialect it is written."""
    for identity, field in _ITEMS.get(str(part.get("type")), ()):
        if field in part:
            yield key_of(part.get(identity), "", called), part[field]
    listed = part.get("tool_calls")
    for one in listed if isinstance(listed, list) else ():
        yield from _listed(one, called)
    used = part.get("toolUse")
    if is_map(used):
        yield key_of(used.get("toolUseId"), "", called), used.get("input")
    for wanted in filter(is_map, (part.get("functionCall"), part.get("function_call"))):
        arguments = wanted.get("args", wanted.get("arguments"))
        yield key_of(wanted.get("id"), wanted.get("name"), called), arguments


def _listed(one: object, called: Counter[str]) -> Iterator[Call]:
    """Yield a call of OpenAI's list of them, and of Ollama's."""
    for kind, field in (("function", "arguments"), ("custom", "input")):
        named = one.get(kind) if is_map(one) else None
        if is_map(one) and is_map(named):
            yield key_of(one.get("id"), named.get("name"), called), named.get(field)


def results_in(part: Mapping[str, Any], answered: Counter[str]) -> Iterator[Call]:
    """Yield what tools answered, each under the key of its call."""
    if part.get("role") in {"tool", "function"}:
        name = part.get("tool_name", part.get("name"))
        yield key_of(part.get("tool_call_id"), name, answered), part.get("content")
    if part.get("type") in {"function_call_output", "custom_tool_call_output"}:
        yield key_of(part.get("call_id"), "", answered), part.get("output")
    if part.get("type") == "tool_result":
        yield key_of(part.get("tool_use_id"), "", answered), part.get("content")
    used = part.get("toolResult")
    if is_map(used):
        yield key_of(used.get("toolUseId"), "", answered), used.get("content")
    for told in filter(is_map, (part.get("functionResponse"), part.get("function_response"))):
        yield key_of(told.get("id"), told.get("name"), answered), told.get("response")


def key_of(identity: object, name: object, seen: Counter[str]) -> Key:
    """Return what a call and its answer have in common.

    WHY: Ollama and Gemini may give no id; then the n-th answer of a tool is that of its n-th call.
    """
    if isinstance(identity, str) and identity:
        return (f"id {identity}", 0)
    named = f"name {name}"
    seen[named] += 1
    return (named, seen[named])


def is_map(value: object) -> TypeGuard[dict[str, Any]]:
    """Is it an object of JSON?"""
    return isinstance(value, dict)
