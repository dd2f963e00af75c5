"""A reply in this dialect, whole or as a stream."""

from typing import Any

import msgspec

from gateway.dialects.anthropic_messages.piece import Thoughts, pieces
from gateway.domain.event import Began, Event, Stopped
from gateway.domain.money import Tokens
from gateway.translation import arguments
from gateway.translation.blocks import ARGUMENTS, Block, Form, Key, OneAtATime, Queue
from gateway.translation.endings import Ending

_STOPS = {"end": "end_turn", "length": "max_tokens"}
# By field of a block: the type of its deltas, and the vendor's name of the field in them.
_DELTAS = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "signature": ("signature_delta", "signature"),
    ARGUMENTS: ("input_json_delta", "partial_json"),
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

    ValueError as in OneAtATime, and for too many calls.
    """

    __slots__ = ("_begun", "_blocks", "_ending", "_head", "_thoughts")

    def __init__(self, asked_model: str, record_id: str) -> None:
        self._head = (asked_model, record_id)
        self._begun = False
        self._ending = _Ending()
        self._blocks = OneAtATime(_FORM)
        self._thoughts = Thoughts()

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing yet."""
        self._ending.note(event)
        if self._ending.broke:
            return b""
        if isinstance(event, Began):
            return self._begin()
        if isinstance(event, Stopped):
            return self._blocks.end()
        said = b"".join([self._blocks.put(piece) for piece in pieces(event, self._thoughts)])
        return self._begin() + said if said else said

    def close(self) -> bytes:
        """Return the end of a message that ended well."""
        if self._ending.broke:
            return b""
        return b"".join(
            (
                self._begin(),
                self._blocks.end(),
                _event("message_delta", delta=self._ending.stop, usage=self._ending.usage),
                _event("message_stop"),
            )
        )

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return _event("message_start", message=_message(*self._head, self._ending.usage))


def _opened(index: int, block: Block) -> bytes:
    return _event("content_block_start", index=index, content_block=block.start)


def _added(index: int, _key: Key, field: str, words: str) -> bytes:
    kind, name = _DELTAS[field]
    return _event("content_block_delta", index=index, delta={"type": kind, name: words})


def _ended(index: int) -> bytes:
    return _event("content_block_stop", index=index)


_FORM = Form(_opened, _added, _ended)


def _whole(block: Block, *, cut: bool) -> dict[str, Any]:
    if block.is_call:
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
