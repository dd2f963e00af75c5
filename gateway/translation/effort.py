"""How hard to think: words of one vendor in those of another, and in tokens."""

from collections.abc import Collection

from gateway.domain.conversation import EFFORTS

BUDGET_TOKENS_MIN = 1_024
# What every vendor has a word for.
EVERYWHERE = ("low", "medium", "high")
BUDGETS = {
    "minimal": BUDGET_TOKENS_MIN,
    "low": 4_096,
    "medium": 16_384,
    "high": 32_768,
    "xhigh": 49_152,
    "max": 65_536,
}


def effort_of(budget_tokens: int) -> str:
    """Return the least of the efforts that every vendor has whose budget holds that many tokens."""
    return next((name for name in EVERYWHERE if budget_tokens <= BUDGETS[name]), EVERYWHERE[-1])


def nearest(effort: str, known: Collection[str]) -> str:
    """Return the known effort that is nearest to that one, the weaker of two."""
    at = EFFORTS.index(effort)
    return min(known, key=lambda name: (abs(EFFORTS.index(name) - at), EFFORTS.index(name)))


def budget(effort: str, wanted_tokens_max: int | None, output_tokens_max: int) -> int | None:
    """Return how many tokens may go to thinking out of those of the reply; None if too few.

    A bound that the client named is kept as far as the reply's own limit leaves room for it; one
    that follows from an effort leaves half of the reply to its words.
    """
    if output_tokens_max <= BUDGET_TOKENS_MIN:
        return None
    if wanted_tokens_max is not None:
        return max(min(wanted_tokens_max, output_tokens_max - 1), BUDGET_TOKENS_MIN)
    return min(BUDGETS[effort], max(output_tokens_max // 2, BUDGET_TOKENS_MIN))
