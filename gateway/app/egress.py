"""Whom the gateway asks beside the engines: hosts that give credentials, and control planes."""

from collections.abc import Iterator

from gateway.app.loading import Loaded, place_of
from gateway.backends import BACKENDS
from gateway.transport.credentials import DIRECT


def egress(loaded: Loaded) -> Iterator[str]:
    """Yield a line for each backend and host, so that a network policy can be held against it.

    No prompt goes to any of them, nor a word of one.
    """
    for name, backend in loaded.models.backends.items():
        kind, zone = BACKENDS[backend.kind], loaded.compiled.zones.get(backend.zone)
        source = kind.source(loaded.secrets.get(backend.secret or ""), backend.settings, DIRECT)
        if source is not None:
            yield from (
                f"{name}: {host} for its credential ({source.name})" for host in source.hosts
            )
        control = kind.control(place_of(backend), backend.settings, loaded.models.asked_of(name))
        if control is None or zone is None:
            continue
        origin = f"{control.scheme}://{control.authority}"
        if zone.processing_regions is not None:
            yield f"{name}: {origin} for the regions of its models"
        if kind.residency is not None and kind.residency.kept(backend.settings):
            yield f"{name}: {origin} for what is kept"
