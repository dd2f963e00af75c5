"""Words that are planted in a request: found again, or lost by a name that stands for them."""

import re

import msgspec

from tests.doubles.dialect_row import BOUND, CALL_ID, PDF, PNG

PLANTED = re.compile(r"(?:call_|functions\.|mcp\.)?S-[a-z]+")
MARKS = ("cache_control", "cachePoint")
# By what is planted, the losses that may stand for it.
LOSSES = {
    CALL_ID: {"tool_call_id"},
    "call_S-two": {"tool_call_id"},
    "functions.S-two": {"tool_call_id"},
    "S-thought": {"thinking", "thinking_unsigned"},
    "S-signature": {"signature", "thinking_signature", "thought_signature", "thinking"},
    "S-sealed": {"redacted_thinking", "encrypted_content", "thinking"},
    "S-file": {"documents", "document_name"},
    "S-schema": {"answer_schema"},
    "S-when": {"answer_schema"},
    "S-stop": {"stop"},
    PDF: {"documents"},
    BOUND: {"thought_signature"},
    "cache_control": {"cache_control"},
    # The name of a schema is a handle that some vendors do not have.
    "S-form": set(),
}


def planted(body: object) -> set[str]:
    said = msgspec.json.encode(body).decode().replace("\\", "")
    found = set(PLANTED.findall(said))
    marks = {"cache_control"} if any(mark in said for mark in MARKS) else set()
    return found | marks | {word for word in (PNG, PDF, BOUND) if word in said}


def gone(word: str, said: str, losses: tuple[str, ...]) -> bool:
    """Is the word neither said nor lost by a name?

    A name or an id that was mapped keeps its letters, and stands under the hash of it.
    """
    spelled = re.sub(r"[^a-zA-Z0-9_-]", "_", word)
    if word in MARKS and any(mark in said for mark in MARKS):
        return False
    named = LOSSES.get(word)
    return not (
        word in said
        or spelled in said
        or (named is not None and (not named or named & set(losses)))
    )
