"""A reply in this dialect, whole or as a stream."""

from typing import Any

import msgspec

from gateway.dialects.anthropic_messages.piece import (
    ARGUMENTS,
    CALL,
    Block,
    Piece,
    Queue,
    Thoughts,
    pieces,
)
from gateway.domain.event import Began, Event, Stopped
from gateway.domain.money import Tokens
from gateway.translation import arguments
from gateway.translation.endings import Ending

_STOPS = {"end": "end_turn", "length": "max_tokens"}
_DELTAS = {
    "text": "text_delta",
    "thinking": "thinking_delta",
    "signature": "signature_delta",
    ARGUMENTS: "input_json_delta",
}


class _Ending(Ending):
    """What the end of a message says, in the vendor's words."""

    __slots__ = ()

    @property
    def stop(self) -> dict[str, str | None]:
        """Why the reply ended; an engine's own word that we do not know is passed on."""
        named = _STOPS.get(self.reason, self.reason.removeprefix("other:"))
        return {"stop_reason": named, "stop_sequence": self.sequence}

    @property
    def usage(self) -> dict[str, Any]:
        """The usage as far as it is known."""
        return _usage(self.tokens_so_far)


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole message; ValueError when a tool call's arguments are not an object."""
    queue, thoughts, ending = Queue(), Thoughts(), _Ending()
    for event in events:
        ending.note(event)
        for piece in pieces(event, thoughts):
            queue.add(piece)
    content = [_whole(block, cut=ending.cut) for block in queue.blocks]
    message = _message(asked_model, record_id, ending.usage)
    return msgspec.json.encode({**message, "content": content, **ending.stop})


class Writer:
    """Writes one message: one open block at a time, contiguous indexes, the end in `close`.

    What belongs to another block than the open one waits until the open one is complete.
    ValueError when more than HELD_BYTES_MAX waits, or a call goes on after its end.
    """

    __slots__ = ("_begun", "_ending", "_head", "_index", "_open", "_queue", "_thoughts")

    def __init__(self, asked_model: str, record_id: str) -> None:
        self._head = (asked_model, record_id)
        self._begun = False
        self._ending = _Ending()
        self._index = -1
        self._open: Block | None = None
        self._queue = Queue()
        self._thoughts = Thoughts()

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing yet."""
        self._ending.note(event)
        if self._ending.broke:
            return b""
        if isinstance(event, Began):
            return self._begin()
        out = [self._put(piece) for piece in pieces(event, self._thoughts)]
        if isinstance(event, Stopped):
            out.append(self._drain(whole=True) + self._stop_block())
        return b"".join(out)

    def close(self) -> bytes:
        """Return the end of a message that ended well."""
        if self._ending.broke:
            return b""
        return b"".join(
            (
                self._begin(),
                self._drain(whole=True),
                self._stop_block(),
                _event("message_delta", delta=self._ending.stop, usage=self._ending.usage),
                _event("message_stop"),
            )
        )

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return _event("message_start", message=_message(*self._head, self._ending.usage))

    def _put(self, piece: Piece) -> bytes:
        if self._open is not None and piece.key == self._open.key:
            return self._add(piece.field, piece.words) + self._drain()
        if piece.start is None and not piece.words.strip():
            return b""
        self._queue.add(piece)
        return self._begin() + self._drain()

    def _drain(self, *, whole: bool = False) -> bytes:
        """Write what waits, as far as the grammar allows; all of it when nothing more can come."""
        out = []
        while self._queue.blocks and (whole or self._open is None or self._open.complete):
            out.append(self._stop_block())
            held = self._queue.take()
            self._index += 1
            self._open = Block(held.key, held.start)
            out.append(_event("content_block_start", index=self._index, content_block=held.start))
            out.extend(self._add(field, held.said(field)) for field in held.fields)
        return b"".join(out)

    def _add(self, field: str, words: str) -> bytes:
        if self._open is None or not field:
            return b""
        if field == ARGUMENTS:
            self._open.add(field, words)
        delta = {"type": _DELTAS[field], field: words}
        return _event("content_block_delta", index=self._index, delta=delta)

    def _stop_block(self) -> bytes:
        if self._open is None:
            return b""
        silent = self._open.key[0] == CALL and not self._open.fields
        said = self._add(ARGUMENTS, "{}") if silent else b""
        self._open = None
        return said + _event("content_block_stop", index=self._index)


def _whole(block: Block, *, cut: bool) -> dict[str, Any]:
    if block.key[0] == CALL:
        return {**block.start, "input": arguments.answered(block.said(ARGUMENTS), cut=cut)}
    return {**block.start, **{field: block.said(field) for field in block.fields}}


def _message(asked_model: str, record_id: str, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{record_id.replace('-', '')}",
        "type": "message",
        "role": "assistant",
        "model": asked_model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _usage(tokens: Tokens) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": tokens.input_tokens,
        "cache_creation_input_tokens": tokens.cache_write_tokens,
        "cache_read_input_tokens": tokens.cache_read_tokens,
        "output_tokens": tokens.output_tokens,
    }
    if tokens.reasoning_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": tokens.reasoning_tokens}
    return usage


def _event(name: str, **fields: object) -> bytes:
    data = msgspec.json.encode({"type": name, **fields})
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
