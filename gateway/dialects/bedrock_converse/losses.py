"""The names of what translation cannot carry.

INVARIANT: a name is a word of ours, never a word of the client: losses stand in records and
headers.
"""


class Losses:
    """Names in the order in which they were met, each once."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Everything noted so far."""
        return tuple(self._names)

    def note(self, name: str) -> None:
        """Add a loss."""
        self._names[name] = None
