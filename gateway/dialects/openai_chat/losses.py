"""What a target cannot say, by name."""

import re

LOSSES_MAX = 32
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")


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
        """Add a name.

        INVARIANT: a name chosen by the client is repeated only when it looks like a field, because
        losses stand in the record and in a header.
        """
        self._names[name if _NAME.fullmatch(name) else "unnamed_field"] = None

    def leftovers(self, holder: dict[str, object], known: frozenset[str], path: str = "") -> None:
        """Add every field that is not known and says something."""
        for name, value in holder.items():
            if name not in known and value is not None and value not in ("", [], {}):
                self.add(path + name)
