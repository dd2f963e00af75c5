"""What a dialect must be able to do: a record of functions, no class to inherit from."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol, runtime_checkable

from msgspec import Struct

from gateway.domain.completion import Completion
from gateway.domain.conversation import Conversation
from gateway.domain.embedding import Embedding
from gateway.domain.errors import GatewayError, Unreachable
from gateway.domain.event import Event
from gateway.domain.field_kind import LEAVES, FieldKind
from gateway.domain.fleet import Offering
from gateway.domain.money import Tokens
from gateway.domain.request import Ask, Body, Operation
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


class Reframe(Protocol):
    """Carries a stream from one framing into another, however the chunks are cut."""

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes, return the bytes that they complete. ValueError if they cannot be read."""


@runtime_checkable
class Bracket(Reframe, Protocol):
    """A Reframe to a framing that has an end of its own."""

    def end(self, last: bytes) -> bytes:
        """Return what ends the stream, after this last payload where there is one."""


class ErrorReply(Struct, frozen=True):
    """An error as the client will see it; `headers` (lower-case names) are those of its vendor."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


Matter = Conversation | Embedding | Completion


def nothing(_body: Body) -> tuple[str, ...]:
    """Return no names: all of the body passes."""
    return ()


def familiar(_body: Body) -> bool:
    """Return False: a part of an unknown kind was refused when the body was read."""
    return False


def untold(_body: Body) -> dict[str, str]:
    """Return nothing: what others say in header fields stands in no such body."""
    return {}


def unpacked(body: Body) -> Body:
    """Return the body: nothing is packed in it."""
    return body


def unstreamed(*_: object) -> NoReturn:
    """Stand for all that a dialect whose replies are always whole is never asked for."""
    raise Unreachable("A reply that is always whole was to be streamed.")


class Dialect(Struct, frozen=True, kw_only=True):
    """A message format.

    peek(body) -> Ask; raises Malformed for wrong types and missing fields.
    rewrite(body, offering, stream) -> the body to pass through: model set, usage asked for.
    sheds(body) -> the losses of passing through: what `rewrite` takes out of that body.
    read(body) -> (Matter, losses); raises Malformed. The matter is that of the operation: a
    Conversation to reply to or to count, an Embedding, a Completion.
    write(matter, offering, stream) -> (Body, losses), of what `read` of that operation returns.
    tap(usage_wanted) -> a Tap for a verbatim stream.
    hear(body) -> Heard of a whole reply; ValueError when it is not one.
    read_reply(body) -> the events of a whole reply; ValueError.
    reader() -> a Reader of a stream.
    reader_at(place), read_reply_at(body, place) -> the same of another reply than the first, where
    several are asked for at once (`Ask.replies`); None in a dialect that draws one.
    write_reply(events, asked_model, record_id) -> the bytes of a whole reply.
    writer(asked_model, record_id, usage_wanted) -> a Writer.
    failure(status, body) -> kind and the engine's own words, from an engine's error reply.
    refusal(error, record_id) -> the error in the client's own form.
    stream_error(error, record_id) -> the bytes that end a broken stream.
    renamed(matter) -> by the name that `write` gives a tool, the client's name of it.
    answering(body) -> the dialect with what its reply takes from that request, such as the form of
    vectors; None where no reply depends on its request.
    unseen(body) -> the names of fields in which no detector can read, such as ids of tokens: they
    stay on the premises.
    strange(body) -> does it hold a part of a kind that its vendor does not document? That may be an
    order to fetch or to run something, and passes to no engine outside the premises.
    passing(names) -> the dialect that lets these pass: names of what makes a provider act, which
    policy lets into a zone. What it lets pass stands in `Ask.reaches`, or stays in the body.
    reaching: the names that `passing` knows.
    A dialect that never streams (its Ask never says so) leaves out what a stream needs.
    fields: every top-level field that the vendor documents, and what it is for. To an engine
    outside the premises goes what is content or setting; the others are taken out there, as losses
    by name, and so are fields that do not stand here, as `unknown_field`.
    operation: what is asked of an engine; dialects of one operation translate into each other.
    kin: the dialect whose messages these are, where only framing, paths or errors differ: between
    dialects of one kin a request passes through. Empty for a dialect that is its own kin.
    unframe() -> a Reframe from the engine's stream to that of the kin; None where it is the same.
    frame() -> a Reframe from the stream of the kin to the client's; None where it is the same. What
    `stream_error` returns is framed already, but for a Bracket, which takes it as its last payload.
    unmarked: its streams have no end mark: what a Tap or a Reader calls finished may end there, and
    does so when the connection ends. What comes until then counts.
    unpack(body) -> the body with everything readable that came packed in it: what is classified,
    and what all others here take; Malformed. Once a request, before anything else.
    told(body) -> by lower-case name, what others of the kin say in header fields, where a body of
    this dialect says it; `rewrite` leaves it out.
    record_headers: the response headers in which the vendor's clients look for the record's id.
    Losses are names such as `parallel_tool_calls`.
    """

    name: str
    stream_type: str
    peek: Callable[[Body], Ask]
    rewrite: Callable[[Body, Offering, bool], Body]
    read: Callable[[Body], tuple[Matter, tuple[str, ...]]]
    # WHY: Any, since which matter it is goes with the operation, and no type says so.
    write: Callable[[Any, Offering, bool], tuple[Body, tuple[str, ...]]]
    hear: Callable[[bytes], Heard]
    read_reply: Callable[[bytes], tuple[Event, ...]]
    write_reply: Callable[[tuple[Event, ...], str, str], bytes]
    failure: Callable[[int, bytes], tuple[FailureKind, str]]
    refusal: Callable[[GatewayError, str], ErrorReply]
    tap: Callable[[bool], Tap] = unstreamed
    reader: Callable[[], Reader] = unstreamed
    reader_at: Callable[[int], Reader] | None = None
    read_reply_at: Callable[[bytes, int], tuple[Event, ...]] | None = None
    writer: Callable[[str, str, bool], Writer] = unstreamed
    stream_error: Callable[[GatewayError, str], bytes] = unstreamed
    renamed: Callable[[Any], dict[str, str]] = lambda _matter: {}
    sheds: Callable[[Body], tuple[str, ...]] = nothing
    passing: Callable[[frozenset[str]], "Dialect"] | None = None
    reaching: frozenset[str] = frozenset()
    unseen: Callable[[Body], tuple[str, ...]] = nothing
    strange: Callable[[Body], bool] = familiar
    answering: Callable[[Body], "Dialect"] | None = None
    fields: Mapping[str, FieldKind] = {}
    operation: Operation = Operation.GENERATE
    kin: str = ""
    unframe: Callable[[], Reframe] | None = None
    frame: Callable[[], Reframe] | None = None
    unmarked: bool = False
    unpack: Callable[[Body], Body] = unpacked
    told: Callable[[Body], Mapping[str, str]] = untold
    record_headers: tuple[str, ...] = ()

    def letting(self, names: frozenset[str]) -> "Dialect":
        """Return the dialect that lets these pass; itself where it lets nothing pass."""
        known = names & self.reaching
        return self.passing(known) if self.passing is not None and known else self

    @property
    def family(self) -> str:
        """The name of the dialect whose messages these are."""
        return self.kin or self.name

    @property
    def may_leave(self) -> frozenset[str]:
        """The fields that may go to an engine outside the premises."""
        return frozenset(name for name, kind in self.fields.items() if kind in LEAVES)
