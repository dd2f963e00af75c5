"""Counting the tokens of a Responses request: the same prompt, and a number for an answer."""

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.dialects.openai_responses import ask, reading, writing
from gateway.dialects.openai_responses.fault import failure, failure_in, refusal
from gateway.dialects.openai_responses.items import REFERENCES
from gateway.dialects.openai_responses.strange import strange
from gateway.dialects.openai_responses.tools import REACHING
from gateway.dialects.openai_responses.vocabulary import FIELDS
from gateway.domain.conversation import Conversation, Sampling
from gateway.domain.dialect import Dialect, Heard
from gateway.domain.event import Broke, Event, Used
from gateway.domain.field_kind import FieldKind
from gateway.domain.fleet import Offering
from gateway.domain.money import Tokens
from gateway.domain.request import Ask, Body, Operation

OBJECT = "response.input_tokens"
# What draws, delivers or keeps a reply: a count takes none of it, and is the same without.
UNASKED = frozenset(
    {
        "background",
        "context_management",
        "include",
        "max_output_tokens",
        "max_tool_calls",
        "prompt_cache_options",
        "prompt_cache_retention",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "top_logprobs",
        "top_p",
    }
)


class Counted(Struct, frozen=True):
    """The answer, or an error in its place."""

    input_tokens: int | None = None
    error: Any = None


def peek(body: Body, passed: frozenset[str] = frozenset()) -> Ask:
    """Return what is asked for; Malformed as for a reply."""
    return replace(ask.peek(_prompt(body), passed), output_tokens_max=None)


def rewrite(body: Body, offering: Offering, _stream: bool) -> Body:  # noqa: FBT001
    """Return the body to pass through: the prompt alone, and the engine's own model name."""
    return _prompt(ask.rewrite(_prompt(body), offering, False))  # noqa: FBT003


def sheds(body: Body) -> tuple[str, ...]:
    """Return the names of what `rewrite` takes out of that body."""
    return ask.sheds(_prompt(body))


def read(body: Body) -> tuple[Conversation, tuple[str, ...]]:
    """Return the conversation and what it cannot hold; Malformed."""
    return reading.read(_prompt(body))


def write(
    conversation: Conversation,
    offering: Offering,
    stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body for that engine, and what it cannot say."""
    asked = replace(conversation, sampling=Sampling())
    body, losses = writing.write(asked, offering, stream)
    return _prompt(body), losses


def hear(body: bytes) -> Heard:
    """Return what the answer says; a count uses nothing up. ValueError when it is none."""
    found = _counted(body)
    return Heard() if found.error is None else Heard(broke=failure_in({"error": found.error}))


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the count as one event; ValueError."""
    found = _counted(body)
    if found.error is not None:
        kind, said = failure_in({"error": found.error})
        return (Broke(kind, said),)
    return (Used(Tokens(input_tokens=found.input_tokens or 0)),)


def write_reply(events: tuple[Event, ...], _asked_model: str, _record_id: str) -> bytes:
    """Return the answer; what comes from a cache is a part of the prompt like any other."""
    used = [event.tokens for event in events if isinstance(event, Used)]
    last = used[-1] if used else Tokens()
    total = last.input_tokens + last.cache_read_tokens + last.cache_write_tokens
    return msgspec.json.encode({"object": OBJECT, "input_tokens": total})


def _prompt(body: Body) -> Body:
    return {name: value for name, value in body.items() if name not in UNASKED}


def _counted(body: bytes) -> Counted:
    """Return the answer; ValueError when it is neither a count nor an error."""
    try:
        found = msgspec.json.decode(body, type=Counted)
    except (ValueError, RecursionError):
        found = Counted()
    if found.error is None and (found.input_tokens is None or found.input_tokens < 0):
        raise ValueError("no count of this dialect")
    return found


def passing(names: frozenset[str]) -> Dialect:
    """Return the dialect that lets these references and remote servers of tools pass."""
    return replace(
        OPENAI_INPUT_TOKENS,
        peek=lambda body: peek(body, names),
        rewrite=lambda body, offering, _stream: _prompt(
            ask.rewrite(_prompt(body), offering, False, names)  # noqa: FBT003
        ),
        sheds=lambda body: ask.sheds(_prompt(body), names),
    )


OPENAI_INPUT_TOKENS = Dialect(
    name="openai_input_tokens",
    operation=Operation.COUNT,
    stream_type="text/event-stream",
    peek=peek,
    rewrite=rewrite,
    sheds=sheds,
    strange=strange,
    read=read,
    write=write,
    hear=hear,
    read_reply=read_reply,
    write_reply=write_reply,
    failure=failure,
    refusal=refusal,
    fields={**FIELDS, "personality": FieldKind.SETTING},
    passing=passing,
    reaching=REACHING | REFERENCES | {ask.IDENTIFYING},
)
