"""A reply in this dialect, whole or as a stream."""

from typing import Any

import msgspec

from gateway.dialects.bedrock_converse.pieces import Pieces, delta
from gateway.domain.event import Began, Event, Stopped
from gateway.translation import arguments
from gateway.translation.blocks import ARGUMENTS, Block, Form, Key, OneAtATime, Queue
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

    Usage comes last, after the message has stopped. ValueError as in OneAtATime, and for too many
    calls.
    """

    __slots__ = ("_begun", "_blocks", "_ending", "_pieces")

    def __init__(self) -> None:
        self._begun = False
        self._ending = _Ending()
        self._blocks = OneAtATime(_FORM)
        self._pieces = Pieces()

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing yet."""
        self._ending.note(event)
        if self._ending.broke:
            return b""
        if isinstance(event, Began):
            return self._begin()
        if isinstance(event, Stopped):
            return self._blocks.end()
        said = b"".join([self._blocks.put(piece) for piece in self._pieces.of(event)])
        return self._begin() + said if said else said

    def close(self) -> bytes:
        """Return the end of a message that ended well."""
        if self._ending.broke:
            return b""
        return b"".join(
            (
                self._begin(),
                self._blocks.end(),
                _event("messageStop", **self._ending.stop),
                _event("metadata", **self._ending.usage),
            )
        )

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return _event("messageStart", role="assistant")


def _opened(index: int, block: Block) -> bytes:
    """Return how a call begins; of another block the first delta tells what it is."""
    if not block.is_call:
        return b""
    start = {"toolUse": block.start}
    return _event("contentBlockStart", start=start, contentBlockIndex=index)


def _added(index: int, key: Key, field: str, words: str) -> bytes:
    said = delta(key, field, words)
    return _event("contentBlockDelta", delta=said, contentBlockIndex=index)


def _ended(index: int) -> bytes:
    return _event("contentBlockStop", contentBlockIndex=index)


_FORM = Form(_opened, _added, _ended)


def _whole(block: Block, *, cut: bool) -> dict[str, Any]:
    kind = block.key[0]
    if block.is_call:
        return {
            "toolUse": {**block.start, "input": arguments.answered(block.said(ARGUMENTS), cut=cut)}
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
