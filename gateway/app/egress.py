"""Whom the gateway asks beside the engines: hosts that give credentials, and control planes."""

from collections.abc import Iterator

from gateway.app.loading import Loaded, place_of
from gateway.backends import BACKENDS


def egress(loaded: Loaded) -> Iterator[str]:
    """Yield a line for each backend and host, so that a network policy can be held against it.

    No prompt goes to any of them, nor a word of one.
    """
    for name, issuer in loaded.node.settings.issuers.items():
        if issuer.jwks.url is not None:
            yield f"issuer {name}: {issuer.jwks.url} for its keys"
    for name, backend in loaded.models.backends.items():
        kind, zone = BACKENDS[backend.kind], loaded.compiled.zones.get(backend.zone)
        source = kind.source(loaded.secrets.get(backend.secret or ""), backend.settings)
        if source is not None:
            yield from (
                f"{name}: {host} for its credential ({source.name})" for host in source.hosts
            )
        control = kind.control(place_of(backend), backend.settings, loaded.models.asked_of(name))
        if control is not None and zone is not None and zone.processing_regions is not None:
            yield f"{name}: {control.scheme}://{control.authority} for the regions of its models"
