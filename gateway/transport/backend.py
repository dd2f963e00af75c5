"""A kind of engine: the dialects it speaks, where, and how it wants its credential."""

from collections.abc import Callable

from msgspec import Struct

from gateway.domain.dialect import Dialect
from gateway.domain.fleet import Offering
from gateway.domain.request import Body


class Path(Struct, frozen=True):
    """Where a backend speaks a dialect."""

    path: str


class Backend(Struct, frozen=True, kw_only=True):
    """A record, no code: one provider is one file with one of these.

    `speaks` maps each dialect to its path; the first one is the target of translation.
    `credential` turns the backend's secret (or None) into header fields.
    `quirks` change a prepared body in named ways. `refuses` returns why a name at this engine is
    never asked for, or None. `probe_path` answers 200 when the engine is well.
    `breach` finds, in a reply's bytes, proof that somebody else answered.
    """

    name: str
    speaks: dict[str, Path]
    dialects: tuple[Dialect, ...]
    credential: Callable[[str | None], tuple[tuple[str, str], ...]]
    headers: tuple[tuple[str, str], ...] = ()
    quirks: tuple[Callable[[Body, Offering], Body], ...] = ()
    refuses: Callable[[str], str | None] = lambda _name: None
    probe_path: str = "/health"
    breach: Callable[[bytes], bool] = lambda _payload: False
