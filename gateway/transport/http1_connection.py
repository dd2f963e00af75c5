"""One connection to one backend: bytes out, one reply in, and nothing left over."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import httptools

from gateway.domain.route import Failure, FailureKind
from gateway.transport.call import Address
from gateway.transport.failure import TransportFailure
from gateway.transport.http1_head import is_open_ended, refusal

HEAD_BYTES_MAX = 64 * 1024
FIELDS_MAX = 128
INFORMATIONAL_MAX = 8
BUFFER_BYTES_MAX = 256 * 1024
SLICE_BYTES_MAX = 256 * 1024
ONE_WRITE_BYTES_MAX = 64 * 1024
SWITCHING = 101
FINAL_MIN = 200


class Connection(asyncio.Protocol):
    """A connection that carries one exchange at a time.

    `status`, `fields`, `head_done`, `done` and `failure` tell how far the reply has come.
    INVARIANT: whoever waits, waits on one future with one timer; a chunk costs no task of its own.
    """

    __slots__ = (
        "_dry_bytes",
        "_expires_at",
        "_heard",
        "_informational",
        "_left_over",
        "_loop",
        "_on_lost",
        "_open_ended",
        "_parser",
        "_pending",
        "_pending_bytes",
        "_phase",
        "_reading_paused",
        "_seen",
        "_timer",
        "_timer_at",
        "_total_at",
        "_transport",
        "_waiter",
        "_writing",
        "_writing_paused",
        "address",
        "done",
        "failure",
        "fields",
        "head_done",
        "idle_since",
        "is_leased",
        "keeps_alive",
        "status",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        address: Address,
        on_lost: "Callable[[Connection], None]",
    ) -> None:
        self._loop = loop
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._writing_paused = False
        self.address = address
        self.idle_since = 0.0
        self.is_leased = True
        self.done = True
        self.failure: Failure | None = None

    @property
    def is_usable(self) -> bool:
        """Is it open, and has the other side said nothing that was not asked?"""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        """May another exchange follow: has this one ended cleanly on both sides?"""
        return (
            self.done
            and self.failure is None
            and self.keeps_alive
            and not self._left_over
            and not self._writing
            and self.is_usable
        )

    def begin(self, total_s: float) -> None:
        """Start an exchange that may last `total_s` seconds."""
        self._parser = httptools.HttpResponseParser(self)
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._dry_bytes = 0
        self._informational = 0
        self._reading_paused = self._heard = self._left_over = self._writing = False
        self._open_ended = False
        self._seen: list[tuple[str, str]] = []
        self.fields: dict[str, str] = {}
        self.status = 0
        self.head_done = self.done = self.keeps_alive = False
        self.failure = None
        self._total_at = self._loop.time() + total_s
        self._arm(self._total_at)
        self._phase = "total"

    def park(self, now: float) -> None:
        """Go idle: from here on any byte that comes closes the connection."""
        self._parser = None
        self.idle_since = now
        self.is_leased = False

    def abort(self) -> None:
        """Close at once; what was not sent yet is not sent."""
        if self._transport is not None:
            self._transport.abort()

    async def write(self, head: bytes, body: bytes, idle_s: float) -> None:
        """Send the request; stops early when the reply or a failure comes first."""
        self._writing = True
        if len(body) < ONE_WRITE_BYTES_MAX:
            self._put(head + body)
        else:
            self._put(head)
            await self._write_slices(memoryview(body), idle_s)
        if not (self.head_done or self.failure):
            self._writing = False

    async def head(self, first_byte_s: float, idle_s: float) -> None:
        """Wait for the reply's head; TransportFailure when none comes."""
        while not self.head_done and self.failure is None:
            if self._heard:
                await self._wait(idle_s, "head stopped")
            else:
                await self._wait(first_byte_s, "no first byte")
        self._raise()

    async def more(self, idle_s: float) -> bytes:
        """Return what has arrived since, waiting if nothing has; empty at the end of the body.

        What arrived before a failure is returned before the failure is raised.
        """
        while not self._pending:
            if self.done:
                return b""
            self._raise()
            await self._wait(idle_s, "body stopped")
        pending = self._pending
        self._pending = []
        self._pending_bytes = 0
        if self._reading_paused:
            self._reading_paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()
        return pending[0] if len(pending) == 1 else b"".join(pending)

    async def _write_slices(self, view: memoryview, idle_s: float) -> None:
        for start in range(0, len(view), SLICE_BYTES_MAX):
            while self._writing_paused and not (self.head_done or self.failure):
                await self._wait(idle_s, "sending stopped")
            if self.head_done or self.failure:
                return
            self._put(view[start : start + SLICE_BYTES_MAX])

    def _put(self, data: bytes | memoryview) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _raise(self) -> None:
        if self.failure is not None:
            raise TransportFailure(self.failure)

    async def _wait(self, limit_s: float, phase: str) -> None:
        """Sleep until something has changed; after the limit the exchange has failed."""
        at = self._loop.time() + limit_s
        self._phase = phase if at < self._total_at else "total"
        self._arm(min(at, self._total_at))
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None
            self._expires_at = self._total_at
            self._phase = "total"

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _arm(self, at: float) -> None:
        # WHY: a timer that is already set for earlier is left alone and re-set when it fires, so
        # that a stream of many chunks sets a few timers and not one for each chunk.
        self._expires_at = at
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._parser is None or self.done or self.failure is not None:
            return
        if self._loop.time() >= self._expires_at:
            self._break(FailureKind.TIMED_OUT, self._phase)
        else:
            self._arm(self._expires_at)

    def _break(self, kind: FailureKind, detail: str) -> None:
        if self.failure is None and not self.done:
            self.failure = Failure(kind, sent=True, detail=detail)
        self.abort()
        self._wake()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; small writes leave at once."""
        # WHY: uvloop's transports do not inherit from asyncio's, so there is nothing to check.
        self._transport = cast("asyncio.Transport", transport)
        plain = transport.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Parse what came; bytes that nobody asked for close the connection."""
        parser = self._parser
        if parser is None:
            self.abort()
            return
        self._heard = True
        self._dry_bytes += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._left_over = True
            self._break(FailureKind.UNREADABLE, "not an HTTP/1.1 reply")
        if self._dry_bytes > HEAD_BYTES_MAX and not self.done:
            self._break(FailureKind.UNREADABLE, "head over the limit")
        if self._pending_bytes > BUFFER_BYTES_MAX and not self._reading_paused and self.is_usable:
            self._reading_paused = True
            if self._transport is not None:
                self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange, if one is under way, how far it came."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._parser is not None and not self.done and self.failure is None:
            self._end_of_connection(exc)
        self._parser = None
        self._wake()
        self._on_lost(self)

    def pause_writing(self) -> None:
        """The other side does not take our bytes: stop handing them over."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """The other side takes bytes again."""
        self._writing_paused = False
        self._wake()

    def _end_of_connection(self, exc: Exception | None) -> None:
        if self.head_done and self._open_ended and exc is None:
            self.done = True
            return
        # WHY: a connection that was kept alive may be closed just as we write. Whether the engine
        # has begun cannot be known, so it is never written again here: the flow's next attempt
        # has a record of its own.
        kind = FailureKind.CUT_SHORT if self._heard else FailureKind.UNREACHABLE
        how = "closed" if exc is None else "broken"
        where = "in the body" if self.head_done else "in the head"
        detail = f"{how} {where}" if self._heard else f"{how} before reply"
        self.failure = Failure(kind, sent=True, detail=detail)

    def on_message_begin(self) -> None:
        """A second message in the same exchange was not asked for."""
        if self.done:
            self._left_over = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header field; trailers are dropped."""
        if self.head_done or self.failure is not None:
            return
        self._seen.append((name.decode("latin-1").lower(), value.decode("latin-1")))
        if len(self._seen) > FIELDS_MAX:
            self._break(FailureKind.UNREADABLE, "too many header fields")

    def on_headers_complete(self) -> None:
        """Take the head, unless it is informational or refused."""
        parser = self._parser
        if parser is None or self.done or self.failure is not None:
            return
        status = parser.get_status_code()
        why = refusal(parser.get_http_version(), self._seen)
        if why is None and status < FINAL_MIN:
            why = self._informed(status)
        if why is not None:
            self._break(FailureKind.UNREADABLE, why)
        elif status >= FINAL_MIN:
            self.fields = dict(self._seen)
            self.status = status
            self.keeps_alive = parser.should_keep_alive()
            self._open_ended = is_open_ended(status, self.fields)
            self.head_done = True

    def on_body(self, data: bytes) -> None:
        """Keep bytes of the body until they are asked for."""
        if self.done or self.failure is not None:
            self._left_over = True
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        self._dry_bytes = 0

    def on_message_complete(self) -> None:
        """The reply is whole."""
        if self.head_done and self.failure is None:
            self.done = True

    def _informed(self, status: int) -> str | None:
        self._seen = []
        self._informational += 1
        if status == SWITCHING:
            return "switching protocols"
        return "too many informational replies" if self._informational > INFORMATIONAL_MAX else None
