"""The names of what translation cannot carry.

INVARIANT: a name is a word of ours or of the vendor, never a word of the client: losses stand in
records and headers.
"""

from collections.abc import Container
from typing import Any

from gateway.dialects.gemini.spelling import snake
from gateway.dialects.gemini.vocabulary import FIELDS, NESTED

UNKNOWN = "unknown_field"
NAMED = FIELDS.keys() | NESTED


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
        """Add a loss; the name is a word of ours."""
        self._names[name] = None

    def extras(self, value: dict[str, Any], known: Container[str]) -> None:
        """Add every field that is set and not among the known ones."""
        for key, said in value.items():
            if said is not None and key not in known:
                name = snake(key)
                self.note(name if name in NAMED else UNKNOWN)
