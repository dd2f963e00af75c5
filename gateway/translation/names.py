"""Names of tools and ids of calls in the letters that a target allows, and back."""

import re
from hashlib import sha256

from msgspec import Struct

from gateway.domain.conversation import Conversation, ToolCall

DIGEST_CHARS = 8

_LETTERS = re.compile(r"[a-zA-Z0-9_-]+")
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


class Names(Struct, frozen=True):
    """What a target allows: letters, digits, `_` and `-`, so many characters at the most.

    `any_id` says that an id may hold any character.
    """

    name_chars_max: int = 64
    id_chars_max: int = 64
    any_id: bool = False

    def name(self, given: str) -> str:
        """Return the name of a tool as the target may read it, always the same."""
        return _allowed(given, self.name_chars_max)

    def id(self, given: str) -> str:
        """Return the id of a call as the target may read it, always the same."""
        if self.any_id and len(given) <= self.id_chars_max:
            return given
        return _allowed(given, self.id_chars_max)

    def renamed(self, conversation: Conversation) -> dict[str, str]:
        """Return the client's name of each tool that is written under another, by that other name.

        A tool that is defined wins over one that was only called, and one whose name needs no
        change over one whose name became the same.
        """
        defined = [tool.name for tool in conversation.tools]
        names = dict.fromkeys((*called(conversation), *defined))
        pairs = ((self.name(name), name) for name in names)
        kept = frozenset(defined)
        return {written: name for written, name in pairs if written != name and written not in kept}


def called(conversation: Conversation) -> tuple[str, ...]:
    """Return the names of the tools that were called in the conversation, each once."""
    parts = (part for turn in conversation.turns for part in turn.parts)
    return tuple(dict.fromkeys(part.name for part in parts if isinstance(part, ToolCall)))


def _allowed(given: str, chars_max: int) -> str:
    """Return what is allowed as it is, anything else by its first letters and a hash of it all."""
    if len(given) <= chars_max and _LETTERS.fullmatch(given):
        return given
    digest = sha256(given.encode()).hexdigest()[:DIGEST_CHARS]
    kept = _FOREIGN.sub("_", given)[: chars_max - DIGEST_CHARS - 1]
    return f"{kept}_{digest}"
