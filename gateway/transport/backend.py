"""A kind of engine: the dialects it speaks, where, and how it wants its credential."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from gateway.domain.dialect import Dialect
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.transport.credentials import Credential

Quirk = Callable[[Body, Offering], Body]
Answer = tuple[int, bytes]
Question = Callable[[str, str], Awaitable[Answer]]


class Path(Struct, frozen=True):
    """Where a backend speaks a dialect."""

    path: str


class Inspection(Struct, frozen=True):
    """What an engine says of one of its models.

    `digest` identifies the weights, `wire_name` is what to ask for. `breach` says why the engine
    must never be used again, `problem` why it cannot be used now.
    """

    digest: str = ""
    wire_name: str = ""
    breach: str = ""
    problem: str = ""


Inspect = Callable[[Question, str], Awaitable[Inspection]]


class Backend(Struct, frozen=True, kw_only=True):
    """A record, no code: one provider is one file with one of these.

    `speaks` maps each dialect to its path; the first one is the target of translation.
    `credential` turns the backend's secret (or None) into header fields; ValueError says that the
    secret is missing or not wanted.
    `quirks` change a prepared body in named ways. `refuses` returns why a name at this engine is
    never asked for, or None. `probe_path` answers 200 when the engine is well; empty for an engine
    that is not probed. `breach` finds, in one payload of a reply, proof that somebody else
    answered; None where nothing could. `inspect` asks the engine about a model before first use.
    `is_cloud` says that it is reached through the cloud client.
    """

    name: str
    speaks: dict[str, Path]
    dialects: tuple[Dialect, ...]
    credential: Credential
    headers: tuple[tuple[str, str], ...] = ()
    quirks: tuple[Quirk, ...] = ()
    refuses: Callable[[str], str | None] = lambda _name: None
    probe_path: str = "/health"
    breach: Callable[[bytes], bool] | None = None
    inspect: Inspect | None = None
    is_cloud: bool = False
