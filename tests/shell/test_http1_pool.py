"""More of test_http1_life: http1 pool."""

import asyncio

import pytest

from gateway.domain.route import FailureKind
from gateway.transport.http1 import Http1Connector
from tests.doubles.http1_talk import (
    HEAD,
    LIMIT,
    NEVER,
    a_call,
    fails,
    until_all_closed,
    until_gone,
    within,
    works,
)
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def test_a_connection_is_used_again() -> None:
    async with ScriptedServer(answering(whole(), chunked(b"a"), whole(b""), whole())) as server:
        connector = Http1Connector("e")
        for _ in range(4):
            await works(connector, server.address)
        assert len(server.peers) == 1


async def test_the_connection_that_went_idle_last_is_used_first() -> None:
    async with ScriptedServer(answering(*[whole()] * 9)) as server:
        connector = Http1Connector("e")
        first = await connector.send(a_call(), within(), server.address)
        second = await connector.send(a_call(), within(), server.address)
        await first.read(LIMIT)
        await second.read(LIMIT)
        for _ in range(3):
            await works(connector, server.address)
        assert [len(peer.requests) for peer in server.peers] == [1, 4]


@pytest.mark.parametrize(
    "reply",
    [
        whole(fields=b"connection: close\r\n"),
        whole() + b"x",
        whole() + whole(b"a second reply"),
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab",
        HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n\x00\x01",
    ],
)
async def test_a_connection_with_something_left_over_is_not_used_again(reply: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.push(reply)
        await peer.gone()

    async with ScriptedServer(script) as server:
        connector = Http1Connector("e")
        await works(connector, server.address)
        await works(connector, server.address)
        assert len(server.peers) == 2
        await until_gone(server)


async def test_bytes_that_nobody_asked_for_close_an_idle_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(whole())
        await asyncio.sleep(0.05)
        peer.push(whole(b"smuggled"))
        await peer.gone()

    async with ScriptedServer(script) as server:
        connector = Http1Connector("e", pool_idle_ms=NEVER)
        await works(connector, server.address)
        await until_gone(server)
        await until_all_closed(connector)
        assert connector._pool == []


async def test_an_idle_connection_is_let_go_in_time() -> None:
    async with ScriptedServer(answering(whole(), whole())) as server:
        connector = Http1Connector("e", pool_idle_ms=30)
        await works(connector, server.address)
        await until_gone(server)
        await works(connector, server.address)
        assert len(server.peers) == 2
        assert connector._pool_idle_s < 5


async def test_a_connection_that_was_idle_too_long_is_not_used_even_before_it_is_let_go() -> None:
    async with ScriptedServer(answering(whole(), whole())) as server:
        connector = Http1Connector("e")
        await works(connector, server.address)
        connector._pool[0].idle_since -= connector._pool_idle_s + 1
        await works(connector, server.address)
        assert len(server.peers) == 2


async def test_only_what_was_idle_too_long_is_let_go() -> None:
    async with ScriptedServer(answering(whole(), whole())) as server:
        connector = Http1Connector("e")
        first = await connector.send(a_call(), within(), server.address)
        second = await connector.send(a_call(), within(), server.address)
        await first.read(LIMIT)
        await second.read(LIMIT)
        old, young = connector._pool
        old.idle_since -= connector._pool_idle_s + 1
        connector._sweep()
        assert connector._pool == [young]
        assert connector._sweeper is not None


async def test_the_limit_of_an_earlier_request_does_not_hurt_an_idle_connection() -> None:
    async with ScriptedServer(answering(whole(), whole())) as server:
        connector = Http1Connector("e")
        reply = await connector.send(a_call(), within(total_ms=30), server.address)
        await reply.read(LIMIT)
        await asyncio.sleep(0.06)
        await works(connector, server.address)
        assert len(server.peers) == 1


async def test_a_connection_that_the_engine_closed_is_not_used() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(whole())

    async with ScriptedServer(script) as server:
        connector = Http1Connector("e")
        await works(connector, server.address)
        await until_gone(server)
        await until_all_closed(connector)
        await works(connector, server.address)
        assert len(server.peers) == 2


async def test_a_connection_to_another_address_is_not_used() -> None:
    answer = answering(whole(), whole())
    async with ScriptedServer(answer) as one, ScriptedServer(answer, host="127.0.0.2") as two:
        connector = Http1Connector("e")
        await works(connector, one.address)
        await works(connector, two.address)
        assert [len(one.peers), len(two.peers)] == [1, 1]


async def test_a_request_over_the_limit_of_connections_waits_for_one() -> None:
    async with ScriptedServer(answering(*[whole()] * 3)) as server:
        connector = Http1Connector("e", connections_max=1)
        held = await connector.send(a_call(), within(), server.address)
        waiting = asyncio.create_task(works(connector, server.address))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await held.read(LIMIT)
        await waiting
        assert len(server.peers) == 1


async def test_a_request_that_finds_no_connection_in_time_is_refused_unsent() -> None:
    async with ScriptedServer(answering(*[whole()] * 3)) as server:
        connector = Http1Connector("e", connections_max=1)
        held = await connector.send(a_call(), within(), server.address)
        failure = await fails(connector, server.address, within(connect_ms=20))
        assert (failure.kind, failure.sent) == (FailureKind.OVERLOADED, False)
        await held.read(LIMIT)
        await works(connector, server.address)


async def test_failures_and_departures_give_their_connections_back() -> None:
    replies = [whole()[:10], chunked(b"a", end=False), b"junk", whole(), b""]

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.push(replies[len(server.peers) % len(replies)])

    async with ScriptedServer(script) as server:
        connector = Http1Connector("e", connections_max=2)
        for _ in range(20):
            task = asyncio.create_task(works(connector, server.address))
            await asyncio.sleep(0)
            if len(server.peers) % 3 == 0:
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await until_all_closed(connector)
        assert connector._permits._value == 2
