"""Reading `backends.yaml`: which engines run where, and in which zone."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gateway.config.entries import decode_entries
from gateway.config.exits import Exit, Forward, Names, read_exits
from gateway.config.files import escape
from gateway.config.fleet_files import BackendEntry, BackendsFile
from gateway.config.nearest import guess
from gateway.config.origins import BadOriginError, Origin, read_origin
from gateway.domain.document import Document
from gateway.domain.errors import Problem

SCRIPTED = "scripted"


class Known(Struct, frozen=True):
    """What other rooms and files know: kinds of backends, zones and secrets by name.

    None for zones or secrets leaves that check to somebody else.
    """

    kinds: frozenset[str]
    zones: frozenset[str] | None = None
    secrets: frozenset[str] | None = None


class BackendSettings(Struct, frozen=True):
    """One running service, ready to be dialled; `secret` is a name, never the secret.

    Proxy and CA file are those of its zone, where it has none of its own.
    """

    name: str
    kind: str
    origin: Origin
    zone: str
    secret: str | None = None
    proxy: Forward | None = None
    ca_file: Path | None = None
    server_name: str | None = None
    certificate_pins: tuple[str, ...] = ()
    settings: dict[str, str | int | bool] = {}


def read_backends(
    document: Document, known: Known, folder: Path, problems: list[Problem]
) -> dict[str, BackendSettings]:
    """Return the backends that are right, by name; add the problems of the others."""
    found: dict[str, BackendSettings] = {}
    exits = read_exits(document, Names(known.zones, known.secrets), folder, problems)
    entries = decode_entries(document, BackendsFile, "backends", BackendEntry, problems)
    for name, entry in entries.items():
        at = f"/backends/{escape(name)}"
        complaints = [*_complaints(entry, known, document, at)]
        try:
            origin = read_origin(entry.url)
        except BadOriginError as error:
            complaints.append(document.problem(f"{at}/url", str(error), error.hint))
        else:
            made = _settings(name, entry, origin, folder)
            found[name] = _through(made, exits.get(entry.zone, Exit()))
            complaints += _tls_complaints(entry, found[name], document, at)
        problems += complaints
    problems += _shared(found, document)
    return found


def _settings(name: str, entry: BackendEntry, origin: Origin, folder: Path) -> BackendSettings:
    return BackendSettings(
        name=name,
        kind=entry.kind,
        origin=origin,
        zone=entry.zone,
        secret=entry.secret,
        ca_file=None if entry.ca_file is None else folder.absolute() / entry.ca_file,
        server_name=entry.server_name,
        certificate_pins=entry.certificate_pins,
        settings=entry.settings,
    )


def _through(backend: BackendSettings, way_out: Exit) -> BackendSettings:
    """Return the backend as its zone is reached."""
    ca_file = backend.ca_file or (way_out.ca_file if backend.origin.tls else None)
    return replace(backend, proxy=way_out.proxy, ca_file=ca_file)


def _complaints(
    entry: BackendEntry, known: Known, document: Document, at: str
) -> Iterator[Problem]:
    if entry.kind not in known.kinds:
        hint = guess(entry.kind, known.kinds)
        if entry.kind == SCRIPTED:
            hint = "a scripted engine needs `demo: true` in the node file"
        yield document.problem(f"{at}/kind", "unknown kind of backend", hint)
    if known.zones is not None and entry.zone not in known.zones:
        hint = guess(entry.zone, known.zones)
        yield document.problem(f"{at}/zone", "the policy has no such zone", hint)
    if known.secrets is not None and entry.secret is not None and entry.secret not in known.secrets:
        hint = guess(entry.secret, known.secrets)
        yield document.problem(f"{at}/secret", "the node file has no such secret", hint)


def _tls_complaints(
    entry: BackendEntry, backend: BackendSettings, document: Document, at: str
) -> Iterator[Problem]:
    if backend.origin.tls:
        return
    if backend.proxy is not None:
        what = "its zone has a proxy, and behind one it must be https"
        yield document.problem(f"{at}/url", what)
    for name in ("ca_file", "server_name", "certificate_pins"):
        if getattr(entry, name):
            yield document.problem(f"{at}/{name}", "means nothing without https")


def _shared(backends: dict[str, BackendSettings], document: Document) -> Iterator[Problem]:
    """Yield a problem for each address that stands in two zones."""
    # INVARIANT: an address names one zone, or the guard could not tell where a prompt goes.
    seen: dict[tuple[str, int], BackendSettings] = {}
    for backend in backends.values():
        place = (backend.origin.host, backend.origin.port)
        first = seen.setdefault(place, backend)
        if first.zone != backend.zone:
            yield document.problem(
                f"/backends/{escape(backend.name)}/zone",
                f"backend `{first.name}` puts the same address into another zone",
            )
