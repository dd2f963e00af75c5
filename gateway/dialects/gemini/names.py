"""Names of tools in the letters that the vendor allows."""

import re
from hashlib import sha256

from gateway.domain.conversation import Conversation, ToolCall

NAME_CHARS_MAX = 64
DIGEST_CHARS = 8

_ALLOWED = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


def allowed(given: str) -> str:
    """Return the name itself where it is allowed, else one that is, always the same."""
    if _ALLOWED.fullmatch(given):
        return given
    digest = sha256(given.encode()).hexdigest()[:DIGEST_CHARS]
    kept = "_" + _FOREIGN.sub("_", given).lstrip("_")
    return f"{kept[: NAME_CHARS_MAX - DIGEST_CHARS - 1]}_{digest}"


def renamed(conversation: Conversation) -> dict[str, str]:
    """Return the client's name of each tool that is written under another, by that other name.

    A tool that is defined wins over one that was only called.
    """
    parts = (part for turn in conversation.turns for part in turn.parts)
    called = [part.name for part in parts if isinstance(part, ToolCall)]
    names = (*called, *(tool.name for tool in conversation.tools))
    return {written: name for name in names if (written := allowed(name)) != name}
