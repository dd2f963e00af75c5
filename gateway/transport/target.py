"""A backend as the fleet file describes it, with all that is needed to reach it."""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from gateway.domain.secret import Secret
from gateway.transport.backend import Backend
from gateway.transport.call import Connector, Timeouts
from gateway.transport.credentials import DIRECT, Settings, WayOut
from gateway.transport.guard import Place
from gateway.transport.http1 import CONNECTIONS_MAX, Http1Connector
from gateway.transport.http1_tunnel import ProxiedConnector, Tunnel, proxy_fields
from gateway.transport.tls import context


def silent(_event: str, _words: str) -> None:
    """Tell nobody."""


class Target(Struct, frozen=True, kw_only=True):
    """One backend: where it is, what kind of engine, its credential and its limits.

    `ca_file` is the only CA that is believed; without one it is the public CAs of `certifi`.
    `proxy_secret` is `user:password` for the proxy of its place, `proxy_ca_file` the only CA that
    is believed of other hosts behind it. `models` are the names by which it
    is asked for its models, `contexts` the longest context that the catalogue says for each.
    `may_be_scripted` is true in a demo alone. `asked` names the target that is asked about its
    models, where that is another; `lawful` are the countries in which its zone may process,
    None for the world. `settings` are those of the fleet file; `now` is the clock of its signatures
    and of what is fetched for it. `tell(event, words)` hears whence a fetched credential comes, and
    why there is none.
    """

    place: Place
    kind: Backend
    secret: Secret | None = None
    proxy_secret: Secret | None = None
    ca_file: str | None = None
    proxy_ca_file: str | None = None
    timeouts: Timeouts = Timeouts()
    connections_max: int = CONNECTIONS_MAX
    models: tuple[str, ...] = ()
    contexts: Mapping[str, int] = {}
    may_be_scripted: bool = False
    asked: str = ""
    lawful: frozenset[str] | None = None
    settings: Settings = {}
    now: Callable[[], datetime] | None = None
    tell: Callable[[str, str], None] = silent

    @property
    def name(self) -> str:
        """The backend's name in the fleet file."""
        return self.place.name

    @property
    def keeps(self) -> str:
        """What is declared of what the provider keeps; empty where nothing is."""
        residency = self.kind.residency
        return "" if residency is None else residency.kept(self.settings)

    @property
    def way_out(self) -> WayOut:
        """How hosts that give credentials for it are reached."""
        proxy = self.place.proxy
        if proxy is None:
            return DIRECT
        return WayOut(
            (proxy.host, proxy.port), proxy.addresses, self.proxy_secret, self.proxy_ca_file
        )


def connector_for(target: Target) -> Connector:
    """Return a client of the target's own, which shares no connection with any other.

    OSError when its CA file cannot be used, ValueError when the proxy's secret cannot.
    """
    place = target.place
    tls = context(target.ca_file, place.pins) if place.scheme == "https" else None
    fields = proxy_fields(target.proxy_secret)
    if target.kind.is_cloud:
        # WHY: httpx and aiohttp cost a third of a second and tens of megabytes; a gateway whose
        # engines are all its own never loads them.
        from gateway.transport.cloud import CloudConnector

        return CloudConnector(place, tls=tls, fields=fields, connections_max=target.connections_max)
    if place.proxy is not None:
        if tls is None:
            raise ValueError(f"{place.name}: behind a proxy it must be https")
        tunnel = Tunnel(place.origin, fields)
        return ProxiedConnector(
            tunnel, place.authority, tls, place.sni, connections_max=target.connections_max
        )
    return Http1Connector(
        place.authority, tls=tls, server_name=place.sni, connections_max=target.connections_max
    )
