"""What an engine says in this dialect: a whole reply, or one chunk of a stream of such.

Leaves are untyped on purpose: an engine's odd value must not make a good reply unreadable.
"""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.dialects.gemini.spelling import Json
from gateway.domain.money import Tokens

# WHY: the vendor stops with STOP when it calls a function, too.
_STOPS = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "SAFETY": "refusal",
    "RECITATION": "refusal",
    "BLOCKLIST": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "SPII": "refusal",
    "MODEL_ARMOR": "refusal",
    "IMAGE_SAFETY": "refusal",
    "IMAGE_PROHIBITED_CONTENT": "refusal",
    "IMAGE_RECITATION": "refusal",
}
OTHER_STOPS = frozenset(
    {
        "CONTINUATION",
        "ESCALATION",
        "IMAGE_OTHER",
        "LANGUAGE",
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "NO_IMAGE",
        "OTHER",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)
UNSPECIFIED = "FINISH_REASON_UNSPECIFIED"


class Call(Struct, frozen=True, rename="camel"):
    """A call of a function; `partial_args` and `will_continue` come only where asked for."""

    name: str = ""
    args: Any = None
    id: Any = None
    partial_args: Any = None
    will_continue: Any = None


class Part(Struct, frozen=True, rename="camel"):
    """One part of a reply."""

    text: Any = None
    thought: Any = None
    thought_signature: Any = None
    function_call: Call | None = None
    inline_data: Any = None
    file_data: Any = None


class Content(Struct, frozen=True):
    """What a candidate says."""

    parts: list[Part] | None = None


class Candidate(Struct, frozen=True, rename="camel"):
    """One of the answers."""

    content: Content | None = None
    finish_reason: Any = None
    index: int | None = None

    @property
    def place(self) -> int:
        """Which of the answers it is; engines leave out the first one's number."""
        return self.index or 0


class Feedback(Struct, frozen=True, rename="camel"):
    """Why a prompt was not answered."""

    block_reason: Any = None


class Usage(Struct, frozen=True, rename="camel"):
    """Token counts so far."""

    prompt_token_count: Any = None
    cached_content_token_count: Any = None
    candidates_token_count: Any = None
    thoughts_token_count: Any = None
    tool_use_prompt_token_count: Any = None


class Reply(Struct, frozen=True, rename="camel"):
    """A whole reply, or one chunk."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: Usage | None = None
    model_version: Any = None
    response_id: Any = None
    error: Any = None

    @property
    def blocked(self) -> bool:
        """Was the prompt refused, so that there is no answer?"""
        feedback = self.prompt_feedback
        return feedback is not None and isinstance(feedback.block_reason, str)

    @property
    def says_something(self) -> bool:
        """Is there a part that is not blank?"""
        return any(
            part.text or part.function_call is not None or part.inline_data is not None
            for candidate in self.candidates or ()
            for part in (candidate.content.parts if candidate.content else None) or ()
        )

    @property
    def tokens(self) -> Tokens | None:
        """The usage.

        INVARIANT: cached tokens are counted once: the prompt's count includes them. Reasoning is
        output that the candidates' count does not hold.
        """
        usage = self.usage_metadata
        if usage is None:
            return None
        cached = _count(usage.cached_content_token_count)
        prompt = _count(usage.prompt_token_count) + _count(usage.tool_use_prompt_token_count)
        thought = _count(usage.thoughts_token_count)
        return Tokens(
            input_tokens=max(prompt - cached, 0),
            output_tokens=_count(usage.candidates_token_count) + thought,
            cache_read_tokens=cached,
            reasoning_tokens=thought,
        )


def decoded(data: bytes, shape: Json) -> Json:
    """Return the JSON in that shape; ValueError that repeats nothing of it."""
    try:
        return msgspec.json.decode(data, type=shape)
    except (ValueError, RecursionError):
        raise ValueError("not what this dialect says") from None


def whole(body: bytes) -> Reply:
    """Return a whole reply, or an error, which may stand in a list; ValueError."""
    found = decoded(body, list[Reply] | Reply)
    if isinstance(found, list) and len(found) != 1:
        raise ValueError("not one reply of this dialect")
    reply: Reply = found[0] if isinstance(found, list) else found
    if reply.error is None and not reply.candidates and not reply.blocked:
        raise ValueError("not a reply of this dialect")
    return reply


def stopped(candidate: Candidate) -> str | None:
    """Return the reason in the words of the house, None while the candidate goes on.

    INVARIANT: a reason stands in the record: an engine's free words, which may be the prompt's, do
    not.
    """
    raw = candidate.finish_reason
    if not isinstance(raw, str) or raw == UNSPECIFIED:
        return None
    word = raw.lower() if raw in OTHER_STOPS else "unknown"
    return _STOPS.get(raw, f"other:{word}")


def text(value: object) -> str:
    """Return a text, empty for what is none."""
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if type(value) is int and value >= 0 else 0
