"""A kind of engine: the dialects it speaks, where, and how it wants its credential."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from gateway.domain.dialect import Dialect
from gateway.domain.errors import Unreachable
from gateway.domain.fleet import Offering
from gateway.domain.request import Body, Operation
from gateway.domain.secret import Secret
from gateway.transport.credentials import (
    DIRECT,
    Credential,
    Fields,
    Settings,
    Signer,
    Source,
    Sourced,
    WayOut,
)
from gateway.transport.guard import Place

Quirk = Callable[[Body, Offering], Body]
Breach = Callable[[bytes, Offering, Settings], str]
Control = Callable[[Place, Settings, tuple[str, ...]], Place | None]
Answer = tuple[int, bytes]
Question = Callable[[str, str], Awaitable[Answer]]
MODEL = "{model}"
BETA_FIELD = "anthropic-beta"
BETA_LOSS = "anthropic_beta"
INSPECT_EVERY = 12
_PLAIN = re.compile(r"[!-~]+")
_SETTING = re.compile(r"\{(?!model\})([a-z_]+)\}")


def every_model(_name: str) -> bool:
    """Return true: the way is open to every model of the backend."""
    return True


class Telling(Struct, frozen=True):
    """What a call may be made of beside its body.

    What the client told in headers, the offering, our record id, the backend's settings, and
    whether a stream is asked for.
    """

    told: Mapping[str, str]
    offering: Offering
    record_id: str
    settings: Settings = {}
    streams: bool = False


def no_fields(telling: Telling) -> tuple[Fields, tuple[str, ...]]:
    """Return no header fields; betas that the client asked for are lost by name."""
    return (), (BETA_LOSS,) if telling.told.get(BETA_FIELD, "").strip(" ,") else ()


def as_it_is(body: Body, _telling: Telling) -> tuple[Body, tuple[str, ...]]:
    """Return the body unchanged, and no losses."""
    return body, ()


class Way(Struct, frozen=True, kw_only=True):
    """One dialect at one path of a backend; `streamed` is where it streams, if that is elsewhere.

    `{model}` in either stands for the model's name as one label of the path; `{name}` for that
    setting of the backend, a label too unless it begins with a slash.
    `serves` says of which models, by their name at the backend, this way is open.
    `takes` are the fields that go to this engine, whatever the client sends; None for all that the
    border lets pass. `salted` writes whose cache of prompts it is, where engines share one.
    `quirks` change a prepared body in named ways. `fitted` gives it the form that this path wants,
    by what was told beside it and by the settings of offering and backend, and names what that form
    cannot hold. `marked` writes our record id where the provider's own log keeps it. `fields`
    returns more header fields, and what could not be told. `opened_by` is the setting of the
    backend, true or false, that opens the way; empty for one that is always open.
    """

    dialect: Dialect
    path: str
    streamed: str = ""
    serves: Callable[[str], bool] = every_model
    quirks: tuple[Quirk, ...] = ()
    takes: frozenset[str] | None = None
    fitted: Callable[[Body, Telling], tuple[Body, tuple[str, ...]]] = as_it_is
    salted: Callable[[Body, str], Body] | None = None
    marked: Callable[[Body, str], Body] | None = None
    fields: Callable[[Telling], tuple[Fields, tuple[str, ...]]] = no_fields
    opened_by: str = ""

    def of(self, model: str, *, streams: bool) -> str:
        """Return the path to ask for that model; Unreachable for a name that would change it."""
        path = self.streamed if streams and self.streamed else self.path
        if MODEL not in path:
            return path
        if not model or set(model) == {"."} or not _PLAIN.fullmatch(model):
            raise Unreachable("A model whose name would change the path was asked for.")
        return path.replace(MODEL, quote(model, safe="@"))

    def is_open(self, model: str) -> bool:
        """Is the way open to that model of the backend?"""
        return not self.opened_by and self.serves(model)

    def at(self, settings: Settings) -> "Way":
        """Return the way with the backend's settings in its paths; ValueError if one is missing."""
        return replace(
            self,
            path=_at(self.path, settings),
            streamed=_at(self.streamed, settings),
            opened_by="" if settings.get(self.opened_by) is True else self.opened_by,
        )


def no_source(
    _secret: Secret | None, _settings: Settings, _way_out: WayOut = DIRECT
) -> Source | None:
    """Return none: the secret of the node file is used as it is."""
    return None


class Inspection(Struct, frozen=True):
    """What an engine says of one of its models.

    `digest` identifies the weights, `wire_name` is what to ask for, `regions` are those of the
    cloud that may answer it, `context_tokens` is the longest prompt and reply together, where the
    engine says so. `breach` says why the engine must never be used again, `problem` why it cannot
    be used now, `unfit` why this one of its models cannot.
    """

    digest: str = ""
    regions: tuple[str, ...] = ()
    wire_name: str = ""
    context_tokens: int | None = None
    breach: str = ""
    problem: str = ""
    unfit: str = ""


Inspect = Callable[[Question, str], Awaitable[Inspection]]


class Residency(Struct, frozen=True, kw_only=True):
    """What can be learned of where somebody else's engine answers, and of what it keeps.

    `observe` finds, in one payload of a reply to that offering, the region that it tells; empty
    where there is none. `geo` is the region that is asked for, in the same words. `retention` reads
    what is kept, at the control plane; `kept` is what the settings declare of it. `unlisted` says
    why nobody promises that an offering runs where it is asked; None where no such list is.
    """

    observe: Callable[[bytes], str] | None = None
    geo: Callable[[Offering, Settings], str] = lambda _offering, _settings: ""
    retention: Callable[[Question], Awaitable[str]] | None = None
    kept: Callable[[Settings], str] = lambda _settings: ""
    unlisted: Callable[[Offering, Settings, date], str] | None = None


ABROAD = Residency()


class Backend(Struct, frozen=True, kw_only=True):
    """A record, no code: one provider is one file with one of these.

    `ways` are the dialects that it speaks; the first way that is open to a model and of the right
    operation is the target of translation. `defaults` are settings that may stand in their paths,
    `settings` those of the fleet file, once it is known.
    `credential` turns the backend's secret (or None) into header fields; ValueError says that the
    secret is missing or not wanted. `signer`, where there is one, returns what adds more fields to
    each call, by secret and settings. `source` returns what fetches the secret where it is not the
    node file's own, as the zone is reached; both then take what was fetched; ValueError.
    `faults` says what is wrong with a backend's place and settings, each with the field's name.
    `anywhere` tells, by the backend's settings, an offering that any region of the provider may
    answer. `stands` returns the countries that may answer it, None where the settings do not say.
    `misfits` says what is wrong with an offering's settings.
    `quirks` change a prepared body in named ways, on every way; `settled` returns more of them, by
    the backend's settings. `refuses` returns why a name at
    this engine is never asked for, or None. `probe_path` answers 200 when the engine is well; empty
    for an engine that is not probed. `breach` finds, in one payload of a reply to that offering,
    proof that somebody else answered, or elsewhere, and says it; empty where there is none.
    `inspect` asks about a model before first use, and again after `inspect_every` probes; `control`
    returns where these models are asked about, None where that is the engine itself.
    `residency` is what can be verified of an engine that is not our own; None for one that is.
    `is_cloud` says that it is reached through the cloud client, which may write a path in another
    way than it was given.
    """

    name: str
    ways: tuple[Way, ...]
    credential: Credential
    headers: tuple[tuple[str, str], ...] = ()
    quirks: tuple[Quirk, ...] = ()
    settled: Callable[[Settings], tuple[Quirk, ...]] = lambda _settings: ()
    refuses: Callable[[str], str | None] = lambda _name: None
    probe_path: str = "/health"
    signer: Signer | None = None
    source: Sourced = no_source
    faults: Callable[[Place, Settings], tuple[tuple[str, str], ...]] = lambda _place, _settings: ()
    anywhere: Callable[[Offering, Settings], bool] = lambda _offering, _settings: False
    stands: Callable[[Offering, Settings], frozenset[str] | None] = lambda _offering, _settings: (
        None
    )
    misfits: Callable[[Offering], str | None] = lambda _offering: None
    defaults: Settings = {}
    settings: Settings = {}
    breach: Breach | None = None
    inspect: Inspect | None = None
    inspect_every: int = INSPECT_EVERY
    control: Control = lambda _place, _settings, _models: None
    residency: Residency | None = None
    is_cloud: bool = False

    def way(self, dialect: Dialect, model: str) -> Way | None:
        """Return how to ask this engine for that model; None where it does no such thing.

        In the client's own dialect, else in another of the same operation.
        """
        ways = self._open(dialect.operation, model)
        same = next((way for way in ways if way.dialect.family == dialect.family), None)
        return same or next(iter(ways), None)

    def operations(self, model: str) -> frozenset[Operation]:
        """Return what the engine does with that model."""
        return frozenset(way.dialect.operation for way in self.ways if way.is_open(model))

    def at(self, settings: Settings) -> "Backend":
        """Return the record with settings in paths, ways and quirks; ValueError."""
        given = {**self.defaults, **settings}
        ways = tuple(way.at(given) for way in self.ways)
        quirks = (*self.quirks, *self.settled(given))
        return replace(self, ways=ways, quirks=quirks, settings=given)

    def _open(self, operation: Operation, model: str) -> tuple[Way, ...]:
        ways = (way for way in self.ways if way.dialect.operation is operation)
        return tuple(way for way in ways if way.is_open(model))


def _at(path: str, settings: Settings) -> str:
    """Return the path with its settings; ValueError names one that is missing or no text."""

    def filled(found: re.Match[str]) -> str:
        value = settings.get(found[1])
        if not isinstance(value, str) or not _PLAIN.fullmatch(value):
            raise ValueError(f"the setting {found[1]} is missing or no plain text")
        return quote(value, safe="/" if value.startswith("/") else "")

    return _SETTING.sub(filled, path)
