"""Who runs a tool: the client's own pass, what the provider would run does not.

Rule: a kind of tool that is not known to run at the client counts as run by the provider.
"""

from collections.abc import Iterable
from typing import Any

from gateway.domain.errors import Malformed
from gateway.translation import fields

Tool = dict[str, Any]

AT_CLIENT = frozenset({"function", "custom", "local_shell", "apply_patch", "tool_search"})
GROUP = "namespace"
SHELL = "shell"
REMOTE = "mcp"
# Kinds whose name may be told in a loss.
AT_PROVIDER = frozenset(
    {
        "code_interpreter",
        "computer",
        "computer_use_preview",
        "file_search",
        "image_generation",
        "programmatic_tool_calling",
        "shell",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    }
)
REACHING = frozenset(f"tools.{kind}" for kind in AT_PROVIDER | {REMOTE})
_ALWAYS = frozenset({"auto", "none"})


def check(tools: Iterable[Tool], path: str, passed: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the name of a remote server that passes; Malformed for one that does not.

    Malformed too for a tool without a type.
    """
    reaches: frozenset[str] = frozenset()
    for at, tool in enumerate(tools):
        kind = fields.named(tool, "type", f"{path}[{at}].")
        if kind == REMOTE and lost_name(kind) not in passed:
            raise Malformed(
                f"{path}[{at}]: remote MCP servers are not accepted; connect them in the client."
            )
        reaches |= {lost_name(kind)} if kind == REMOTE else set()
        if kind == GROUP:
            inner = fields.records(tool, "tools", f"{path}[{at}].")
            reaches |= check(inner, f"{path}[{at}].tools", passed)
    return reaches


def kept(
    tools: Iterable[Tool], passed: frozenset[str] = frozenset()
) -> tuple[list[Tool], list[str]]:
    """Return the tools that run at the client or are in `passed`, and the names of the others."""
    staying: list[Tool] = []
    lost: list[str] = []
    for tool in tools:
        if tool["type"] == GROUP:
            inner, inner_lost = kept(tool.get("tools") or [], passed)
            staying.append({**tool, "tools": inner})
            lost += inner_lost
        elif _runs_at_client(tool) or lost_name(tool["type"]) in passed:
            staying.append(tool)
        else:
            lost.append(lost_name(tool["type"]))
    return staying, lost


def lost_name(kind: str) -> str:
    """Return the name under which a tool of that kind is lost."""
    known = kind in AT_PROVIDER or kind in AT_CLIENT or kind in {GROUP, REMOTE}
    return f"tools.{kind}" if known else "tools.unknown"


def choice_kept(choice: object, staying: list[Tool]) -> object | None:
    """Return the choice as far as it speaks of tools that stay; None when nothing is left of it.

    `auto` and `none` always stay; other words need a tool to choose.
    """
    if choice is None or isinstance(choice, str):
        stays = choice in _ALWAYS or (bool(staying) and choice == "required")
        return choice if stays else None
    if not isinstance(choice, dict):
        raise Malformed("tool_choice must be a word or an object.")
    if not staying:
        return None
    if choice.get("type") == "allowed_tools":
        return _allowed(choice)
    return choice if _may_be_chosen(choice) else None


def _allowed(choice: dict[str, Any]) -> dict[str, Any] | None:
    listed = fields.records(choice, "tools", "tool_choice.")
    left = [tool for tool in listed if _may_be_chosen(tool)]
    return {**choice, "tools": left} if left else None


def _may_be_chosen(named: dict[str, Any]) -> bool:
    kind = str(named.get("type"))
    return kind in AT_CLIENT or kind in {SHELL, GROUP}


def _runs_at_client(tool: Tool) -> bool:
    if tool["type"] == SHELL:
        environment = tool.get("environment")
        return isinstance(environment, dict) and environment.get("type") == "local"
    return tool["type"] in AT_CLIENT
