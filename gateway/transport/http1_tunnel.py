"""A way through a forward proxy: CONNECT first, then TLS with the engine itself inside."""

import asyncio
import base64
import ssl
from typing import cast

from msgspec import Struct

from gateway.domain.route import FailureKind
from gateway.domain.secret import Secret
from gateway.transport.call import Address
from gateway.transport.failure import TransportFailure, failed
from gateway.transport.http1 import Http1Connector
from gateway.transport.http1_connection import Connection

HEAD_BYTES_MAX = 16 * 1024
OK = 200
_END = b"\r\n\r\n"


class Tunnel(Struct, frozen=True):
    """Through which proxy an engine is reached: `host` is the engine's host and port.

    `fields` is what the proxy wants to know of us.
    """

    host: str
    fields: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Tunnel({self.host})"


def proxy_fields(secret: Secret | None) -> tuple[tuple[str, str], ...]:
    """Return the Proxy-Authorization field of `user:password`; ValueError for another secret."""
    if secret is None:
        return ()
    text = secret.reveal()
    if ":" not in text[1:]:
        raise ValueError("the secret of a proxy is user:password")
    coded = base64.b64encode(text.encode()).decode("ascii")
    return (("proxy-authorization", f"Basic {coded}"),)


class ProxiedConnector(Http1Connector):
    """The connections to one engine, each through a tunnel of its own.

    INVARIANT: what the proxy is told is the engine's host and port, and our credential for the
    proxy; the rest is inside TLS, which is verified against the engine's name and pins as if there
    were no proxy.
    """

    def __init__(
        self, tunnel: Tunnel, host: str, tls: ssl.SSLContext, server_name: str, connections_max: int
    ) -> None:
        super().__init__(host, tls=tls, server_name=server_name, connections_max=connections_max)
        self._tunnel = tunnel
        self._inside = (tls, server_name)

    async def _dial(
        self, loop: asyncio.AbstractEventLoop, made: Connection, address: Address
    ) -> None:
        transport, asked = await loop.create_connection(_Asking, address.ip, address.port)
        tls, server_name = self._inside
        try:
            await asked.pass_through(self._tunnel)
            inside = await loop.start_tls(transport, made, tls, server_hostname=server_name)
        except BaseException:
            transport.abort()
            raise
        if inside is None:
            raise _refused("closed")
        made.connection_made(inside)


class _Asking(asyncio.Protocol):
    """The exchange with the proxy: one question, one head, and not a byte more."""

    def __init__(self) -> None:
        self._heard = bytearray()
        self._answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    async def pass_through(self, tunnel: Tunnel) -> None:
        """Ask for the engine; TransportFailure when the proxy does not let us through."""
        lines = [f"CONNECT {tunnel.host} HTTP/1.1", f"host: {tunnel.host}", "user-agent: perimeter"]
        lines += [f"{name}: {value}" for name, value in tunnel.fields]
        if self._transport is not None:
            self._transport.write("\r\n".join([*lines, "", ""]).encode("ascii"))
        head = await self._answered
        version, _, rest = head.partition(b" ")
        status = rest[:3]
        if version not in {b"HTTP/1.1", b"HTTP/1.0"} or not status.isdigit():
            raise _refused("no HTTP/1.1 reply")
        if int(status) != OK:
            raise _refused(f"status {int(status)}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Collect the head; bytes behind it are nobody's."""
        self._heard += data
        if self._answered.done():
            return
        head, end, more = bytes(self._heard).partition(_END)
        if len(self._heard) > HEAD_BYTES_MAX:
            self._answered.set_exception(_refused("head over the limit"))
        elif end and more:
            self._answered.set_exception(_refused("more than a head"))
        elif end:
            self._answered.set_result(head)

    def connection_lost(self, exc: Exception | None) -> None:
        """The proxy has hung up."""
        if not self._answered.done():
            self._answered.set_exception(_refused("closed" if exc is None else "broken"))


def _refused(why: str) -> TransportFailure:
    # INVARIANT: no byte of the request leaves before the tunnel stands.
    return failed(FailureKind.UNREACHABLE, f"proxy: {why}", sent=False)
