"""Marks in a prompt that say how far a provider may keep it."""

from typing import Any

from gateway.domain.conversation import Conversation, Media, Text, ToolCall, ToolResult, ToolSpec
from gateway.translation.losses import Losses

FIELD = "cache_control"
USUAL = "5m"
LASTS = frozenset({USUAL, "1h"})

Marked = Text | Media | ToolCall | ToolResult | ToolSpec


def read(holder: dict[str, Any], lost: Losses) -> str | None:
    """Return how long what stands before the mark may be kept; None without a mark.

    A mark of another kind, or with more to say, is lost as `cache_control`.
    """
    mark = holder.get(FIELD)
    if mark is None:
        return None
    if not isinstance(mark, dict) or mark.get("type") != "ephemeral":
        lost.note(FIELD)
        return None
    lasts = mark.get("ttl", USUAL)
    if not isinstance(lasts, str) or lasts not in LASTS or mark.keys() - {"type", "ttl"}:
        lost.note(FIELD)
        return USUAL
    return lasts


def write(lasts: str | None) -> dict[str, Any]:
    """Return the field for a block, nothing without a mark."""
    if lasts is None:
        return {}
    mark = {"type": "ephemeral"} if lasts == USUAL else {"type": "ephemeral", "ttl": lasts}
    return {FIELD: mark}


def is_marked(conversation: Conversation) -> bool:
    """Does any part of it carry a mark?"""
    return any(
        one.cache is not None
        for holder in (conversation.system, conversation.tools)
        for one in holder
    ) or any(_carries(part) for turn in conversation.turns for part in turn.parts)


def _carries(part: object) -> bool:
    if isinstance(part, ToolResult):
        return part.cache is not None or any(inner.cache is not None for inner in part.parts)
    return isinstance(part, Text | Media | ToolCall) and part.cache is not None
