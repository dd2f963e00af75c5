"""How our HTTP/1.1 client waits, stops, lets go and uses a connection again."""

import asyncio

import pytest

from gateway.domain.route import Failure, FailureKind
from gateway.transport.call import Address, HttpCall, Timeouts
from gateway.transport.failure import TransportFailure
from gateway.transport.http1 import Http1Connector
from gateway.transport.http1_connection import BUFFER_BYTES_MAX
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\n"
LIMIT = 1 << 20
BIG = b"x" * 40_000_000
STEP = b"y" * 65_536
NEVER = 3_600_000


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


def a_call(body: bytes = b"{}") -> HttpCall:
    return HttpCall("engine", "POST", "/v1/messages", (), body)


def within(**over: int) -> Timeouts:
    limits = {"connect_ms": 5_000, "first_byte_ms": 5_000, "idle_ms": 5_000, "total_ms": 20_000}
    return Timeouts(**(limits | over))


async def fails(
    connector: Http1Connector,
    address: Address,
    timeouts: Timeouts | None = None,
    body: bytes = b"{}",
) -> Failure:
    call = a_call(body)
    with pytest.raises(TransportFailure) as caught:
        await (await connector.send(call, timeouts or within(), address)).read(LIMIT)
    return caught.value.failure


async def works(connector: Http1Connector, address: Address) -> None:
    reply = await connector.send(a_call(), within(), address)
    await reply.read(LIMIT)


async def settled(peer_count: list[int]) -> int:
    """Return the count when it has stopped growing."""
    last = -1
    while peer_count[0] != last:
        last = peer_count[0]
        await asyncio.sleep(0.1)
    return last


async def until_gone(server: ScriptedServer) -> None:
    async with asyncio.timeout(10):
        await server.finished()


async def until_all_closed(connector: Http1Connector) -> None:
    async with asyncio.timeout(10):
        while connector._open:  # noqa: ASYNC110 — nobody but the connector itself knows
            await asyncio.sleep(0.01)


async def hang(peer: Peer) -> None:
    await peer.request()
    await peer.gone()


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
