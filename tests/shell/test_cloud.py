"""The cloud client behind the same interface, against a server that a test scripts."""

import asyncio

import pytest

from gateway.domain.errors import Unreachable
from gateway.domain.route import FailureKind
from tests.doubles.cloud_talk import HEAD, LIMIT, NAME, Cloud, a_call, until_gone, within
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (whole(b"hello"), b"hello"),
        (whole(b""), b""),
        (chunked(b"hel", b"lo"), b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + whole(b"hello"), b"hello"),
    ],
)
async def test_every_framing_is_read(reply: bytes, body: bytes) -> None:
    async with ScriptedServer(answering(reply)) as server, Cloud(server) as cloud:
        assert await (await cloud.ask()).read(LIMIT) == body
    async with ScriptedServer(answering(reply)) as server, Cloud(server) as cloud:
        got = await cloud.ask()
        assert b"".join([chunk async for chunk in got.chunks()]) == body


async def test_what_is_sent_is_what_was_called_for_and_the_name_stays_the_host() -> None:
    call = a_call(content_type="application/json", accept="*/*", user_agent="perimeter")
    async with ScriptedServer(answering(whole())) as server, Cloud(server) as cloud:
        await (await cloud.ask(call)).read(LIMIT)
        head, _, body = server.peers[0].requests[0].partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        assert lines[0] == b"post /v1/messages http/1.1"
        assert sorted(lines[1:]) == [
            b"accept: */*",
            b"content-length: 7",
            b"content-type: application/json",
            f"host: {NAME}:{server.address.port}".encode(),
            b"user-agent: perimeter",
        ]
        assert body == b'{"a":1}'


@pytest.mark.parametrize("size", [65_536, 65_537, 3_000_000])
async def test_a_body_of_any_size_arrives_whole(size: int) -> None:
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    async with ScriptedServer(answering(whole())) as server, Cloud(server) as cloud:
        await (await cloud.ask(a_call(body))).read(LIMIT)
        request = server.peers[0].requests[0]
        assert request.endswith(b"\r\n\r\n" + body)
        assert b"chunked" not in request[:500]


async def test_a_question_without_a_body_has_no_length() -> None:
    async with ScriptedServer(answering(whole())) as server, Cloud(server) as cloud:
        await (await cloud.ask(a_call(b"", "GET"))).read(LIMIT)
        assert b"content-length" not in server.peers[0].requests[0].lower()


async def test_a_request_that_could_change_its_own_framing_is_never_sent() -> None:
    async with ScriptedServer(answering(whole())) as server, Cloud(server) as cloud:
        with pytest.raises(Unreachable):
            await cloud.ask(a_call(accept="a\r\nx: y"))
        assert server.peers == []


async def test_the_head_is_told_as_it_came() -> None:
    reply = whole(
        b"no", status="429 Slow", fields=b"Retry-After: 3\r\nX-Twice: a\r\nx-twice: b\r\n"
    )
    async with ScriptedServer(answering(reply)) as server, Cloud(server) as cloud:
        got = await cloud.ask()
        assert got.status == 429
        assert got.headers["retry-after"] == "3"
        assert got.headers["x-twice"] == "b"
        assert await got.read(LIMIT) == b"no"


async def test_a_redirect_is_a_status_and_is_not_followed() -> None:
    async with ScriptedServer(answering(whole())) as trap:
        location = f"location: http://127.0.0.1:{trap.address.port}/\r\n".encode()
        reply = whole(b"", status="307 Temporary Redirect", fields=location)
        async with ScriptedServer(answering(reply)) as server, Cloud(server) as cloud:
            assert (await cloud.ask()).status == 307
        assert trap.peers == []


async def test_a_compressed_reply_is_not_unpacked() -> None:
    reply = whole(b"\x1f\x8bnot really", fields=b"content-encoding: gzip\r\n")
    async with ScriptedServer(answering(reply)) as server, Cloud(server) as cloud:
        assert await (await cloud.ask()).read(LIMIT) == b"\x1f\x8bnot really"


async def test_no_cookie_is_kept() -> None:
    reply = whole(fields=b"set-cookie: a=b; Path=/\r\n")
    async with ScriptedServer(answering(reply, reply)) as server, Cloud(server) as cloud:
        for _ in range(2):
            await (await cloud.ask()).read(LIMIT)
        assert all(b"cookie" not in request.lower() for request in server.peers[0].requests)
        (client,) = cloud.connector._clients.values()
        assert len(client.cookies) == 0


@pytest.mark.parametrize("reply", [whole(b"hello"), chunked(b"hel", b"lo")])
async def test_a_reply_cut_anywhere_in_its_body_is_cut_short(reply: bytes) -> None:
    body_at = reply.index(b"\r\n\r\n") + 4
    cuts = iter(range(body_at, len(reply)))

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(reply[: next(cuts)])

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        for _ in range(body_at, len(reply)):
            failure = await cloud.fails()
            assert (failure.kind, failure.sent) == (FailureKind.CUT_SHORT, True)


@pytest.mark.parametrize("cut", [0, 1, 12, 30])
async def test_a_reply_cut_in_its_head_has_been_sent_for(cut: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(whole()[:cut])

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        failure = await cloud.fails()
        assert failure.kind in {FailureKind.UNREACHABLE, FailureKind.UNREADABLE}
        assert failure.sent
        assert len(server.peers) == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        HEAD + b"a: " + b"b" * 400_000,
    ],
)
async def test_a_reply_that_two_readers_could_frame_differently_is_refused(reply: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.push(reply)
        await peer.gone()

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        failure = await cloud.fails()
        assert (failure.kind, failure.sent) == (FailureKind.UNREADABLE, True)


async def test_nothing_listens() -> None:
    async with ScriptedServer(answering()) as server:
        pass
    async with Cloud(server) as cloud:
        failure = await cloud.fails()
        assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)


async def test_a_connection_that_is_reset_before_the_reply() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        failure = await cloud.fails()
        assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, True)
        assert len(server.peers) == 1


async def test_a_kept_alive_connection_that_dies_is_not_written_twice() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(whole())
        await peer.request()

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        await (await cloud.ask()).read(LIMIT)
        failure = await cloud.fails()
        assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, True)
        assert [len(peer.requests) for peer in server.peers] == [2]


async def test_an_engine_that_hangs_before_the_first_byte() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.gone()

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        failure = await cloud.fails(timeouts=within(connect_ms=20, first_byte_ms=20))
        assert (failure.kind, failure.sent) == (FailureKind.TIMED_OUT, True)
        await until_gone(server)


async def test_an_engine_that_hangs_in_its_body() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"one", end=False))
        await peer.gone()

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        failure = await cloud.fails(timeouts=within(idle_ms=30))
        assert (failure.kind, failure.detail) == (FailureKind.TIMED_OUT, "body stopped")
        await until_gone(server)


async def test_an_engine_that_drips_for_ever_meets_the_total_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(end=False))
        while True:
            await peer.say(b"1\r\nx\r\n")
            await asyncio.sleep(0.01)

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        failure = await cloud.fails(timeouts=within(total_ms=150))
        assert (failure.kind, failure.detail) == (FailureKind.TIMED_OUT, "total")
        await until_gone(server)
