"""Events of a reply as pieces of content blocks, and the blocks that wait for their turn."""

from collections import deque
from typing import Any

from msgspec import Struct

from gateway.dialects.anthropic_messages.settings import NAMES
from gateway.domain.event import Event, TextDelta, ThinkingDelta, ToolCallBegan, ToolCallDelta
from gateway.translation.arguments import Closing
from gateway.translation.limits import HELD_BYTES_MAX

Key = tuple[str, int]
TEXT: Key = ("text", 0)
CALL = "tool_use"
ARGUMENTS = "partial_json"


class Piece(Struct, frozen=True):
    """A part of a block: which block, how it opens, and what is added to which of its fields.

    `start` is None for what can only follow an opening.
    """

    key: Key
    start: dict[str, Any] | None
    field: str = ""
    words: str = ""


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
            return [Piece(TEXT, {"type": "text", "text": ""}, "text", event.text)]
        case ThinkingDelta():
            return thoughts.pieces(event)
        case ToolCallBegan():
            call_id = NAMES.id(event.id) if event.id else f"toolu_{event.index}"
            start = {"type": CALL, "id": call_id, "name": event.name, "input": {}}
            return [Piece((CALL, event.index), start)]
        case ToolCallDelta() if event.fragment:
            return [Piece((CALL, event.index), None, ARGUMENTS, event.fragment)]
    return []


class Block:
    """A block in the making; ValueError when it grows over HELD_BYTES_MAX."""

    __slots__ = ("_closing", "_said", "key", "start")

    def __init__(self, key: Key, start: dict[str, Any]) -> None:
        self.key = key
        self.start = start
        self._said: dict[str, bytearray] = {}
        self._closing = Closing()

    def add(self, field: str, words: str) -> None:
        """Add words to a field."""
        said = self._said.setdefault(field, bytearray())
        said += words.encode()
        if len(said) > HELD_BYTES_MAX:
            raise ValueError(f"a block holds more than {HELD_BYTES_MAX} bytes")

    def said(self, field: str) -> str:
        """Return everything that was added to that field."""
        return self._said.get(field, bytearray()).decode()

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields to which something was added."""
        return tuple(self._said)

    @property
    def complete(self) -> bool:
        """Can nothing meaningful follow? True of a call only once its arguments are an object."""
        if self.key[0] != CALL:
            return True
        return self._closing.has_closed(self._said.get(ARGUMENTS, bytearray()))


class Queue:
    """Blocks in the order in which they began; ValueError over HELD_BYTES_MAX."""

    __slots__ = ("_bytes", "_calls", "blocks")

    def __init__(self) -> None:
        self.blocks: deque[Block] = deque()
        self._calls: dict[Key, Block] = {}
        self._bytes = 0

    def add(self, piece: Piece) -> None:
        """Add a piece to its block, or begin a block."""
        block = self._find(piece.key)
        if block is None:
            if piece.start is None:
                raise ValueError("arguments of a tool call that has not begun, or has ended")
            block = Block(piece.key, piece.start)
            self.blocks.append(block)
            if piece.key[0] == CALL:
                self._calls[piece.key] = block
        if piece.field:
            block.add(piece.field, piece.words)
        self._bytes += len(piece.words)
        if self._bytes > HELD_BYTES_MAX:
            raise ValueError(f"more than {HELD_BYTES_MAX} bytes wait for their turn")

    def take(self) -> Block:
        """Remove and return the first block."""
        block = self.blocks.popleft()
        self._calls.pop(block.key, None)
        self._bytes -= sum(len(block.said(field)) for field in block.fields)
        return block

    def _find(self, key: Key) -> Block | None:
        """Return the block of that key; words go on only in the last block."""
        if key[0] == CALL:
            return self._calls.get(key)
        last = self.blocks[-1] if self.blocks else None
        return last if last is not None and last.key == key else None
