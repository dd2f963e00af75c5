"""Events of a reply as pieces of content blocks, and the blocks that wait for their turn."""

from base64 import b64encode
from typing import Any

from msgspec import Struct

from gateway.dialects.bedrock_converse.names import NAMES
from gateway.domain.event import Event, TextDelta, ThinkingDelta, ToolCallBegan, ToolCallDelta
from gateway.translation.arguments import Closing
from gateway.translation.limits import HELD_BYTES_MAX
from gateway.translation.media import is_base64

CALL = "toolUse"

Key = tuple[str, int]


class Piece(Struct, frozen=True):
    """A part of a block: which block, how a call opens, and what is added to which of its fields.

    `opens` says that it may be the first of its block.
    """

    key: Key
    field: str = ""
    words: str = ""
    start: dict[str, str] = {}
    opens: bool = True


class Pieces:
    """Numbers the blocks of reasoning: a signature ends one."""

    __slots__ = ("_thoughts",)

    def __init__(self) -> None:
        self._thoughts = 0

    def of(self, event: Event) -> list[Piece]:
        """Return the pieces of an event; none when it adds no content."""
        match event:
            case TextDelta() if event.text:
                return [Piece(("text", 0), "text", event.text)]
            case ThinkingDelta():
                return self._thought(event)
            case ToolCallBegan():
                # WHY: the client sends the id back, and an engine's id may be none of Bedrock's.
                call_id = NAMES.id(event.id) if event.id else f"tooluse_{event.index}"
                start = {"toolUseId": call_id, "name": event.name}
                return [Piece((CALL, event.index), start=start)]
            case ToolCallDelta() if event.fragment:
                return [Piece((CALL, event.index), "input", event.fragment, opens=False)]
        return []

    def _thought(self, event: ThinkingDelta) -> list[Piece]:
        if event.redacted is not None:
            self._thoughts += 1
            hidden = event.redacted
            if not is_base64(hidden):
                # WHY: the field holds bytes; the client would drop what is no letter of base64.
                hidden = b64encode(hidden.encode()).decode()
            return [Piece(("redacted", self._thoughts), "redactedContent", hidden)]
        key = ("thought", self._thoughts)
        said = (("text", event.text), ("signature", event.signature or ""))
        pieces = [Piece(key, field, words) for field, words in said if words]
        self._thoughts += event.signature is not None
        return pieces


class Block:
    """A block in the making; ValueError when it grows over HELD_BYTES_MAX."""

    __slots__ = ("_closing", "_said", "key", "start")

    def __init__(self, key: Key, start: dict[str, str]) -> None:
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
    def is_call(self) -> bool:
        """Is it a call of a tool?"""
        return self.key[0] == CALL

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields to which something was added."""
        return tuple(self._said)

    @property
    def complete(self) -> bool:
        """Can nothing meaningful follow? True of a call only once its arguments are an object."""
        if not self.is_call:
            return True
        return self._closing.has_closed(self._said.get("input", bytearray()))


class Queue:
    """Blocks in the order in which they began; ValueError over HELD_BYTES_MAX."""

    __slots__ = ("_bytes", "blocks")

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._bytes = 0

    def add(self, piece: Piece) -> None:
        """Add a piece to its block, or begin one; ValueError for arguments of no open call."""
        block = self._find(piece.key)
        if block is None:
            if not piece.opens:
                raise ValueError("arguments of a tool call that has not begun, or has ended")
            block = Block(piece.key, piece.start)
            self.blocks.append(block)
        if piece.field:
            block.add(piece.field, piece.words)
        self._bytes += len(piece.words)
        if self._bytes > HELD_BYTES_MAX:
            raise ValueError(f"more than {HELD_BYTES_MAX} bytes wait for their turn")

    def take(self) -> Block:
        """Remove and return the first block."""
        block = self.blocks.pop(0)
        self._bytes -= sum(len(block.said(field)) for field in block.fields)
        return block

    def _find(self, key: Key) -> Block | None:
        """Return the block of that key; words go on only in the last block."""
        among = self.blocks if key[0] == CALL else self.blocks[-1:]
        return next((block for block in among if block.key == key), None)


def delta(key: Key, field: str, words: str) -> dict[str, Any]:
    """Return what is added to a block, as a delta."""
    if key[0] == "text":
        return {"text": words}
    return {CALL: {field: words}} if key[0] == CALL else {"reasoningContent": {field: words}}
