"""Counting the tokens of a Messages request: the same prompt, and a number for an answer."""

from typing import Any, NoReturn

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.dialects.anthropic_messages.ask import peek
from gateway.dialects.anthropic_messages.errors import failure, refusal, stream_error
from gateway.dialects.anthropic_messages.read import read
from gateway.dialects.anthropic_messages.shapes import REACHING, Prompt
from gateway.dialects.anthropic_messages.strange import strange
from gateway.dialects.anthropic_messages.vocabulary import FIELDS
from gateway.dialects.anthropic_messages.wire import Fault, decoded
from gateway.dialects.anthropic_messages.write import write
from gateway.domain.conversation import Conversation
from gateway.domain.dialect import Dialect, Heard
from gateway.domain.errors import Unreachable
from gateway.domain.event import Broke, Event, Used
from gateway.domain.fleet import Offering
from gateway.domain.money import Tokens
from gateway.domain.request import Ask, Body, Operation

NAME = "anthropic_count"
# What draws a reply: a count takes none of it.
_UNASKED = frozenset({"max_tokens", "stop_sequences", "stream", "temperature", "top_k", "top_p"})
_INJECTED = "max_tokens_injected"


class Counted(Struct, frozen=True):
    """The answer; `error` in its place where the engine tells one with status 200."""

    input_tokens: int | None = None
    error: Fault | None = None


def _peek(body: Body, passed: frozenset[str] = frozenset()) -> Ask:
    return replace(peek(body, passed, Prompt), stream=False, output_tokens_max=None)


def _read(body: Body) -> tuple[Conversation, tuple[str, ...]]:
    return read(body, Prompt)


def _rewrite(body: Body, offering: Offering, _stream: bool) -> Body:  # noqa: FBT001
    return {**_prompt(body), "model": offering.wire_model}


def _write(
    conversation: Conversation,
    offering: Offering,
    _stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    body, losses = write(conversation, offering, stream=False)
    return _prompt(body), tuple(loss for loss in losses if loss != _INJECTED)


def _prompt(body: Body) -> Body:
    return {name: value for name, value in body.items() if name not in _UNASKED}


def _counted(body: bytes) -> Counted:
    """Return the answer; ValueError when it is neither a count nor an error."""
    counted = decoded(body, Counted)
    if counted.error is None and (counted.input_tokens is None or counted.input_tokens < 0):
        raise ValueError("no count of this dialect")
    return counted


def hear(body: bytes) -> Heard:
    """Return what the answer says; a count uses nothing up. ValueError when it is none."""
    error = _counted(body).error
    return Heard() if error is None else Heard(broke=error.heard)


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the count as one event; ValueError."""
    counted = _counted(body)
    if counted.error is not None:
        kind, said = counted.error.heard
        return (Broke(kind, said),)
    return (Used(Tokens(input_tokens=counted.input_tokens or 0)),)


def write_reply(events: tuple[Event, ...], _asked_model: str, _record_id: str) -> bytes:
    """Return the answer; what comes from a cache is a part of the prompt like any other."""
    used = [event.tokens for event in events if isinstance(event, Used)]
    last = used[-1] if used else Tokens()
    total = last.input_tokens + last.cache_read_tokens + last.cache_write_tokens
    return msgspec.json.encode({"input_tokens": total})


def unstreamed(*_given: Any) -> NoReturn:  # noqa: ANN401 - stands for any of the stream's parts
    """Raise Unreachable: a count is never a stream."""
    raise Unreachable("A count is never a stream.")


def passing(names: frozenset[str]) -> Dialect:
    """Return the dialect that lets these tools, references and fields pass."""
    return replace(ANTHROPIC_COUNT, peek=lambda body: _peek(body, names))


ANTHROPIC_COUNT = Dialect(
    name=NAME,
    operation=Operation.COUNT,
    stream_type="text/event-stream",
    peek=_peek,
    rewrite=_rewrite,
    read=_read,
    write=_write,
    tap=unstreamed,
    hear=hear,
    read_reply=read_reply,
    reader=unstreamed,
    write_reply=write_reply,
    writer=unstreamed,
    failure=failure,
    refusal=refusal,
    stream_error=stream_error,
    strange=strange,
    fields=FIELDS,
    passing=passing,
    reaching=REACHING,
)
