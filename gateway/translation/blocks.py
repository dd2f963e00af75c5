"""A reply in blocks of which one is open at a time, for the dialects that write it so.

Engines may interleave their calls; here what belongs to another block than the open one waits until
the open one is complete.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from gateway.translation.arguments import Closing
from gateway.translation.limits import HELD_BYTES_MAX

Key = tuple[str, int]
CALL = "call"
ARGUMENTS = "arguments"


class Piece(Struct, frozen=True):
    """A part of a block: which block, how it opens, and what is added to which of its fields.

    The key of a call is CALL and its index, its text is the field ARGUMENTS. `start` is None for
    what can only follow an opening.
    """

    key: Key
    start: dict[str, Any] | None
    field: str = ""
    words: str = ""


class Block:
    """A block in the making; ValueError when it grows over HELD_BYTES_MAX."""

    __slots__ = ("_closing", "_said", "key", "start")

    def __init__(self, key: Key, start: dict[str, Any]) -> None:
        self.key = key
        self.start = start
        self._said: dict[str, bytearray] = {}
        self._closing = Closing()

    def add(self, field: str, words: str) -> int:
        """Add words to a field, and return how many bytes they are."""
        said = self._said.setdefault(field, bytearray())
        more = words.encode()
        said += more
        if len(said) > HELD_BYTES_MAX:
            raise ValueError(f"a block holds more than {HELD_BYTES_MAX} bytes")
        return len(more)

    def said(self, field: str) -> str:
        """Return everything that was added to that field."""
        return self._said.get(field, bytearray()).decode()

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields to which something was added."""
        return tuple(self._said)

    @property
    def bytes_held(self) -> int:
        """How much was added."""
        return sum(map(len, self._said.values()))

    @property
    def is_call(self) -> bool:
        """Is it a call of a tool?"""
        return self.key[0] == CALL

    @property
    def complete(self) -> bool:
        """Can nothing meaningful follow? True of a call only once its arguments are an object."""
        if not self.is_call:
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
        """Add a piece to its block, or begin one; ValueError for arguments of no open call."""
        block = self._find(piece.key)
        if block is None:
            if piece.start is None:
                raise ValueError("arguments of a tool call that has not begun, or has ended")
            block = Block(piece.key, piece.start)
            self.blocks.append(block)
            if block.is_call:
                self._calls[piece.key] = block
        if piece.field:
            self._bytes += block.add(piece.field, piece.words)
        if self._bytes > HELD_BYTES_MAX:
            raise ValueError(f"more than {HELD_BYTES_MAX} bytes wait for their turn")

    def holds(self, key: Key) -> bool:
        """Does a block of that key wait?"""
        return self._find(key) is not None

    def take(self) -> Block:
        """Remove and return the first block."""
        block = self.blocks.popleft()
        self._calls.pop(block.key, None)
        self._bytes -= block.bytes_held
        return block

    def _find(self, key: Key) -> Block | None:
        """Return the block of that key; words go on only in the last block."""
        if key[0] == CALL:
            return self._calls.get(key)
        last = self.blocks[-1] if self.blocks else None
        return last if last is not None and last.key == key else None


class Form(Struct, frozen=True):
    """How a dialect says of the block at an index that it opens, grows and ends."""

    opened: Callable[[int, Block], bytes]
    added: Callable[[int, Key, str, str], bytes]
    ended: Callable[[int], bytes]


class OneAtATime:
    """Writes blocks with contiguous indexes, each after the end of the one before.

    ValueError when more than HELD_BYTES_MAX waits, or a call goes on after its end.
    """

    __slots__ = ("_form", "_index", "_open", "_queue")

    def __init__(self, form: Form) -> None:
        self._form = form
        self._index = -1
        self._open: Block | None = None
        self._queue = Queue()

    def put(self, piece: Piece) -> bytes:
        """Return the bytes for that piece; empty when its block must wait."""
        if self._open is not None and piece.key == self._open.key:
            return self._add(self._open, piece.field, piece.words) + self._drain()
        if piece.start is None and not piece.words.strip() and not self._queue.holds(piece.key):
            # WHY: engines send white space after the last bracket; it belongs to no call.
            return b""
        self._queue.add(piece)
        return self._drain()

    def end(self) -> bytes:
        """Return all that waits and the end of the last block: nothing more can come."""
        return self._drain(whole=True) + self._stop()

    def _drain(self, *, whole: bool = False) -> bytes:
        """Write what waits, as far as the grammar allows; all of it if `whole`."""
        out = []
        while self._queue.blocks and (whole or self._open is None or self._open.complete):
            out.append(self._stop())
            held = self._queue.take()
            self._index += 1
            self._open = Block(held.key, held.start)
            out.append(self._form.opened(self._index, self._open))
            out.extend(self._add(self._open, field, held.said(field)) for field in held.fields)
        return b"".join(out)

    def _add(self, block: Block, field: str, words: str) -> bytes:
        if not field:
            return b""
        if field == ARGUMENTS:
            block.add(field, words)
        return self._form.added(self._index, block.key, field, words)

    def _stop(self) -> bytes:
        block, self._open = self._open, None
        if block is None:
            return b""
        silent = block.is_call and not block.fields
        said = self._add(block, ARGUMENTS, "{}") if silent else b""
        return said + self._form.ended(self._index)
