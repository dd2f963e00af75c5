"""The ends of prefixes that the provider may keep: elements of their own, behind what they mark."""

from typing import Any

from gateway.dialects.bedrock_converse.family import Family
from gateway.dialects.bedrock_converse.losses import Losses

CACHE_POINTS_MAX = 4
LONG = "1h"


class Marks:
    """Writes the cache points of one request; what a model does not take is a loss."""

    __slots__ = ("_family", "_left", "_losses")

    def __init__(self, family: Family, losses: Losses) -> None:
        self._family = family
        self._losses = losses
        self._left = CACHE_POINTS_MAX

    def after(self, cache: str | None, place: str) -> list[dict[str, Any]]:
        """Return the cache point for a mark in `system`, `tools` or `messages`, or nothing."""
        if cache is None:
            return []
        if place not in self._family.caches or not self._left:
            self._losses.note("cache_control")
            return []
        self._left -= 1
        point = {"type": "default"}
        if cache == LONG and self._family.caches_long:
            point["ttl"] = LONG
        elif cache == LONG:
            self._losses.note("cache_ttl")
        return [{"cachePoint": point}]
