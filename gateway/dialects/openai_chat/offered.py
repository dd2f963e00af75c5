"""The tools that a request offers: only such as the client runs itself."""

from typing import Any

from gateway.domain.errors import CannotExpress
from gateway.domain.request import Body
from gateway.translation import fields

_TYPES = frozenset({"function", "custom"})
_CHOICES = _TYPES | {"allowed_tools"}
_FIELDS = frozenset(
    {"type", "function", "custom", "strict", "cache_control", "defer_loading", "index", "id"}
)


def refuse_provider_tools(body: Body) -> None:
    """Raise CannotExpress for a tool that is neither a function nor custom, without its name.

    INVARIANT: no tool makes the provider fetch or run something: that would be egress which the
    gateway neither sees nor records.
    """
    for at, tool in enumerate(fields.records(body, "tools")):
        _inspect(tool, f"tools[{at}]")
    choice = body.get("tool_choice")
    if not isinstance(choice, dict):
        return
    if not _is(choice, _CHOICES):
        raise CannotExpress("tool_choice must name a function or a custom tool.")
    allowed = fields.record(choice, "allowed_tools", "tool_choice.") or {}
    for holder in (choice, allowed):
        for at, tool in enumerate(fields.records(holder, "tools", "tool_choice.")):
            _inspect({**tool, "name": None}, f"tool_choice.tools[{at}]")


def _inspect(tool: dict[str, Any], path: str) -> None:
    if not _is(tool, _TYPES):
        raise CannotExpress(
            f"{path} must be a function or a custom tool: what a provider runs works outside the "
            "boundary."
        )
    said = {name for name, value in tool.items() if value is not None}
    if not said <= _FIELDS:
        raise CannotExpress(f"{path} holds more than a function or a custom tool does.")


def _is(holder: dict[str, Any], types: frozenset[str]) -> bool:
    kind = holder.get("type", "function" if "function" in holder else None)
    return isinstance(kind, str) and kind in types
