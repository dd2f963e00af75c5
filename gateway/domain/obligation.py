"""What policy can oblige a permitted request to; as words, for a decision and its record."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

COST_MAX = "cost_max_microusd"
_PROVIDER_RUN = frozenset({"mcp_servers", "container", "system_tool"})
_TOOLS = "tools."


class Obligation(StrEnum):
    """One duty.

    no_store: the engine is told to keep nothing, where its dialect has a word for it.
    strip_provider_tools: tools that a provider runs are taken out, whatever the zone takes in.
    require_review: the caller is told that a person has to look at the reply.
    notify: a line in the log, and a count.
    redact: what raised the label is taken out first, and policy is asked again.
    no_log_bodies: where bodies are kept, those of this request are not.
    """

    NO_STORE = "no_store"
    STRIP_PROVIDER_TOOLS = "strip_provider_tools"
    REQUIRE_REVIEW = "require_review"
    NOTIFY = "notify"
    REDACT = "redact"
    NO_LOG_BODIES = "no_log_bodies"


def costing(most_microusd: int) -> str:
    """Return the word for a limit of what the request may cost at worst."""
    return f"{COST_MAX}:{most_microusd}"


def cost_max(obligations: Iterable[str]) -> int | None:
    """Return the lowest limit that is among the words, None where there is none."""
    limits = [int(word.partition(":")[2]) for word in obligations if word.startswith(COST_MAX)]
    return min(limits, default=None)


def is_provider_tool(name: str) -> bool:
    """Does a provider run what has that name in `passes`?"""
    return name.startswith(_TOOLS) or name in _PROVIDER_RUN


def passing(
    passes: Mapping[str, frozenset[str]], obligations: Iterable[str]
) -> Mapping[str, frozenset[str]]:
    """Return what may still pass, by zone, under these obligations; never more."""
    if Obligation.STRIP_PROVIDER_TOOLS not in obligations:
        return passes
    return {
        zone: frozenset(name for name in names if not is_provider_tool(name))
        for zone, names in passes.items()
    }
