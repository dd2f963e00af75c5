"""Tokens, prices and costs; money is an integer number of micro US dollars."""

from datetime import date

from msgspec import Struct


class Tokens(Struct, frozen=True):
    """The usage of one reply. `input_tokens` excludes what was read from or written to a cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


class Price(Struct, frozen=True, forbid_unknown_fields=True):
    """Micro US dollars per million tokens, with source and the day it was read."""

    input_microusd: int
    output_microusd: int
    source: str
    verified_on: date
    cache_read_microusd: int = 0
    cache_write_microusd: int = 0

    def cost_microusd(self, used: Tokens) -> int:
        """Return what that usage costs in micro US dollars, rounded up."""
        total = (
            used.input_tokens * self.input_microusd
            + used.output_tokens * self.output_microusd
            + used.cache_read_tokens * self.cache_read_microusd
            + used.cache_write_tokens * self.cache_write_microusd
        )
        return -(-total // 1_000_000)
