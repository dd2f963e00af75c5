"""What a reply is said to have used where its engine never came to tell."""

import pytest
from msgspec.structs import replace

from gateway.domain.money import Tokens
from gateway.flow.estimating import TOKENS_MAX, believed, estimated


@pytest.mark.parametrize(
    ("told", "made"),
    [
        (None, Tokens(25, 3)),
        (Tokens(), Tokens(25, 3)),
        # A prompt that was told stands, whichever part of it came from a cache.
        (Tokens(7, 1), Tokens(7, 3)),
        (Tokens(0, 1, cache_read_tokens=9), Tokens(0, 3, cache_read_tokens=9)),
        (Tokens(0, 1, cache_write_tokens=9), Tokens(0, 3, cache_write_tokens=9)),
        # What was told of the reply is never made less.
        (Tokens(7, 99, reasoning_tokens=90), Tokens(7, 99, reasoning_tokens=90)),
    ],
)
def test_what_was_told_stands_and_what_was_not_is_made_of_bytes(
    told: Tokens | None, made: Tokens
) -> None:
    assert estimated(told, 99, 9) == made


@pytest.mark.parametrize("name", Tokens.__struct_fields__)
def test_what_no_reply_can_have_used_is_not_believed(name: str) -> None:
    assert believed(None) is None
    for number, is_believed in (
        (0, True),
        (TOKENS_MAX, True),
        (TOKENS_MAX + 1, False),
        (-1, False),
    ):
        told = replace(Tokens(1, 1), **{name: number})
        assert believed(told) == (told if is_believed else None)


def test_nothing_sent_and_nothing_said_is_nothing() -> None:
    assert estimated(None, 0, 0) == Tokens()
