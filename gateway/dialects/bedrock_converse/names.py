"""Names of tools, ids of calls and names of documents in the letters that Bedrock allows."""

import re

from gateway.translation.names import Names

DOCUMENT_CHARS_MAX = 200
# WHY: the service takes dots and colons in ids; the models behind it do not all do so.
NAMES = Names(name_chars_max=64, id_chars_max=64)

_FOREIGN_IN_DOCUMENT = re.compile(r"[^a-zA-Z0-9()\[\]-]+")


class Documents:
    """Gives the documents of one request names that Bedrock allows, each once."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, given: str) -> str:
        """Return the client's name as far as it is allowed; a number where there is none left."""
        room = DOCUMENT_CHARS_MAX - len(" (10000000)")
        kept = _FOREIGN_IN_DOCUMENT.sub(" ", given).strip()[:room].strip()
        count = len(self._taken) + 1
        name = kept or f"document {count}"
        while name in self._taken:
            name = f"{kept or 'document'} ({count})"
            count += 1
        self._taken.add(name)
        return name
