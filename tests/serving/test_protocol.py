"""The listener's protocol by itself, with limits too small for a process of its own."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from gateway.app.listeners import Listener, bind, server_of
from gateway.surfaces.protocol import ConnectionLimits, Connections

pytestmark = pytest.mark.anyio
LIMITS = ConnectionLimits(
    header_ms=5_000,
    header_bytes_max=64 * 1024,
    connections_max=2,
    connections_per_peer_max=2,
    message_ms=5_000,
    stall_ms=300,
)
GET = b"GET / HTTP/1.1\r\nhost: gateway.test\r\n\r\n"
CHUNK = b"x" * 65_536
WAIT_S = 20


class Endless:
    """Streams until the client is gone."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.ensure_future(receive())
        while not gone.done():
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
            await asyncio.sleep(0)
        self.ended.set()


class Whole:
    """Answers at once with one large body."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size = str(len(CHUNK) * 256).encode()
        headers = [(b"content-length", size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": CHUNK * 256})


@asynccontextmanager
async def serving(application: Any, **limits: int) -> AsyncIterator[tuple[int, Connections]]:
    bound = bind("127.0.0.1", 0)
    connections = Connections(msgspec.structs.replace(LIMITS, **limits), lambda: None)
    server = server_of(
        Listener(
            application=application,
            host="127.0.0.1",
            port=0,
            connections=connections,
            keep_alive_ms=1_000,
            drain_ms=1_000,
        )
    )
    task = asyncio.create_task(server.serve([bound]))
    try:
        await _until(lambda: server.started)
        yield bound.getsockname()[1], connections
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, WAIT_S)


def _deaf(port: int) -> socket.socket:
    """Connect, ask, and never read."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", port))
    deaf.sendall(GET)
    return deaf


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what is watched has no event
            await asyncio.sleep(0.01)


async def assert_cut_off(port: int, connections: Connections) -> None:
    with contextlib.closing(_deaf(port)):
        await _until(lambda: bool(connections._by_peer))
        await _until(lambda: not connections._by_peer)


async def test_a_client_that_reads_nothing_of_a_stream_is_cut_off() -> None:
    application = Endless()
    async with serving(application) as (port, connections):
        await assert_cut_off(port, connections)
        await asyncio.wait_for(application.ended.wait(), WAIT_S)


async def test_a_client_that_reads_nothing_of_a_large_reply_is_cut_off() -> None:
    async with serving(Whole()) as (port, connections):
        await assert_cut_off(port, connections)


async def test_a_client_that_reads_at_last_is_not_cut_off() -> None:
    async with serving(Whole(), stall_ms=5_000) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await asyncio.sleep(0.4)
        await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(len(CHUNK) * 256)
        assert body[-1:] == b"x"
        writer.close()


async def test_more_connections_than_the_listener_takes_are_closed_at_once() -> None:
    async with serving(Whole(), connections_max=2, connections_per_peer_max=2) as (port, _):
        lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for _, writer in lines:
            writer.write(GET)
        for reader, _ in lines:
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        late, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(late.read(), WAIT_S) == b""
        for _, one in (*lines, (late, writer)):
            one.close()
