"""The names of what translation cannot carry.

INVARIANT: a name is a word of ours or of a vendor, never a word of the client: losses stand in
records and headers.
"""

from collections.abc import Container, Mapping

LOSSES_MAX = 32
UNKNOWN = "unknown_field"
_SILENT: tuple[object, ...] = ("", [], {})


class Losses:
    """Names in the order in which they were met, each once; `named` are words that may be told."""

    __slots__ = ("_named", "_names")

    def __init__(self, named: Container[str] = frozenset()) -> None:
        self._named = named
        self._names: dict[str, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names; after LOSSES_MAX of them one `more` stands for the rest."""
        found = tuple(self._names)
        return found if len(found) <= LOSSES_MAX else (*found[:LOSSES_MAX], "more")

    def note(self, name: str) -> None:
        """Add a loss; the name is a word of ours or of the vendor."""
        self._names[name] = None

    def extras(self, holder: Mapping[str, object], known: Container[str], path: str = "") -> None:
        """Add every field that says something and is not known; by name if it is documented.

        `path` is a word of ours.
        """
        for name, value in holder.items():
            if name not in known and value is not None and value not in _SILENT:
                self.note(path + name if name in self._named else UNKNOWN)
