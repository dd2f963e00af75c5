"""How many tokens a request is: `countTokens`, in the forms of both of the vendor's hosts.

One takes the contents alone or a whole request under `generateContentRequest`, the other the fields
of the request themselves. The latter is what engines are asked.
"""

from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from gateway.dialects.gemini import ask
from gateway.dialects.gemini.errors import failure_in
from gateway.dialects.gemini.read import read as read_request
from gateway.dialects.gemini.spelling import camel, snake, without
from gateway.dialects.gemini.vocabulary import FIELDS
from gateway.dialects.gemini.wire import decoded
from gateway.dialects.gemini.write import write as write_request
from gateway.domain.conversation import Conversation
from gateway.domain.dialect import Heard
from gateway.domain.errors import Malformed, Unreachable
from gateway.domain.event import Broke, Event, Used
from gateway.domain.fleet import Offering
from gateway.domain.money import Tokens
from gateway.domain.request import Ask, Body
from gateway.translation.losses import UNKNOWN

_WHOLE = "generateContentRequest"
_COUNTED = frozenset({"contents", "systemInstruction", "tools", "generationConfig"})
_UNCOUNTED = ("generationConfig", "toolConfig")


class Count(Struct, frozen=True, rename="camel"):
    """A reply."""

    total_tokens: Any = None
    error: Any = None


def peek(body: Body, passed: frozenset[str] = frozenset()) -> Ask:
    """Return what is wanted but for the model; Malformed or CannotExpress."""
    return msgspec.structs.replace(ask.peek(request_of(body), passed), output_tokens_max=None)


def rewrite(body: Body, offering: Offering, stream: bool) -> Body:  # noqa: FBT001
    """Return the body for an engine that speaks this dialect."""
    said = ask.rewrite(request_of(body), offering, stream)
    return {name: value for name, value in said.items() if camel(name) in _COUNTED}


def sheds(body: Body) -> tuple[str, ...]:
    """Return what `rewrite` takes out: all that counts for nothing."""
    said = request_of(body)
    names = [snake(camel(name)) for name in said if camel(name) not in {*_COUNTED, "model"}]
    named = tuple(name if name in FIELDS else UNKNOWN for name in names)
    return (*named, *ask.sheds({"contents": said.get("contents")}))


def read(body: Body) -> tuple[Conversation, tuple[str, ...]]:
    """Return the conversation that is counted."""
    return read_request(request_of(body))


def write(
    conversation: Conversation,
    offering: Offering,
    stream: bool,  # noqa: FBT001
) -> tuple[Body, tuple[str, ...]]:
    """Return the body and what this dialect cannot say; how a reply is drawn counts for nothing."""
    body, losses = write_request(conversation, offering, stream)
    return {name: value for name, value in body.items() if name not in _UNCOUNTED}, losses


def hear(body: bytes) -> Heard:
    """Return what a reply says; a count uses nothing up. ValueError when it is none."""
    error = _reply(body).error
    return Heard() if error is None else Heard(broke=failure_in(error))


def read_reply(body: bytes) -> tuple[Event, ...]:
    """Return the count as what was used; ValueError."""
    reply = _reply(body)
    if reply.error is not None:
        kind, said = failure_in(reply.error)
        return (Broke(kind.value, said),)
    return (Used(Tokens(input_tokens=reply.total_tokens)),)


def write_reply(events: tuple[Event, ...], _asked_model: str, _record_id: str) -> bytes:
    """Return the reply; what comes from a cache is a part of the prompt like any other."""
    used = [event.tokens for event in events if isinstance(event, Used)]
    if not used:
        raise ValueError("a count without a number")
    last = used[-1]
    total = last.input_tokens + last.cache_read_tokens + last.cache_write_tokens
    return msgspec.json.encode({"totalTokens": total})


def no_stream(*_given: object) -> NoReturn:
    """Raise Unreachable: a count does not stream."""
    raise Unreachable("A count was asked for as a stream.")


def request_of(body: Body) -> Body:
    """Return the request that is to be counted; Malformed where there are two."""
    whole = [value for name, value in body.items() if camel(name) == _WHOLE]
    if not whole:
        return body
    if len(whole) > 1 or not isinstance(whole[0], dict) or without(body, _WHOLE, "model"):
        raise Malformed("Send contents, or one generateContentRequest.")
    return whole[0]


def _reply(body: bytes) -> Count:
    reply: Count = decoded(body, Count)
    counted = type(reply.total_tokens) is int and reply.total_tokens >= 0
    if reply.error is None and not counted:
        raise ValueError("not a count of this dialect")
    return reply
