"""Draws from a seed; each takes one number, so that a smaller world stays like the larger one."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A stream of draws for one part of one world."""

    def __init__(self, seed: int, part: str) -> None:
        # WHY: a stream for each part, so that one rule fewer does not change the requests.
        self._draw = Random(f"{seed}:{part}").random  # noqa: S311 - worlds, not secrets

    def flip(self, share: float) -> bool:
        """Return True in that share of draws."""
        return self._draw() < share

    def below(self, count: int) -> int:
        """Return a number from 0 to count - 1."""
        return int(self._draw() * count)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of them."""
        return options[int(self._draw() * len(options))]

    def weighed(self, options: Sequence[tuple[float, T]]) -> T:
        """Return one of them; a weight of 2 makes it twice as likely as a weight of 1."""
        rest = self._draw() * sum(weight for weight, _ in options)
        for weight, option in options:
            rest -= weight
            if rest < 0:
                return option
        return options[-1][1]

    def subset(self, options: Sequence[T], share: float) -> list[T]:
        """Return some of them, in their order."""
        return [option for option in options if self._draw() < share]

    def some(self, options: Sequence[T], share: float = 0.5) -> list[T]:
        """Return some of them, at least one."""
        return self.subset(options, share) or [self.pick(options)]
