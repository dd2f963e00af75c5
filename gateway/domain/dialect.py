"""What a dialect must be able to do: a record of functions, no class to inherit from."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from gateway.domain.conversation import Conversation
from gateway.domain.errors import GatewayError
from gateway.domain.event import Event
from gateway.domain.fleet import Offering
from gateway.domain.money import Tokens
from gateway.domain.request import Ask, Body
from gateway.domain.route import FailureKind


class Heard(Struct, frozen=True):
    """What listening to a reply found: usage, stop reason, model, and any error inside it."""

    usage: Tokens | None = None
    stop: str | None = None
    model: str = ""
    broke: tuple[FailureKind, str] | None = None


class Tap(Protocol):
    """Stands in a verbatim stream: gives on the bytes to forward, and listens.

    It parses only payloads in which a byte search finds usage, a stop reason or an error. It
    removes the usage event when the caller did not ask for it, and holds back the end mark of a
    stream that broke. An engine's error event is not forwarded: it ends in `heard.broke`, and the
    flow renders the error itself.
    """

    @property
    def heard(self) -> Heard:
        """What was found so far."""

    @property
    def content_seen(self) -> bool:
        """Has anything but preamble passed?"""

    @property
    def finished(self) -> bool:
        """Has the dialect's end mark been seen?"""

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes from the engine, return bytes for the client."""


class Reader(Protocol):
    """Reads an engine's stream into events; owns the frame that cuts it."""

    @property
    def finished(self) -> bool:
        """Has the dialect's end mark been seen?"""

    def feed(self, chunk: bytes) -> tuple[Event, ...]:
        """Take bytes, return the events that they complete. ValueError if it cannot be read."""


class Writer(Protocol):
    """Writes events as one stream of a dialect."""

    def write(self, event: Event) -> bytes:
        """Return the bytes for that event; empty when it says nothing in this dialect."""

    def close(self) -> bytes:
        """Return the bytes that end a stream that ended well."""


class ErrorReply(Struct, frozen=True):
    """An error as the client will see it."""

    status: int
    body: bytes
    content_type: str = "application/json"


def nothing(_body: Body) -> tuple[str, ...]:
    """Return no names: all of the body passes."""
    return ()


class Dialect(Struct, frozen=True, kw_only=True):
    """A message format.

    peek(body) -> Ask; raises Malformed for wrong types and missing fields.
    rewrite(body, offering, stream) -> the body to pass through: model set, usage asked for.
    sheds(body) -> the losses of passing through: what `rewrite` takes out of that body.
    read(body) -> (Conversation, losses); raises Malformed.
    write(conversation, offering, stream) -> (Body, losses).
    tap(usage_wanted) -> a Tap for a verbatim stream.
    hear(body) -> Heard of a whole reply; ValueError when it is not one.
    read_reply(body) -> the events of a whole reply; ValueError.
    reader() -> a Reader of a stream.
    write_reply(events, asked_model, record_id) -> the bytes of a whole reply.
    writer(asked_model, record_id, usage_wanted) -> a Writer.
    failure(status, body) -> kind and the engine's own words, from an engine's error reply.
    refusal(error, record_id) -> the error in the client's own form.
    stream_error(error, record_id) -> the bytes that end a broken stream.
    renamed(conversation) -> by the name that `write` gives a tool, the client's name of it.
    may_leave: top-level fields that may go to an engine outside the premises; all others are taken
    out there, as losses by name where `known_fields` holds it, else as `unknown_field`.
    Losses are names such as `parallel_tool_calls`.
    """

    name: str
    stream_type: str
    peek: Callable[[Body], Ask]
    rewrite: Callable[[Body, Offering, bool], Body]
    read: Callable[[Body], tuple[Conversation, tuple[str, ...]]]
    write: Callable[[Conversation, Offering, bool], tuple[Body, tuple[str, ...]]]
    tap: Callable[[bool], Tap]
    hear: Callable[[bytes], Heard]
    read_reply: Callable[[bytes], tuple[Event, ...]]
    reader: Callable[[], Reader]
    write_reply: Callable[[tuple[Event, ...], str, str], bytes]
    writer: Callable[[str, str, bool], Writer]
    failure: Callable[[int, bytes], tuple[FailureKind, str]]
    refusal: Callable[[GatewayError, str], ErrorReply]
    stream_error: Callable[[GatewayError, str], bytes]
    renamed: Callable[[Conversation], dict[str, str]] = lambda _conversation: {}
    sheds: Callable[[Body], tuple[str, ...]] = nothing
    may_leave: frozenset[str] = frozenset()
    known_fields: frozenset[str] = frozenset()
