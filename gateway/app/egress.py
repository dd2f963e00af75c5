"""Whom the gateway asks beside the engines: proxies, givers of credentials, control planes."""

from collections.abc import Iterator

from gateway.app.loading import Loaded, place_of
from gateway.backends import BACKENDS
from gateway.config.backends import BackendSettings
from gateway.transport.credentials import DIRECT


def egress(loaded: Loaded) -> Iterator[str]:
    """Yield a line for each backend and host, so that a network policy can be held against it.

    No prompt goes to any of them in clear, nor a word of one: a proxy sees host and port, and TLS.
    """
    for name, issuer in loaded.node.settings.issuers.items():
        if issuer.jwks.url is not None:
            yield f"issuer {name}: {issuer.jwks.url} for its keys"
    anchors = loaded.node.settings.anchors
    yield from (f"{name}: {one.url} for checkpoints" for name, one in anchors.witnesses.items())
    yield from (f"{name}: {one.url} for checkpoints" for name, one in anchors.object_locks.items())
    for name, backend in loaded.models.backends.items():
        kind = BACKENDS[backend.kind]
        if backend.proxy is not None:
            origin = backend.proxy.origin
            yield f"{name}: {origin.host}:{origin.port}, the proxy of zone {backend.zone}"
        source = kind.source(loaded.secrets.get(backend.secret or ""), backend.settings, DIRECT)
        if source is not None:
            yield from (
                f"{name}: {host} for its credential ({source.name})" for host in source.hosts
            )
        yield from _control(loaded, name, backend)


def _control(loaded: Loaded, name: str, backend: BackendSettings) -> Iterator[str]:
    kind, zone = BACKENDS[backend.kind], loaded.compiled.zones.get(backend.zone)
    control = kind.control(place_of(backend), backend.settings, loaded.models.asked_of(name))
    if control is None or zone is None:
        return
    origin = f"{control.scheme}://{control.authority}"
    if zone.processing_regions is not None:
        yield f"{name}: {origin} for the regions of its models"
    if kind.residency is not None and kind.residency.kept(backend.settings):
        yield f"{name}: {origin} for what is kept"
