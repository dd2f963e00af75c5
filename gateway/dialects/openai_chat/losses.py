"""What a target cannot say, by name.

INVARIANT: a name is a word of ours or of a vendor, never a word of the client: losses stand in the
record and in a header.
"""

from gateway.dialects.openai_chat.vocabulary import FIELDS, NESTED

LOSSES_MAX = 32
UNKNOWN = "unknown_field"
_DOCUMENTED = FIELDS.keys() | NESTED


class Losses:
    """Names in the order in which they were found, each once."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names; after LOSSES_MAX of them one `more` stands for the rest."""
        found = tuple(self._names)
        return found if len(found) <= LOSSES_MAX else (*found[:LOSSES_MAX], "more")

    def add(self, name: str) -> None:
        """Add a name, which is a word of ours."""
        self._names[name] = None

    def leftovers(self, holder: dict[str, object], known: frozenset[str], path: str = "") -> None:
        """Add every field that is not known here and says something; by name if it is documented.

        `path` is a word of ours.
        """
        for name, value in holder.items():
            if name not in known and value is not None and value not in ("", [], {}):
                self.add(path + name if name in _DOCUMENTED else UNKNOWN)
