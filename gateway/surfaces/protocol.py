"""uvicorn's HTTP/1.1 protocol, with the limits that it lacks: time, size, peers, slow readers."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar, cast

from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.identity.certificate import subjects_of

UNIX_PEER = "local"
TRAILERS = "perimeter.trailers"
SUBJECTS = "perimeter.subjects"
FIELD_BYTES = len(b": \r\n")


class ConnectionLimits(Struct, frozen=True):
    """Bounds of the listener's connections.

    `header_ms` covers the request line and all headers, `message_ms` what follows them until the
    request is complete, `stall_ms` a client that reads nothing of its reply. `header_bytes_max`
    also bounds what frames a body: chunk sizes and trailers.
    """

    header_ms: int
    header_bytes_max: int
    connections_max: int
    connections_per_peer_max: int
    message_ms: int
    stall_ms: int


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


class Deadline:
    """A moment at which something happens, unless it is called off before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
        self._loop = loop
        self._then = then
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Is the time running?"""
        return self._timer is not None

    def start(self, milliseconds: int) -> None:
        """Let the time run from now."""
        self.stop()
        self._timer = self._loop.call_later(milliseconds / 1000, self._then)

    def stop(self) -> None:
        """Call it off."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class LimitedProtocol(HttpToolsProtocol):
    """Closes what is slow or too much, and lets nothing but headers be headers."""

    open_connections: ClassVar[Connections]

    _peer: str | None = None
    _in_headers = True
    _head_bytes = 0
    _framing_bytes = 0
    _cycles: tuple[RequestResponseCycle, ...] = ()
    _subjects: tuple[str, ...] = ()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit the peer, or close at once."""
        address = transport.get_extra_info("peername")
        peer = address[0] if isinstance(address, tuple) else UNIX_PEER
        self._reading = Deadline(self.loop, self._reject)
        self._writing = Deadline(self.loop, self._reject)
        super().connection_made(transport)
        if not self.open_connections.admit(peer):
            transport.abort()
            return
        self._peer = peer
        self._subjects = subjects_of(transport.get_extra_info("peercert"))
        self._reading.start(self.open_connections.limits.header_ms)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the peer out, and tell every request of the connection that its client left."""
        self._reading.stop()
        self._writing.stop()
        if self._peer is not None:
            self.open_connections.leave(self._peer)
            self._peer = None
        # WHY: uvicorn tells the newest request only; with pipelining that is not the one at work.
        for cycle in self._cycles:
            cycle.disconnected = cycle.disconnected or not cycle.response_complete
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bound what arrives and is no body: it is held in memory, by the parser or as headers."""
        if self._in_headers and not self._reading.is_set:
            self._reading.start(self.open_connections.limits.header_ms)
        self._framing_bytes += len(data)
        super().data_received(data)
        if self._framing_bytes > self.open_connections.limits.header_bytes_max:
            self._reject()

    def on_message_begin(self) -> None:
        """Begin a request, and say whom the certificate of its connection names.

        INVARIANT: this comes from the handshake; nothing that a client writes can set it.
        """
        super().on_message_begin()
        cast("dict[str, object]", self.scope)[SUBJECTS] = self._subjects

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; a trailer after the body is no header, and the request is told to be odd.

        INVARIANT: who asks and what he claims is complete before the first byte of the body.
        """
        if not self._in_headers:
            cast("dict[str, object]", self.scope)[TRAILERS] = True
            return
        self._head_bytes += len(name) + len(value) + FIELD_BYTES
        if self._head_bytes > self.open_connections.limits.header_bytes_max:
            self._reject()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Leave the header phase; the rest of the request has a time of its own."""
        self._in_headers = False
        self._head_bytes = self._framing_bytes = 0
        self._reading.start(self.open_connections.limits.message_ms)
        super().on_headers_complete()
        at_work = [cycle for cycle in self._cycles if not cycle.response_complete]
        self._cycles = (*at_work, self.cycle)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._framing_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next request's headers; their time starts with their first byte."""
        self._in_headers = True
        self._framing_bytes = 0
        self._reading.stop()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client reads more slowly than we write: it must read something in time."""
        super().pause_writing()
        self._writing.start(self.open_connections.limits.stall_ms)

    def resume_writing(self) -> None:
        """The client has read."""
        self._writing.stop()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also one whose client never read the last reply."""
        if self.transport.get_write_buffer_size():
            self._reject()
        else:
            super().timeout_keep_alive_handler()

    def _reject(self) -> None:
        self.open_connections.rejected()
        cast("Any", self.transport).abort()


def limited_protocol(connections: Connections) -> type[LimitedProtocol]:
    """Return the protocol class that keeps these limits."""
    return type("BoundProtocol", (LimitedProtocol,), {"open_connections": connections})
