"""What an Ollama server says: lines of a stream, or a whole reply."""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.dialects.ollama_chat.shapes import Call
from gateway.domain.money import Tokens
from gateway.translation.ollama_lines import tokens_of

_STOPS = {None: "end", "": "end", "stop": "end", "length": "length"}
_OTHER_STOPS = frozenset({"load", "unload"})


class Said(Struct, frozen=True):
    """The message of a line."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None


class Line(Struct, frozen=True):
    """One line of a stream, or a whole reply."""

    model: str = ""
    created_at: str = ""
    message: Said | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: Any = None

    @property
    def tokens(self) -> Tokens | None:
        """The usage, if it is known."""
        return tokens_of(self.prompt_eval_count, self.eval_count)

    @property
    def has_content(self) -> bool:
        """Does the line say anything to the client?"""
        said = self.message
        return said is not None and bool(said.content or said.thinking or said.tool_calls)

    def stop(self, *, called: bool) -> str:
        """Return why the reply ended; this dialect says `stop` after a tool call too.

        INVARIANT: a reason stands in the record: an engine's free words do not.
        """
        raw = self.done_reason or ""
        other = f"other:{raw if raw in _OTHER_STOPS else 'unknown'}"
        reason = _STOPS.get(self.done_reason, other)
        return "tool_use" if called and reason == "end" else reason


def whole(body: bytes) -> Line:
    """Return a whole reply, or an error under status 200; ValueError."""
    line = decoded(body)
    if line.error is None and (line.message is None or not line.done):
        raise ValueError("not a whole reply of this dialect")
    return line


def decoded(raw: bytes) -> Line:
    """Return the line; ValueError that repeats nothing of it."""
    try:
        line = msgspec.json.decode(raw, type=Line)
    except (ValueError, RecursionError):
        line = None
    if line is None or (line.error is None and line.message is None and not line.done):
        raise ValueError("not what this dialect says")
    return line
