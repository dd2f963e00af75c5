"""The shape of a reply, whole or in chunks, as far as anybody here looks at it.

Leaves are untyped on purpose: an engine's odd value must not make a good reply unreadable.
"""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.event import Stopped
from gateway.domain.money import Tokens

_REASONS = {"stop": "end", "length": "length", "content_filter": "refusal"}
# Words that engines of this dialect say besides.
_OTHER_REASONS = frozenset(
    {"abort", "error", "insufficient_system_resource", "model_length", "repetition"}
)


class Said(Struct, frozen=True):
    """A message or a delta: Mistral's FIM says its text so."""

    content: Any = None


class Choice(Struct, frozen=True):
    """One of the answers; `stop_reason` is vLLM's: the stop sequence that was met."""

    index: int = 0
    text: Any = None
    message: Said | None = None
    delta: Said | None = None
    finish_reason: Any = None
    stop_reason: Any = None

    @property
    def is_whole(self) -> bool:
        """Does it hold an answer, be it an empty one?"""
        return isinstance(self.text, str) or self.message is not None

    @property
    def said(self) -> str:
        """The text; ValueError when it is none."""
        found = self.text
        if found is None:
            said = self.message or self.delta
            found = said.content if said is not None else None
        if found is None or isinstance(found, str):
            return found or ""
        raise ValueError("a part of the reply is not text")


class Chunk(Struct, frozen=True):
    """One event of a stream, or a whole reply; `object` is `error` in one engine's error form."""

    id: Any = None
    model: Any = None
    object: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None

    @property
    def broke(self) -> bool:
        """Is it an error instead of a chunk?"""
        return bool(self.error) or self.object == "error"


_DECODER = msgspec.json.Decoder(Chunk)


def decode(data: bytes) -> Chunk:
    """Return the chunk; ValueError, without a word of it, when it is none."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError):
        pass
    raise ValueError("not a completion")


def tokens(usage: object) -> Tokens | None:
    """Return the usage; None when it is no object.

    INVARIANT: cached tokens are counted once: `prompt_tokens` includes them, `input_tokens` not.
    """
    if not isinstance(usage, dict):
        return None
    read = _count(usage.get("prompt_tokens_details"), "cached_tokens")
    return Tokens(
        input_tokens=max(_count(usage, "prompt_tokens") - read, 0),
        output_tokens=_count(usage, "completion_tokens"),
        cache_read_tokens=read,
    )


def stopped(choice: Choice) -> Stopped | None:
    """Return why the choice ended, None while it has not."""
    raw = choice.finish_reason
    if not isinstance(raw, str):
        return None
    if raw == "stop" and isinstance(choice.stop_reason, str):
        return Stopped("stop_sequence", choice.stop_reason)
    # INVARIANT: a reason stands in the record: an engine's free words do not.
    word = raw if raw in _OTHER_REASONS else "unknown"
    return Stopped(_REASONS.get(raw, f"other:{word}"))


def name(value: object) -> str:
    """Return the text, empty where it is none."""
    return value if isinstance(value, str) else ""


def _count(holder: object, name: str) -> int:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if type(value) is int and value >= 0 else 0
