"""What a request may cost at worst, before anybody has counted a token."""

from gateway.domain.fleet import Offering
from gateway.domain.money import Price, Tokens
from gateway.domain.request import Ask

# WHY: what a vendor puts around the words of a request, such as its own text about tools.
ADDED_TOKENS = 4096
# WHY: a small picture, and what is fetched, can be many more tokens than the body has bytes.
_UNMEASURED = frozenset({"images", "documents"})


def worst_microusd(offering: Offering, ask: Ask, body_bytes: int | None) -> int:
    """Return the most that one reply to the request can cost there, in micro US dollars.

    No token is shorter than a byte, and the context bounds every prompt; without `body_bytes`, or
    where something in the body is not text, the prompt counts as one that fills the context.
    """
    price = offering.price
    dearest = max(price.input_microusd, price.cache_write_microusd, price.cache_read_microusd)
    asked = ask.output_tokens_max
    output = offering.output_tokens_max if asked is None else asked
    replies = ask.replies or 1
    worst = Tokens(_prompt_max(offering, ask, body_bytes), max(output, 0) * replies)
    full = Price(dearest, price.output_microusd, price.source, price.verified_on)
    return full.cost_microusd(worst)


def _prompt_max(offering: Offering, ask: Ask, body_bytes: int | None) -> int:
    if body_bytes is None or ask.reaches or not ask.needs.isdisjoint(_UNMEASURED):
        return offering.context_tokens
    return min(offering.context_tokens, body_bytes + ADDED_TOKENS)
