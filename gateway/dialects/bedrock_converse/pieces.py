"""Events of a reply as pieces of content blocks, and the blocks that wait for their turn."""

from base64 import b64encode
from typing import Any

from gateway.dialects.bedrock_converse.names import NAMES
from gateway.domain.event import Event, TextDelta, ThinkingDelta, ToolCallBegan, ToolCallDelta
from gateway.translation.blocks import ARGUMENTS, CALL, Key, Piece
from gateway.translation.media import is_base64


class Pieces:
    """Numbers the blocks of reasoning: a signature ends one."""

    __slots__ = ("_thoughts",)

    def __init__(self) -> None:
        self._thoughts = 0

    def of(self, event: Event) -> list[Piece]:
        """Return the pieces of an event; none when it adds no content."""
        match event:
            case TextDelta() if event.text:
                return [Piece(("text", 0), {}, "text", event.text)]
            case ThinkingDelta():
                return self._thought(event)
            case ToolCallBegan():
                # WHY: the client sends the id back, and an engine's id may be none of Bedrock's.
                call_id = NAMES.id(event.id) if event.id else f"tooluse_{event.index}"
                start = {"toolUseId": call_id, "name": event.name}
                return [Piece((CALL, event.index), start)]
            case ToolCallDelta() if event.fragment:
                return [Piece((CALL, event.index), None, ARGUMENTS, event.fragment)]
        return []

    def _thought(self, event: ThinkingDelta) -> list[Piece]:
        if event.redacted is not None:
            self._thoughts += 1
            hidden = event.redacted
            if not is_base64(hidden):
                # WHY: the field holds bytes; the client would drop what is no letter of base64.
                hidden = b64encode(hidden.encode()).decode()
            return [Piece(("redacted", self._thoughts), {}, "redactedContent", hidden)]
        key = ("thought", self._thoughts)
        said = (("text", event.text), ("signature", event.signature or ""))
        pieces = [Piece(key, {}, field, words) for field, words in said if words]
        self._thoughts += event.signature is not None
        return pieces


def delta(key: Key, field: str, words: str) -> dict[str, Any]:
    """Return what is added to a block, as a delta."""
    if key[0] == CALL:
        return {"toolUse": {"input": words}}
    return {"text": words} if key[0] == "text" else {"reasoningContent": {field: words}}
