"""What is known of a Claude by its name, whoever serves it."""

import re

from gateway.translation.effort import nearest
from gateway.translation.losses import Losses

ADAPTIVE_FROM = (4, 6)
BUDGET_FROM = (3, 7)
# From here on an answer may be held to a schema, and `temperature` excludes `top_p`.
SCHEMA_FROM = (4, 1)
EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")


def version(name: str) -> tuple[int, int]:
    """Return the version in the name of a Claude, (0, 0) where there is none."""
    found = _VERSION.search(name)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def thinks(name: str) -> str:
    """Return how that Claude is told to think: `adaptive`, `budget`, or empty where it cannot."""
    found = version(name)
    if found >= ADAPTIVE_FROM:
        return "adaptive"
    return "budget" if found >= BUDGET_FROM else ""


def effort_for(wanted: str, losses: Losses) -> str:
    """Return the effort in the vendor's words; one that it does not have is a loss."""
    if wanted in EFFORTS:
        return wanted
    losses.note("effort")
    return nearest(wanted, EFFORTS)
