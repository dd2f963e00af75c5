"""Sockets and servers: who may connect, how long he may take, and TLS."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import uvicorn
from msgspec import Struct
from uvicorn._types import ASGIApplication

from gateway.config.settings import Tls
from gateway.surfaces.protocol import Connections, LimitedProtocol, limited_protocol

BACKLOG = 1024
ASKED = {"require": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Listener(Struct, frozen=True, kw_only=True):
    """One address with an application behind it."""

    application: Any
    host: str
    port: int
    connections: Connections
    keep_alive_ms: int
    drain_ms: int
    tls: Tls | None = None


class QuietServer(uvicorn.Server):
    """uvicorn's server without signal handling: `serving` owns the signals.

    A TLS handshake has as long as a head has: until it is over, no other limit sees the peer.
    """

    def __init__(self, config: uvicorn.Config, handshake_ms: int) -> None:
        super().__init__(config)
        self._handshake_s = handshake_ms / 1000 if config.is_ssl else None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on sockets that are bound."""
        loop, config = asyncio.get_running_loop(), self.config
        self.servers = [
            await loop.create_server(
                self._protocol,
                sock=one,
                ssl=config.ssl,
                backlog=config.backlog,
                ssl_handshake_timeout=self._handshake_s,
            )
            for one in sockets or []
        ]
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        protocol: type[LimitedProtocol] = self.config.http_protocol_class  # type: ignore[assignment]
        return protocol(config=self.config, server_state=self.server_state, app_state={})

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket; OSError when the address is taken or not ours."""
    family = socket.AF_INET6 if ip_address(host).version == ip_address("::").version else None
    bound = socket.socket(family or socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    bound.set_inheritable(False)
    return bound


def server_of(listener: Listener) -> QuietServer:
    """Return the server of a listener; OSError or ssl.SSLError when its TLS files are no use."""
    application: ASGIApplication = listener.application
    protocol: type[LimitedProtocol] = limited_protocol(listener.connections)
    config = uvicorn.Config(
        application,
        http=protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=max(1, listener.keep_alive_ms // 1000),
        timeout_graceful_shutdown=max(1, listener.drain_ms // 1000),
        backlog=BACKLOG,
        **_tls_options(listener.tls),
    )
    config.load()
    if listener.tls is not None and config.ssl is not None:
        config.ssl.minimum_version = VERSIONS[listener.tls.version_min]
    return QuietServer(config, listener.connections.limits.header_ms)


def _tls_options(tls: Tls | None) -> dict[str, Any]:
    if tls is None:
        return {}
    options: dict[str, Any] = {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
    if tls.client_ca is not None:
        options |= {
            "ssl_ca_certs": str(tls.client_ca),
            "ssl_cert_reqs": ASKED[tls.client_certificate],
        }
    return options
