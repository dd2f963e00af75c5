"""What a request costs at worst is never told too low."""

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from gateway.domain.decision import Decision, Effect
from gateway.domain.money import Price
from gateway.domain.request import Ask
from gateway.routing.cost import ADDED_TOKENS, worst_microusd
from gateway.routing.names import Named
from gateway.routing.plan import Limits, plan
from tests.doubles.fleets import a_catalogue, a_fleet, an_offering

# One micro dollar for a token that is read, two for one that is written.
PRICE = Price(1_000_000, 2_000_000, "a page", date(2026, 11, 1))
DEAR = an_offering("opus", "cloud", "on_prem", price=PRICE)
FREE = an_offering("qwen", "vllm", "on_prem")
CONTEXT = DEAR.context_tokens
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_text_has_no_more_tokens_than_bytes_beside_what_is_put_around_it() -> None:
    assert worst_microusd(DEAR, Ask("m", output_tokens_max=10), 100) == ADDED_TOKENS + 100 + 20


def test_without_a_limit_of_the_reply_the_longest_one_counts() -> None:
    least = ADDED_TOKENS + 100
    assert worst_microusd(DEAR, Ask("m"), 100) == least + 2 * DEAR.output_tokens_max


def test_every_reply_that_is_asked_for_counts() -> None:
    ask = Ask("m", output_tokens_max=10, replies=3)
    assert worst_microusd(DEAR, ask, 100) == ADDED_TOKENS + 100 + 60


@pytest.mark.parametrize(
    ("ask", "size"),
    [
        (Ask("m", output_tokens_max=0, needs=frozenset({"images"})), 100),
        (Ask("m", output_tokens_max=0, needs=frozenset({"documents"})), 100),
        (Ask("m", output_tokens_max=0, reaches=frozenset({"file_id"})), 100),
        (Ask("m", output_tokens_max=0), None),
        (Ask("m", output_tokens_max=0), 10**9),
    ],
)
def test_what_cannot_be_measured_fills_the_context(ask: Ask, size: int | None) -> None:
    assert worst_microusd(DEAR, ask, size) == CONTEXT


def test_the_dearest_way_to_read_a_prompt_counts() -> None:
    caching = replace(DEAR, price=replace(PRICE, cache_write_microusd=3_000_000))
    assert worst_microusd(caching, Ask("m", output_tokens_max=0), None) == 3 * CONTEXT


def test_what_is_dearer_than_the_limit_is_no_candidate() -> None:
    decision = Decision(Effect.PERMIT, frozenset({"on_prem"}), ("r",), "permitted", "p", NOW)
    named = Named("code", "code", (DEAR, FREE))
    ask, fleet = Ask("code", output_tokens_max=10), a_fleet(a_catalogue(DEAR, FREE))
    worst = ADDED_TOKENS + 100 + 20

    def found(limit: int | None) -> tuple[list[str], dict[str, str]]:
        limits = Limits(lambda _: None, cost_max_microusd=limit, body_bytes=100)
        route = plan(decision, ask, named, fleet, limits)
        return (
            [one.offering.id for one in route.candidates],
            {one.offering: one.reason for one in route.excluded},
        )

    assert found(None) == ([DEAR.id, FREE.id], {})
    assert found(worst) == ([DEAR.id, FREE.id], {})
    assert found(worst - 1) == ([FREE.id], {DEAR.id: "cost"})
