"""An engine's reply as events, whole or in chunks; of several candidates one is read."""

import re
from hashlib import sha256

import msgspec

from gateway.dialects.gemini.errors import failure_in
from gateway.dialects.gemini.wire import Call, Part, Reply, decoded, stopped, text, whole
from gateway.domain.event import (
    Began,
    Broke,
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.wire.sse import Frame, Payload

DIGEST_CHARS = 16
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Reader:
    """Reads a stream; ValueError when a chunk cannot be read or translated.

    There is no end mark: `finished` says that the reply has given its reason to stop. What comes
    after that is still read.
    """

    __slots__ = ("_broke", "_frame", "_story", "finished")

    def __init__(self, place: int = 0) -> None:
        self._frame = Frame()
        self._story = _Story(place)
        self._broke = False
        self.finished = False

    def feed(self, chunk: bytes) -> tuple[Event, ...]:
        """Take bytes, return the events that they complete."""
        events: list[Event] = []
        for payload in self._frame.feed(chunk):
            events.extend(self._read(payload))
        return tuple(events)

    def _read(self, payload: Payload) -> list[Event]:
        if self._broke or not payload.data:
            return []
        reply = decoded(payload.data, Reply)
        if reply.error is not None:
            self._broke = True
            self.finished = False
            return [_broke(reply)]
        events = self._story.tell(reply)
        self.finished = self.finished or any(isinstance(event, Stopped) for event in events)
        return events


def read_reply(body: bytes, place: int = 0) -> tuple[Event, ...]:
    """Return the events of the candidate at that place of a whole reply; ValueError."""
    reply = whole(body)
    return (_broke(reply),) if reply.error is not None else tuple(_Story(place).tell(reply))


class _Story:
    """What has been told of one reply: whether it began, and how many calls it made."""

    __slots__ = ("_began", "_calls", "_id", "_place")

    def __init__(self, place: int) -> None:
        self._place = place
        self._began = False
        self._calls = 0
        self._id = ""

    def tell(self, reply: Reply) -> list[Event]:
        """Return the chunk as events; a later word of usage counts for all before it."""
        events: list[Event] = []
        used = reply.tokens
        if not self._began:
            self._began = True
            self._id = text(reply.response_id)
            read = used.input_tokens if used is not None else 0
            events.append(Began(self._id, text(reply.model_version), read))
        candidate = next((one for one in reply.candidates or () if one.place == self._place), None)
        if candidate is not None:
            for part in (candidate.content.parts if candidate.content else None) or ():
                events += self._said(part)
            reason = stopped(candidate)
            if reason is not None:
                called = reason == "end" and self._calls
                events.append(Stopped("tool_use" if called else reason))
        elif reply.blocked:
            events.append(Stopped("refusal"))
        return [*events, Used(used)] if used is not None else events

    def _said(self, part: Part) -> list[Event]:
        if part.function_call is not None:
            return self._call(part.function_call, part.thought_signature)
        if part.inline_data is not None or part.file_data is not None:
            raise ValueError("a part of the reply has no form but its own")
        said = text(part.text)
        if not said:
            return []
        return [ThinkingDelta(said) if part.thought else TextDelta(said)]

    def _call(self, call: Call, signature: object) -> list[Event]:
        if call.partial_args is not None or call.will_continue is not None:
            raise ValueError("a call in pieces, which nobody asked for")
        arguments = {} if call.args is None else call.args
        if not call.name or not isinstance(arguments, dict):
            raise ValueError("a call without a name, or whose arguments are no object")
        written = msgspec.json.encode(arguments)
        index, self._calls = self._calls, self._calls + 1
        began = ToolCallBegan(
            index, self._name(call, written, index), call.name, text(signature) or None
        )
        return [began, ToolCallDelta(index, written.decode())]

    def _name(self, call: Call, written: bytes, index: int) -> str:
        """Return the call's id; engines of old give none, and then it is made of what is at hand.

        WHY: it must be another one in each turn, and the same wherever the reply is read again.
        """
        if isinstance(call.id, str) and _ID.fullmatch(call.id):
            return call.id
        told = call.id if isinstance(call.id, str) else ""
        seed = "\0".join((self._id, told, str(index), call.name)).encode() + b"\0" + written
        return f"call_{sha256(seed).hexdigest()[:DIGEST_CHARS]}"


def _broke(reply: Reply) -> Broke:
    kind, said = failure_in(reply.error)
    return Broke(kind.value, said)
