"""What the worlds were like: counts, and the least share that each must have."""

from collections import Counter


class Tally:
    def __init__(self) -> None:
        self.worlds = 0
        self.counts: Counter[str] = Counter()

    def count(self, stage, told) -> None:
        self.worlds += 1

    def __str__(self) -> str:
        return "\n".join(f"{name}: {count}" for name, count in sorted(self.counts.items()))
