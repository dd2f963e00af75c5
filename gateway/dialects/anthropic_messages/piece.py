"""Events of a reply as pieces of content blocks."""

from gateway.dialects.anthropic_messages.settings import NAMES
from gateway.domain.event import Event, TextDelta, ThinkingDelta, ToolCallBegan, ToolCallDelta
from gateway.translation.blocks import ARGUMENTS, CALL, Piece


class Thoughts:
    """Numbers the thinking blocks: a signature ends one."""

    __slots__ = ("_number",)

    def __init__(self) -> None:
        self._number = 0

    def pieces(self, event: ThinkingDelta) -> list[Piece]:
        """Return the pieces of one event."""
        if event.redacted is not None:
            self._number += 1
            start = {"type": "redacted_thinking", "data": event.redacted}
            return [Piece(("redacted_thinking", self._number), start)]
        pieces = [self._piece("thinking", event.text)] if event.text else []
        if event.signature is not None:
            pieces.append(self._piece("signature", event.signature))
            self._number += 1
        return pieces

    def _piece(self, field: str, words: str) -> Piece:
        start = {"type": "thinking", "thinking": "", "signature": ""}
        return Piece(("thinking", self._number), start, field, words)


def pieces(event: Event, thoughts: Thoughts) -> list[Piece]:
    """Return the pieces of an event; none when it adds no content."""
    match event:
        case TextDelta() if event.text:
            return [Piece(("text", 0), {"type": "text", "text": ""}, "text", event.text)]
        case ThinkingDelta():
            return thoughts.pieces(event)
        case ToolCallBegan():
            call_id = NAMES.id(event.id) if event.id else f"toolu_{event.index}"
            start = {"type": "tool_use", "id": call_id, "name": event.name, "input": {}}
            return [Piece((CALL, event.index), start)]
        case ToolCallDelta() if event.fragment:
            return [Piece((CALL, event.index), None, ARGUMENTS, event.fragment)]
    return []
