"""How many of the first matches count, and whether more of them are worth a question."""


class Growth:
    """How many count among the first matches, and how many more with each further one."""

    __slots__ = ("_rate", "at", "counted")

    def __init__(self) -> None:
        self.at = self.counted = 0
        self._rate = 0.0

    def note(self, at: int, counted: int) -> None:
        """Of the first so many matches so many count."""
        self._rate = (counted - self.counted) / (at - self.at)
        self.at, self.counted = at, counted

    def expected(self, at: int) -> float:
        """Return how many would count among so many, if they went on as before."""
        return self.counted + self._rate * (at - self.at)
