"""Names of tools, ids of calls and names of documents in the letters that Bedrock allows."""

import re
from hashlib import sha256

from gateway.domain.conversation import Conversation, ToolCall

NAME_CHARS_MAX = 64
DIGEST_CHARS = 8
DOCUMENT_CHARS_MAX = 200

# WHY: the service takes dots and colons in ids; the models behind it do not all do so.
_ALLOWED = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_FOREIGN_IN_DOCUMENT = re.compile(r"[^a-zA-Z0-9()\[\]-]+")


def allowed(given: str) -> str:
    """Return the name or id itself where it is allowed, else one that is, always the same."""
    if _ALLOWED.fullmatch(given):
        return given
    digest = sha256(given.encode()).hexdigest()[:DIGEST_CHARS]
    kept = _FOREIGN.sub("_", given)[: NAME_CHARS_MAX - DIGEST_CHARS - 1]
    return f"{kept}_{digest}"


def called(conversation: Conversation) -> tuple[str, ...]:
    """Return the names of the tools that were called in the conversation, each once."""
    parts = (part for turn in conversation.turns for part in turn.parts)
    return tuple(dict.fromkeys(part.name for part in parts if isinstance(part, ToolCall)))


def renamed(conversation: Conversation) -> dict[str, str]:
    """Return the client's name of each tool that is written under another, by that other name.

    A tool that is defined wins over one that was only called.
    """
    defined = [tool.name for tool in conversation.tools]
    names = (*called(conversation), *defined)
    return {written: name for name in names if (written := allowed(name)) != name}


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
