"""One request as it came in, and what it asks for."""

from enum import StrEnum
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from gateway.domain.caller import Caller
from gateway.domain.trace import NO_TRACE, Trace

Body = dict[str, Any]


class Operation(StrEnum):
    """What is asked of an engine: a reply, a count of tokens, vectors, or the rest of a text."""

    GENERATE = "generate"
    COUNT = "count"
    EMBED = "embed"
    COMPLETE = "complete"


class Claims(Struct, frozen=True):
    """What the client says of its own request; it may raise the label, never lower it.

    `repo` is what somebody set; `workspaces` are remote URLs that a tool tells by itself.
    `place_label` and `place_repo` stand in the path, the latter as an id of the repo registry.
    `told_labels` and `told_repos` stand in the body's metadata; `folders` are the working
    directories that a tool tells by itself. `file_labels` are what a `.perimeter-label` says that a
    tool has read.
    """

    label: str | None = None
    repo: str | None = None
    session: str | None = None
    metadata: dict[str, str] = {}
    workspaces: tuple[str, ...] = ()
    place_label: str | None = None
    place_repo: str | None = None
    told_labels: tuple[str, ...] = ()
    told_repos: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    file_labels: tuple[str, ...] = ()


class Envelope(Struct, frozen=True):
    """A request of a known caller: who, through which surface, with which claims, and its body.

    `body` is the one parsed value: what is classified is what is sent. `body_sha256` is over the
    bytes that came in and never leaves the process unsalted. `raw` are those bytes, where they may
    be kept and are not too many. `asked` and `streams` are the model
    and the wish for a stream where the path says them. `told` holds the request headers, by
    lower-case name, that mean something to an engine. `trace` is the one that
    the client says that it belongs to.
    """

    id: str
    received_us: int
    caller: Caller
    surface: str
    dialect: str
    claims: Claims
    body: Body
    body_bytes: int
    body_sha256: bytes = b""
    raw: bytes = b""
    address: str = ""
    client: str = ""
    asked: str = ""
    streams: bool | None = None
    told: dict[str, str] = {}
    trace: Trace = NO_TRACE


class Ask(Struct, frozen=True):
    """What is wanted: a name (task, model or `backend:model`), a stream or not, abilities, limits.

    `needs` holds capabilities (`tools`, `images`, `documents`, `thinking`; `fim` to fill in,
    `template` to put a question into the template of the model). `reaches`
    names what the body would make a provider fetch, keep or run. `replies` counts the replies that
    are asked for at once, where it is more than one.
    WHY: the newest fields are left out where they say nothing: what an older record holds must
    still be written as it was.
    """

    model: str
    stream: bool = False
    usage_wanted: bool = True
    needs: frozenset[str] = frozenset()
    output_tokens_max: int | None = None
    operation: Operation | UnsetType = UNSET
    reaches: frozenset[str] | UnsetType = UNSET
    replies: int | UnsetType = UNSET

    @property
    def wants(self) -> Operation:
        """What the engine shall do."""
        return self.operation or Operation.GENERATE
