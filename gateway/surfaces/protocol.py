"""uvicorn's HTTP/1.1 protocol, with the limits that it lacks: header time and size, peers."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar, cast

from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

UNIX_PEER = "local"


class ConnectionLimits(Struct, frozen=True):
    """Bounds of the listener's connections; `header_ms` covers the request line and all headers."""

    header_ms: int
    header_bytes_max: int
    connections_max: int
    connections_per_peer_max: int


class Connections:
    """How many connections are open, by peer address."""

    def __init__(self, limits: ConnectionLimits, rejected: Callable[[], None]) -> None:
        self.limits = limits
        self.rejected = rejected
        self._by_peer: Counter[str] = Counter()

    def admit(self, peer: str) -> bool:
        """Count the connection in, unless a bound is reached."""
        total = sum(self._by_peer.values())
        full = total >= self.limits.connections_max
        if full or self._by_peer[peer] >= self.limits.connections_per_peer_max:
            self.rejected()
            return False
        self._by_peer[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        """Count the connection out."""
        self._by_peer[peer] -= 1
        if self._by_peer[peer] <= 0:
            del self._by_peer[peer]


class LimitedProtocol(HttpToolsProtocol):
    """Closes what is slow or too much before it becomes a request."""

    open_connections: ClassVar[Connections]

    _peer: str | None = None
    _timer: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _in_headers = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit the peer, or close at once."""
        address = transport.get_extra_info("peername")
        peer = address[0] if isinstance(address, tuple) else UNIX_PEER
        super().connection_made(transport)
        if not self.open_connections.admit(peer):
            transport.abort()
            return
        self._peer = peer
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the peer out."""
        self._stop_timer()
        if self._peer is not None:
            self.open_connections.leave(self._peer)
            self._peer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bound what arrives before the headers are complete."""
        if self._in_headers:
            self._header_bytes += len(data)
            if self._timer is None:
                self._start_timer()
        super().data_received(data)
        if self._in_headers and self._header_bytes > self.open_connections.limits.header_bytes_max:
            self.open_connections.rejected()
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Leave the header phase."""
        self._in_headers = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next request's headers; their time starts with their first byte."""
        super().on_message_complete()
        self._in_headers = True
        self._header_bytes = 0

    def _expect_headers(self) -> None:
        self._in_headers = True
        self._header_bytes = 0
        self._start_timer()

    def _start_timer(self) -> None:
        seconds = self.open_connections.limits.header_ms / 1000
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        self.open_connections.rejected()
        cast("Any", self.transport).abort()


def limited_protocol(connections: Connections) -> type[LimitedProtocol]:
    """Return the protocol class that keeps these limits."""
    return type("BoundProtocol", (LimitedProtocol,), {"open_connections": connections})
