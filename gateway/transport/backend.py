"""A kind of engine: the dialects it speaks, where, and how it wants its credential."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from msgspec import Struct

from gateway.domain.dialect import Dialect
from gateway.domain.errors import Unreachable
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.transport.credentials import Credential, Settings, Signer
from gateway.transport.guard import Place

Quirk = Callable[[Body, Offering], Body]
Answer = tuple[int, bytes]
Question = Callable[[str, str], Awaitable[Answer]]
MODEL = "{model}"


class Path(Struct, frozen=True):
    """Where a backend speaks a dialect; `streamed` is where it streams, if that is elsewhere.

    `{model}` in either stands for the model's name as one label of the path.
    """

    path: str
    streamed: str = ""

    def of(self, model: str, *, streams: bool) -> str:
        """Return the path to ask for that model; Unreachable for a name that would change it."""
        path = self.streamed if streams and self.streamed else self.path
        if MODEL not in path:
            return path
        if model in {"", ".", ".."}:
            raise Unreachable("A model without a name was asked for.")
        return path.replace(MODEL, quote(model, safe=""))


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
    secret is missing or not wanted. `signer`, where there is one, returns what adds more fields to
    each call, by secret and settings.
    `faults` says what is wrong with a backend's place and settings, each with the field's name.
    `anywhere` tells a model's name that may be answered in any region of the provider.
    `marked` writes our record id where the provider's own log keeps it.
    `quirks` change a prepared body in named ways. `refuses` returns why a name at this engine is
    never asked for, or None. `probe_path` answers 200 when the engine is well; empty for an engine
    that is not probed. `breach` finds, in one payload of a reply, proof that somebody else
    answered; None where nothing could. `inspect` asks the engine about a model before first use.
    `is_cloud` says that it is reached through the cloud client, which may write a path in another
    way than it was given.
    """

    name: str
    speaks: dict[str, Path]
    dialects: tuple[Dialect, ...]
    credential: Credential
    headers: tuple[tuple[str, str], ...] = ()
    quirks: tuple[Quirk, ...] = ()
    refuses: Callable[[str], str | None] = lambda _name: None
    probe_path: str = "/health"
    signer: Signer | None = None
    faults: Callable[[Place, Settings], tuple[tuple[str, str], ...]] = lambda _place, _settings: ()
    anywhere: Callable[[str], bool] = lambda _name: False
    marked: Callable[[Body, str], Body] | None = None
    breach: Callable[[bytes], bool] | None = None
    inspect: Inspect | None = None
    is_cloud: bool = False
