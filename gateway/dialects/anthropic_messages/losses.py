"""The names of what translation cannot carry.

INVARIANT: a name is a word of ours or of the vendor, never a word of the client: losses stand in
records and headers.
"""

from collections.abc import Container
from typing import Any

UNKNOWN = "unknown_field"
NAMED = frozenset(
    {
        "allowed_callers",
        "anthropic_beta",
        "anthropic_version",
        "betas",
        "cache_control",
        "caller",
        "citations",
        "context",
        "context_management",
        "defer_loading",
        "diagnostics",
        "display",
        "eager_input_streaming",
        "inference_geo",
        "input_examples",
        "metadata",
        "service_tier",
        "speed",
        "strict",
        "title",
        "toolset_name",
        "transformations",
        "user_profile_id",
        "workspace_id",
    }
)
KINDS = frozenset(
    {
        "bash_code_execution_tool_result",
        "browser_state",
        "code_execution_tool_result",
        "compaction",
        "document",
        "mcp_tool_result",
        "mcp_tool_use",
        "search_result",
        "server_tool_use",
        "text_editor_code_execution_tool_result",
        "tool_addition",
        "tool_reference",
        "tool_removal",
        "tool_search_tool_result",
        "web_fetch_tool_result",
        "web_search_tool_result",
    }
)


class Losses:
    """Names in the order in which they were met, each once."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Everything noted so far."""
        return tuple(self._names)

    def note(self, name: str) -> None:
        """Add a loss."""
        self._names[name] = None

    def extras(self, value: dict[str, Any], known: Container[str]) -> None:
        """Add every field that is set and not among the known ones."""
        for key, said in value.items():
            if said is not None and key not in known:
                self.note(key if key in NAMED else UNKNOWN)


def opaque_kind(kind: str) -> str:
    """Return the name under which a block that only this dialect understands may be lost."""
    return kind if kind in KINDS else "unknown_block"
