"""A reply in this dialect, whole or as a stream."""

from typing import Any

import msgspec

from gateway.dialects.bedrock_converse.pieces import Block, Piece, Pieces, Queue, delta
from gateway.domain.event import Began, Event, Stopped
from gateway.translation import arguments
from gateway.translation.endings import Ending
from gateway.wire.eventstream import framed

_STOPS = {
    "end": "end_turn",
    "length": "max_tokens",
    "tool_use": "tool_use",
    "stop_sequence": "stop_sequence",
    "refusal": "content_filtered",
}
# What this dialect has no word for. The client of the vendor knows a closed set.
_OTHERS = {
    "other:malformed_model_output": "malformed_model_output",
    "other:malformed_tool_use": "malformed_tool_use",
}
# WHY: the vendor always tells how long it took, and its clients read it; no clock is known here.
_METRICS = {"latencyMs": 0}


class _Ending(Ending):
    """What the end of a message says, in the vendor's words."""

    __slots__ = ()

    @property
    def stop(self) -> dict[str, Any]:
        """Why the reply ended, with the stop sequence in both places where clients look for it."""
        named = _STOPS.get(self.reason) or _OTHERS.get(self.reason, "end_turn")
        said: dict[str, Any] = {"stopReason": named}
        if self.sequence is not None:
            told = {"stop_sequence": self.sequence}
            said["additionalModelResponseFields"] = {**told, "delta": told}
        return said

    @property
    def usage(self) -> dict[str, Any]:
        """The usage as far as it is known."""
        used = self.tokens_so_far
        read, wrote = used.cache_read_tokens, used.cache_write_tokens
        usage = {
            "inputTokens": used.input_tokens,
            "outputTokens": used.output_tokens,
            "totalTokens": used.input_tokens + used.output_tokens + read + wrote,
        }
        if read or wrote:
            usage |= {"cacheReadInputTokens": read, "cacheWriteInputTokens": wrote}
        return {"usage": usage, "metrics": _METRICS}


def write_reply(events: tuple[Event, ...], _asked_model: str, _record_id: str) -> bytes:
    """Return a whole reply; ValueError when a tool call's arguments are not an object."""
    queue, pieces, ending = Queue(), Pieces(), _Ending()
    for event in events:
        ending.note(event)
        for piece in pieces.of(event):
            queue.add(piece)
    content = [_whole(block, cut=ending.cut) for block in queue.blocks]
    message = {"role": "assistant", "content": content}
    return msgspec.json.encode({"output": {"message": message}, **ending.stop, **ending.usage})


class Writer:
    """Writes one stream: one open block at a time, contiguous indexes, the end in `close`.

    What belongs to another block than the open one waits until the open one is complete. Usage
    comes last, after the message has stopped. ValueError when more than HELD_BYTES_MAX waits, or a
    call goes on after its end.
    """

    __slots__ = ("_begun", "_ending", "_index", "_open", "_pieces", "_queue")

    def __init__(self) -> None:
        self._begun = False
        self._ending = _Ending()
        self._index = -1
        self._open: Block | None = None
        self._pieces = Pieces()
        self._queue = Queue()

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing yet."""
        self._ending.note(event)
        if self._ending.broke:
            return b""
        if isinstance(event, Began):
            return self._begin()
        out = [self._put(piece) for piece in self._pieces.of(event)]
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
                _event("messageStop", **self._ending.stop),
                _event("metadata", **self._ending.usage),
            )
        )

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return _event("messageStart", role="assistant")

    def _put(self, piece: Piece) -> bytes:
        if self._open is not None and piece.key == self._open.key:
            return self._add(self._open, piece.field, piece.words) + self._drain()
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
            if held.is_call:
                # WHY: only calls are told to begin; the first delta tells what another block is.
                start = {"toolUse": held.start}
                out.append(_event("contentBlockStart", start=start, contentBlockIndex=self._index))
            out.extend(self._add(self._open, field, held.said(field)) for field in held.fields)
        return b"".join(out)

    def _add(self, block: Block, field: str, words: str) -> bytes:
        if block.is_call:
            block.add(field, words)
        said = delta(block.key, field, words)
        return _event("contentBlockDelta", delta=said, contentBlockIndex=self._index)

    def _stop_block(self) -> bytes:
        block, self._open = self._open, None
        if block is None:
            return b""
        silent = block.is_call and not block.fields
        said = self._add(block, "input", "{}") if silent else b""
        return said + _event("contentBlockStop", contentBlockIndex=self._index)


def _whole(block: Block, *, cut: bool) -> dict[str, Any]:
    kind = block.key[0]
    if block.is_call:
        return {
            "toolUse": {**block.start, "input": arguments.answered(block.said("input"), cut=cut)}
        }
    if kind == "redacted":
        return {"reasoningContent": {"redactedContent": block.said("redactedContent")}}
    if kind == "thought":
        signed = {"signature": block.said("signature")} if "signature" in block.fields else {}
        return {"reasoningContent": {"reasoningText": {"text": block.said("text"), **signed}}}
    return {"text": block.said("text")}


def _event(name: str, **fields: object) -> bytes:
    headers = {
        ":event-type": name,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return framed(headers, msgspec.json.encode(fields))
