"""A configuration document as data, with the line of every value."""

from typing import Any

from msgspec import Struct

from gateway.domain.errors import Problem


class Document(Struct, frozen=True):
    """One parsed file: its name, its value (plain data), and lines by JSON pointer.

    `lines` may be empty, for a document that comes back from the ledger.
    """

    file: str
    value: Any
    lines: dict[str, int] = {}

    def line(self, pointer: str) -> int:
        """Return the line of the value at that pointer, or of its nearest known parent."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)

    def problem(self, pointer: str, what: str, hint: str = "") -> Problem:
        """Return a problem at that pointer (`/rules/0/when`)."""
        return Problem(self.file, self.line(pointer), pointer, what, hint)
