"""A reply in this dialect, whole or as a stream."""

from typing import Any

import msgspec

from gateway.dialects.gemini.signatures import UNSIGNED, hidden, wrapped
from gateway.dialects.gemini.wire import OTHER_STOPS
from gateway.domain.event import Event, Stopped, TextDelta, ThinkingDelta, ToolCallBegan
from gateway.translation.arguments import Arguments
from gateway.translation.calls import Calls
from gateway.translation.endings import Ending

_STOPS = {
    "end": "STOP",
    "tool_use": "STOP",
    "stop_sequence": "STOP",
    "length": "MAX_TOKENS",
    "refusal": "SAFETY",
}

Said = dict[str, Any]


class _Ending(Ending):
    """What the end of a reply says, in the vendor's words."""

    __slots__ = ()

    @property
    def finish(self) -> str:
        """Why the reply ended."""
        raw = self.reason.removeprefix("other:").upper()
        return _STOPS.get(self.reason, raw if raw in OTHER_STOPS else "OTHER")

    @property
    def usage(self) -> Said:
        """The usage, if it is known; the prompt's count includes what came from a cache."""
        used = self.tokens
        if used is None:
            return {}
        prompt = used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
        said = {
            "promptTokenCount": prompt,
            "candidatesTokenCount": max(used.output_tokens - used.reasoning_tokens, 0),
            "totalTokenCount": prompt + used.output_tokens,
        }
        if used.cache_read_tokens:
            said["cachedContentTokenCount"] = used.cache_read_tokens
        if used.reasoning_tokens:
            said["thoughtsTokenCount"] = used.reasoning_tokens
        return {"usageMetadata": said}


class Writer:
    """Writes one reply as a stream of chunks; calls wait until it stops, for they are said whole.

    The last chunk says why the reply ended and what was used; without it a client tries again.
    ValueError when arguments are not objects, or too many of them wait.
    """

    def __init__(self, asked_model: str, record_id: str) -> None:
        self._head = _head(asked_model, record_id)
        self._calls = Calls()
        self._ending = _Ending()

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing yet."""
        self._calls.note(event)
        self._ending.note(event)
        if isinstance(event, TextDelta | ThinkingDelta):
            part = _part(event)
            return self._chunk([part]) if part is not None else b""
        return self._called() if isinstance(event, Stopped) else b""

    def close(self) -> bytes:
        """Return the end of a reply that ended well."""
        if self._ending.broke:
            return b""
        called = self._called()
        # WHY: a client takes a last chunk without any part for a reply that is not valid.
        end = self._chunk([{"text": ""}], {"finishReason": self._ending.finish}, self._ending.usage)
        return called + end

    def _called(self) -> bytes:
        calls = _called(self._calls.take(cut=self._ending.cut))
        return self._chunk(calls) if calls else b""

    def _chunk(
        self, parts: list[Said], end: Said | None = None, usage: Said | None = None
    ) -> bytes:
        said = {"candidates": [_candidate(parts, end or {})], **(usage or {}), **self._head}
        return b"data: " + msgspec.json.encode(said) + b"\r\n\r\n"


def write_reply(events: tuple[Event, ...], asked_model: str, record_id: str) -> bytes:
    """Return a whole reply; ValueError when a tool call's arguments are not an object."""
    calls, ending = Calls(), _Ending()
    parts: list[Said] = []
    for event in events:
        calls.note(event)
        ending.note(event)
        if isinstance(event, TextDelta | ThinkingDelta) and (part := _part(event)) is not None:
            _add(parts, part)
    parts += _called(calls.take(cut=ending.cut))
    candidate = _candidate(parts or [{"text": ""}], {"finishReason": ending.finish})
    return msgspec.json.encode(
        {"candidates": [candidate], **ending.usage, **_head(asked_model, record_id)}
    )


def _part(event: TextDelta | ThinkingDelta) -> Said | None:
    """Return the part; None for an event without words."""
    if isinstance(event, TextDelta):
        return {"text": event.text} if event.text else None
    if event.redacted is not None:
        return {"text": "", "thought": True, "thoughtSignature": hidden(event.redacted)}
    if event.signature is not None:
        signed = wrapped(event.signature)
        return {"text": event.text, "thought": True, "thoughtSignature": signed}
    return {"text": event.text, "thought": True} if event.text else None


def _add(parts: list[Said], part: Said) -> None:
    """Add a part; words that go on are one part with those before them, until they are signed."""
    last = parts[-1] if parts else {"thoughtSignature": ""}
    if "thoughtSignature" in last or last.get("thought") != part.get("thought"):
        parts.append(part)
    else:
        parts[-1] = {**last, **part, "text": last["text"] + part["text"]}


def _called(calls: list[tuple[ToolCallBegan, Arguments]]) -> list[Said]:
    """Return the calls as parts, each with a signature where the next model will ask for one."""
    parts: list[Said] = []
    for began, arguments in calls:
        call = {"id": began.id, "name": began.name, "args": arguments}
        part: Said = {"functionCall": call}
        if began.signature is not None:
            part["thoughtSignature"] = wrapped(began.signature)
        elif not parts:
            # WHY: Gemini 3, which may be asked next, refuses a history without it.
            part["thoughtSignature"] = UNSIGNED
        parts.append(part)
    return parts


def _candidate(parts: list[Said], end: Said) -> Said:
    return {"content": {"parts": parts, "role": "model"}, **end, "index": 0}


def _head(asked_model: str, record_id: str) -> Said:
    return {"modelVersion": asked_model, "responseId": record_id}
