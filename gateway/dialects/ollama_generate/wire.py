"""What an Ollama server says: lines of a stream, or a whole reply."""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.money import Tokens
from gateway.translation.ollama_lines import tokens_of

_STOPS = {None: "end", "": "end", "stop": "end", "length": "length"}
_OTHER_STOPS = frozenset({"load", "unload"})


class Line(Struct, frozen=True):
    """One line of a stream, or a whole reply."""

    model: str = ""
    response: str | None = None
    thinking: str | None = None
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
    def stop(self) -> str:
        """Why the reply ended.

        INVARIANT: a reason stands in the record: an engine's free words do not.
        """
        other = self.done_reason if self.done_reason in _OTHER_STOPS else "unknown"
        return _STOPS.get(self.done_reason, f"other:{other}")


def whole(body: bytes) -> Line:
    """Return a whole reply, or an error under status 200; ValueError."""
    line = decoded(body)
    if line.error is None and not (line.done and line.response is not None):
        raise ValueError("not a whole reply of this dialect")
    return line


def decoded(raw: bytes) -> Line:
    """Return the line; ValueError that repeats nothing of it."""
    try:
        line = msgspec.json.decode(raw, type=Line)
    except (ValueError, RecursionError):
        line = None
    if line is None or (line.error is None and line.response is None and not line.done):
        raise ValueError("not what this dialect says")
    return line
