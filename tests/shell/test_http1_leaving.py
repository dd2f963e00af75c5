"""More of test_http1_life: http1 leaving."""

import asyncio

import pytest

from gateway.domain.route import FailureKind
from gateway.transport.call import Address
from gateway.transport.failure import TransportFailure
from gateway.transport.http1 import Http1Connector
from gateway.transport.http1_connection import BUFFER_BYTES_MAX
from tests.doubles.http1_talk import (
    BIG,
    HEAD,
    LIMIT,
    STEP,
    a_call,
    fails,
    settled,
    until_gone,
    within,
    works,
)
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def wait_for_head(connector: Http1Connector, address: Address) -> None:
    await connector.send(a_call(), within(), address)


async def wait_in_sending(connector: Http1Connector, address: Address) -> None:
    await connector.send(a_call(BIG), within(), address)


async def wait_in_read(connector: Http1Connector, address: Address) -> None:
    await works(connector, address)


async def wait_in_chunks(connector: Http1Connector, address: Address) -> None:
    reply = await connector.send(a_call(), within(), address)
    async for _ in reply.chunks():
        pass


@pytest.mark.parametrize(
    ("waiting", "says"),
    [
        (wait_for_head, b""),
        (wait_in_sending, b""),
        (wait_in_read, chunked(b"a", end=False)),
        (wait_in_chunks, chunked(b"a", end=False)),
    ],
)
async def test_whoever_stops_waiting_stops_the_engine(waiting, says) -> None:
    begun = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.take(10)
        peer.push(says)
        begun.set()
        await peer.gone()

    async with ScriptedServer(script) as server:
        task = asyncio.create_task(waiting(Http1Connector("e"), server.address))
        await begun.wait()
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_gone(server)


async def test_an_abandoned_reply_stops_the_engine() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"a", end=False))
        await peer.gone()

    async with ScriptedServer(script) as server:
        connector = Http1Connector("e")
        reply = await connector.send(a_call(), within(), server.address)
        reply.abandon()
        reply.abandon()
        await until_gone(server)
        assert connector._pool == []


async def test_leaving_the_chunks_early_stops_the_engine() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"a", end=False))
        await peer.gone()

    async with ScriptedServer(script) as server:
        reply = await Http1Connector("e").send(a_call(), within(), server.address)
        async for _ in reply.chunks():
            break
        await until_gone(server)


async def test_an_iteration_may_pause_and_go_on() -> None:
    gate = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"one", end=False))
        await gate.wait()
        await peer.say(b"3\r\ntwo\r\n0\r\n\r\n")
        await peer.gone()

    async with ScriptedServer(script) as server:
        reply = await Http1Connector("e").send(a_call(), within(), server.address)
        rest = reply.chunks()
        got = []
        async for chunk in rest:
            got.append(chunk)
            break
        gate.set()
        got += [chunk async for chunk in rest]
        assert got == [b"one", b"two"]


async def test_a_slow_reader_is_not_taken_for_a_slow_engine() -> None:
    gate = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(end=False))
        await asyncio.sleep(0.01)
        await peer.say(b"3\r\none\r\n")
        await gate.wait()
        await peer.say(b"3\r\ntwo\r\n0\r\n\r\n")
        await peer.gone()

    async with ScriptedServer(script) as server:
        reply = await Http1Connector("e").send(a_call(), within(idle_ms=40), server.address)
        rest = reply.chunks()
        assert await anext(rest) == b"one"
        await asyncio.sleep(0.12)
        gate.set()
        assert [chunk async for chunk in rest] == [b"two"]


async def test_a_reply_that_has_ended_anyway_is_let_go_without_loss() -> None:
    async with ScriptedServer(answering(chunked(b"a"), whole())) as server:
        connector = Http1Connector("e")
        reply = await connector.send(a_call(), within(), server.address)
        async for _ in reply.chunks():
            break
        reply.abandon()
        await works(connector, server.address)
        assert len(server.peers) == 1


async def test_abandoning_a_finished_reply_does_not_hurt_the_next_user() -> None:
    async with ScriptedServer(answering(whole(), whole())) as server:
        connector = Http1Connector("e")
        first = await connector.send(a_call(), within(), server.address)
        await first.read(LIMIT)
        second = await connector.send(a_call(), within(), server.address)
        first.abandon()
        assert await second.read(LIMIT) == b"{}"


async def test_a_reply_that_nobody_reads_ends_with_its_total_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"a", end=False))
        await peer.gone()

    async with ScriptedServer(script) as server:
        connector = Http1Connector("e")
        await connector.send(a_call(), within(total_ms=60), server.address)
        await until_gone(server)


async def test_a_slow_reader_stops_the_reading_upstream() -> None:
    sent = [0]
    steps = 1_000

    async def script(peer: Peer) -> None:
        await peer.request()
        length = str(steps * len(STEP)).encode()
        await peer.say(HEAD + b"content-length: " + length + b"\r\n\r\n")
        for _ in range(steps):
            await peer.say(STEP)
            sent[0] += len(STEP)
        await peer.gone()

    async with ScriptedServer(script, send_buffer=65_536) as server:
        connector = Http1Connector("e")
        reply = await connector.send(a_call(), within(), server.address)
        stopped_at = await settled(sent)
        connection = next(iter(connector._open))
        assert connection._pending_bytes < BUFFER_BYTES_MAX + 512 * 1024
        assert stopped_at < steps * len(STEP) // 4
        got = 0
        async for chunk in reply.chunks():
            got += len(chunk)
            assert connection._pending_bytes < BUFFER_BYTES_MAX + 512 * 1024
        assert got == steps * len(STEP)


async def test_a_paused_reader_still_learns_that_the_engine_is_gone() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD + b"content-length: 9000000\r\n\r\n" + STEP * 40)

    async with ScriptedServer(script) as server:
        reply = await Http1Connector("e").send(a_call(), within(), server.address)
        await asyncio.sleep(0.05)
        with pytest.raises(TransportFailure) as caught:
            await reply.read(10_000_000)
        assert caught.value.failure.kind is FailureKind.CUT_SHORT


async def test_what_arrived_together_is_given_together() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"a", b"b", b"c"))
        await peer.gone()

    async with ScriptedServer(script) as server:
        reply = await Http1Connector("e").send(a_call(), within(), server.address)
        assert [chunk async for chunk in reply.chunks()] == [b"abc"]


async def test_closing_ends_what_is_idle_and_what_is_in_use() -> None:
    async with ScriptedServer(answering(whole(), whole(b"x" * 10)[:-3])) as server:
        connector = Http1Connector("e")
        idle = await connector.send(a_call(), within(), server.address)
        used = await connector.send(a_call(), within(), server.address)
        await idle.read(LIMIT)
        await connector.close()
        await until_gone(server)
        used.abandon()
        failure = await fails(connector, server.address)
        assert not failure.sent


async def test_no_exchange_leaves_a_cycle_behind() -> None:
    async with ScriptedServer(answering(whole())) as server:
        connector = Http1Connector("e")
        await works(connector, server.address)
        connection = connector._pool[0]
        assert connection._parser is None
        await connector.close()
        await until_gone(server)
        assert connection._timer is None
