"""What policy can oblige a permitted request to; as words, for a decision and its record."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

COST_MAX = "cost_max_microusd"
PASSES_ONLY = "passes_only"
_PROVIDER_RUN = frozenset(
    {"mcp_servers", "container", "system_tool", "web_search_options", "plugins", "data_sources"}
)
_TOOLS = "tools."


class Obligation(StrEnum):
    """One duty.

    no_store: the engine is told to keep nothing, where its dialect has a word for it.
    strip_provider_tools: tools that a provider runs are taken out, whatever the zone takes in.
    require_review: the caller is told that a person has to look at the reply.
    notify: a line in the log that names the rules, and a count.
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


def passing_only(names: Iterable[str]) -> str:
    """Return the word for the names that pass at the most; those of several words pass together."""
    return f"{PASSES_ONLY}:{','.join(sorted(set(names)))}"


def is_provider_field(name: str) -> bool:
    """Is that a field of a request by which a provider runs something?"""
    return name in _PROVIDER_RUN


def is_provider_tool(name: str) -> bool:
    """Does a provider run what has that name in `passes`?"""
    return name.startswith(_TOOLS) or name in _PROVIDER_RUN


def passing(
    passes: Mapping[str, frozenset[str]], obligations: Iterable[str]
) -> Mapping[str, frozenset[str]]:
    """Return what may still pass, by zone, under these obligations; never more."""
    words = frozenset(obligations)
    strips = Obligation.STRIP_PROVIDER_TOOLS in words
    lists = [
        frozenset(word.partition(":")[2].split(","))
        for word in words
        if word.startswith(f"{PASSES_ONLY}:")
    ]
    if not strips and not lists:
        return passes
    return {
        zone: frozenset(
            name
            for name in names
            if not (strips and is_provider_tool(name)) and all(name in one for one in lists)
        )
        for zone, names in passes.items()
    }
