"""Items and parts that are not documented: nobody here knows what a provider would do."""

from typing import Any

from gateway.dialects.openai_responses.items import items_of, kind_of
from gateway.dialects.openai_responses.losses import ITEMS
from gateway.domain.request import Body

KNOWN_PARTS = frozenset(
    {
        "computer_screenshot",
        "input_audio",
        "input_file",
        "input_image",
        "input_text",
        "output_text",
        "reasoning_text",
        "refusal",
        "summary_text",
        "text",
    }
)
# What holds parts of these kinds alone; what else an item holds has a form of its own.
_HOLDERS = frozenset({"custom_tool_call_output", "function_call_output", "message"})
KNOWN_ITEMS = (ITEMS - KNOWN_PARTS) | {
    *_HOLDERS,
    "configuration_update",
    "custom_tool_call",
    "function_call",
    "reasoning",
}


def strange(body: Body) -> bool:
    """Is there an item or a part of another kind?"""
    return any(
        kind_of(item) not in KNOWN_ITEMS or any(map(_is_strange, _parts(item)))
        for item in items_of(body)
    )


def _parts(item: dict[str, Any]) -> list[Any]:
    """Return the parts of an item that holds parts."""
    held = (item.get(name) for name in ("content", "output") if kind_of(item) in _HOLDERS)
    return [part for parts in held if isinstance(parts, list) for part in parts]


def _is_strange(part: dict[str, Any]) -> bool:
    return part.get("type") not in KNOWN_PARTS
