"""Chance that is the same in every run."""

from random import Random

Dice = Random


def dice(seed: str) -> Dice:
    return Random(seed)  # noqa: S311 - test data, not secrets
