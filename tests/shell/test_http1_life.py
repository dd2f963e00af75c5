"""How our HTTP/1.1 client waits, stops, lets go and uses a connection again."""

import asyncio

import pytest

from gateway.domain.route import FailureKind
from gateway.transport.http1 import Http1Connector
from tests.doubles.http1_talk import (
    BIG,
    HEAD,
    LIMIT,
    NEVER,
    a_call,
    fails,
    hang,
    until_gone,
    within,
    works,
)
from tests.doubles.scripted_server import Peer, ScriptedServer, chunked, whole

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def test_nothing_listens() -> None:
    async with ScriptedServer(hang) as server:
        address = server.address
    failure = await fails(Http1Connector("e"), address)
    assert failure.kind is FailureKind.UNREACHABLE
    assert not failure.sent
    assert failure.detail == "connection refused"


async def test_an_engine_that_hangs_before_the_first_byte() -> None:
    async with ScriptedServer(hang) as server:
        failure = await fails(Http1Connector("e"), server.address, within(first_byte_ms=30))
        assert (failure.kind, failure.sent) == (FailureKind.TIMED_OUT, True)
        assert failure.detail == "no first byte"
        await until_gone(server)


async def test_an_engine_that_hangs_in_its_head() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD)
        await peer.gone()

    async with ScriptedServer(script) as server:
        failure = await fails(Http1Connector("e"), server.address, within(idle_ms=30))
        assert (failure.kind, failure.detail) == (FailureKind.TIMED_OUT, "head stopped")
        await until_gone(server)


async def test_an_engine_that_hangs_in_its_body() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"one", end=False))
        await peer.gone()

    async with ScriptedServer(script) as server:
        failure = await fails(Http1Connector("e"), server.address, within(idle_ms=30))
        assert (failure.kind, failure.detail) == (FailureKind.TIMED_OUT, "body stopped")
        await until_gone(server)


async def test_an_engine_that_drips_for_ever_meets_the_total_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(end=False))
        while True:
            await peer.say(b"1\r\nx\r\n")
            await asyncio.sleep(0.01)

    async with ScriptedServer(script) as server:
        failure = await fails(Http1Connector("e"), server.address, within(total_ms=120))
        assert (failure.kind, failure.detail) == (FailureKind.TIMED_OUT, "total")
        await until_gone(server)


async def test_a_slow_drip_within_its_limits_is_read_whole() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        for byte in chunked(b"abc", b"def"):
            await peer.say(bytes([byte]))
            await asyncio.sleep(0)

    async with ScriptedServer(script) as server:
        reply = await Http1Connector("e").send(a_call(), within(), server.address)
        assert await reply.read(LIMIT) == b"abcdef"


async def test_an_engine_that_does_not_take_the_request() -> None:
    async def script(peer: Peer) -> None:
        await peer.take(1)
        await asyncio.sleep(60)

    async with ScriptedServer(script) as server:
        failure = await fails(Http1Connector("e"), server.address, within(idle_ms=50), BIG)
        assert (failure.kind, failure.sent) == (FailureKind.TIMED_OUT, True)
        assert failure.detail == "sending stopped"


async def test_a_connection_that_is_reset_before_the_reply() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with ScriptedServer(script) as server:
        failure = await fails(Http1Connector("e"), server.address)
        assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, True)
        assert failure.detail in {"broken before reply", "closed before reply"}


async def test_a_connection_that_is_reset_while_the_request_is_sent() -> None:
    async def script(peer: Peer) -> None:
        await peer.take(100_000)
        peer.reset()

    async with ScriptedServer(script) as server:
        failure = await fails(Http1Connector("e"), server.address, body=BIG)
        assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, True)


async def test_an_early_refusal_ends_the_sending() -> None:
    async def script(peer: Peer) -> None:
        await peer.take(100_000)
        await peer.say(whole(b"no", status="413 Too Large"))
        await peer.gone()

    async with ScriptedServer(script) as server:
        connector = Http1Connector("e", pool_idle_ms=NEVER)
        reply = await connector.send(a_call(BIG), within(), server.address)
        assert (reply.status, await reply.read(LIMIT)) == (413, b"no")
        assert connector._pool == []
        await until_gone(server)
        assert server.peers[0].received < len(BIG)


async def test_a_kept_alive_connection_that_dies_is_not_written_twice() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(whole())
        await peer.request()

    async with ScriptedServer(script) as server:
        connector = Http1Connector("e")
        await works(connector, server.address)
        failure = await fails(connector, server.address)
        assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, True)
        assert failure.detail == "closed before reply"
        assert [len(peer.requests) for peer in server.peers] == [2]
