"""How hard to think, in words and in tokens."""

import pytest

from gateway.domain.conversation import EFFORTS
from gateway.translation import claude, effort
from gateway.translation.losses import Losses


@pytest.mark.parametrize(
    ("tokens", "word"),
    [
        (1, "low"),
        (4096, "low"),
        (4097, "medium"),
        (16384, "medium"),
        (31999, "high"),
        (10**6, "high"),
    ],
)
def test_a_bound_in_tokens_is_an_effort_that_every_vendor_has(tokens: int, word: str) -> None:
    assert effort.effort_of(tokens) == word


@pytest.mark.parametrize(
    ("wanted", "known", "found"),
    [
        ("minimal", ("low", "medium", "high"), "low"),
        ("max", ("low", "medium", "high"), "high"),
        ("medium", ("low", "high"), "low"),
        ("xhigh", ("high", "max"), "high"),
        ("low", EFFORTS, "low"),
    ],
)
def test_the_nearest_effort_is_found_the_weaker_of_two(
    wanted: str, known: tuple[str, ...], found: str
) -> None:
    assert effort.nearest(wanted, known) == found


@pytest.mark.parametrize("wanted", EFFORTS)
@pytest.mark.parametrize("bound", [None, 1, 1024, 5000, 10**6])
@pytest.mark.parametrize("limit", [1025, 2000, 4000, 64000])
def test_a_budget_is_never_too_small_and_leaves_room_for_the_reply(
    wanted: str, bound: int | None, limit: int
) -> None:
    found = effort.budget(wanted, bound, limit)
    assert found is not None
    assert effort.BUDGET_TOKENS_MIN <= found < limit


def test_a_bound_of_the_client_is_kept_and_a_short_reply_has_no_budget() -> None:
    assert effort.budget("high", 2048, 64000) == 2048
    assert effort.budget("high", None, 4000) == 2000
    assert effort.budget("low", None, 64000) == 4096
    assert effort.budget("high", 2048, 1024) is None


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("claude-3-5-sonnet-20241022", ""),
        ("claude-3-7-sonnet-20250219", "budget"),
        ("claude-sonnet-4-20250514", "budget"),
        ("claude-opus-4-5", "budget"),
        ("claude-opus-4-6", "adaptive"),
        ("claude-opus-4.6", "adaptive"),
        ("claude-fable-5", "adaptive"),
        ("claude", ""),
    ],
)
def test_a_claude_is_told_to_think_by_its_version(name: str, way: str) -> None:
    assert claude.thinks(name) == way


def test_an_effort_that_claude_lacks_is_the_nearest_and_a_loss() -> None:
    losses = Losses()
    assert claude.effort_for("xhigh", losses) == "xhigh"
    assert losses.names == ()
    assert claude.effort_for("minimal", losses) == "low"
    assert losses.names == ("effort",)
