"""What our HTTP/1.1 client takes for a reply, and what it refuses."""

import pytest

from gateway.domain.errors import Unreachable
from gateway.domain.route import FailureKind
from gateway.transport.call import Address, HttpCall, HttpReply, Timeouts
from gateway.transport.failure import ReplyTooLarge, TransportFailure
from gateway.transport.http1 import Http1Connector
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\n"
LIMIT = 1 << 20


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


def a_call(body: bytes = b'{"a":1}', method: str = "POST", **fields: str) -> HttpCall:
    headers = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return HttpCall("engine", method, "/v1/chat/completions", headers, body)


def quick(**over: int) -> Timeouts:
    limits = {"connect_ms": 2_000, "first_byte_ms": 5_000, "idle_ms": 5_000, "total_ms": 20_000}
    return Timeouts(**(limits | over))


async def ask(
    server: ScriptedServer, call: HttpCall | None = None, timeouts: Timeouts | None = None
) -> HttpReply:
    connector = Http1Connector("engine.test:8000")
    return await connector.send(call or a_call(), timeouts or quick(), server.address)


async def collect(reply: HttpReply) -> list[bytes]:
    return [chunk async for chunk in reply.chunks()]


async def failure_of(server: ScriptedServer) -> TransportFailure:
    with pytest.raises(TransportFailure) as caught:
        await (await ask(server)).read(LIMIT)
    return caught.value


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        (whole(b"hello"), b"hello"),
        (whole(b""), b""),
        (chunked(b"hel", b"lo"), b"hello"),
        (chunked(), b""),
        (
            HEAD + b"transfer-encoding: Chunked\r\n\r\n2;ext=1\r\nab\r\n0\r\ntr: ailer\r\n\r\n",
            b"ab",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + whole(b"hello"), b"hello"),
        (b"HTTP/1.1 102 Processing\r\nx: y\r\n\r\n" * 3 + chunked(b"hello"), b"hello"),
        (HEAD + b"x-empty:\r\ncontent-length: 2\r\n\r\nab", b"ab"),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab", b"ab"),
        (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nab", b"ab"),
    ],
)
async def test_every_framing_is_read(reply: bytes, body: bytes) -> None:
    async with ScriptedServer(answering(reply)) as server:
        assert await (await ask(server)).read(LIMIT) == body
        assert b"".join(await collect(await ask(server))) == body


async def test_every_framing_is_read_when_each_byte_comes_alone() -> None:
    for reply in (whole(b"hello"), chunked(b"hel", b"lo"), b"HTTP/1.1 100 C\r\n\r\n" + whole(b"x")):

        async def drip(peer: Peer, reply: bytes = reply) -> None:
            await peer.request()
            for index in range(len(reply)):
                await peer.say(reply[index : index + 1])
            await peer.gone()

        async with ScriptedServer(drip) as server:
            assert await (await ask(server)).read(LIMIT) in {b"hello", b"x"}


async def test_a_body_may_end_with_its_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD + b"\r\nhel")
        await peer.say(b"lo")

    async with ScriptedServer(script) as server:
        assert await (await ask(server)).read(LIMIT) == b"hello"


async def test_a_body_that_ends_with_a_reset_is_cut_short() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD + b"\r\nhel")
        await peer.take(1)
        peer.reset()

    async with ScriptedServer(script) as server:
        connector = Http1Connector("engine.test")
        reply = await connector.send(a_call(), quick(), server.address)
        connection = next(iter(connector._open))
        connection._put(b"x")
        with pytest.raises(TransportFailure) as caught:
            await reply.read(LIMIT)
    assert caught.value.failure.kind is FailureKind.CUT_SHORT
    assert caught.value.failure.detail == "broken in the body"


async def test_the_head_is_told_as_it_came() -> None:
    fields = b"Retry-After: 3\r\nX-Twice: a\r\nx-twice: b\r\n"
    reply = whole(b"{}", status="429 Too Many", fields=fields)
    async with ScriptedServer(answering(reply)) as server:
        got = await ask(server)
        assert got.status == 429
        assert got.headers["retry-after"] == "3"
        assert got.headers["x-twice"] == "b"
        assert await got.read(LIMIT) == b"{}"


async def test_a_redirect_is_a_status_like_any_other() -> None:
    reply = whole(b"", status="307 Temporary Redirect", fields=b"location: http://127.0.0.1:1/\r\n")
    async with ScriptedServer(answering(reply)) as server:
        assert (await ask(server)).status == 307
        assert len(server.peers) == 1


async def test_what_is_sent_is_one_exact_request() -> None:
    call = a_call(b'{"q":"x"}', content_type="application/json", accept="text/event-stream")
    async with ScriptedServer(answering(whole())) as server:
        await (await ask(server, call)).read(LIMIT)
        assert server.peers[0].requests == [
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: engine.test:8000\r\n"
            b"content-type: application/json\r\naccept: text/event-stream\r\n"
            b'content-length: 9\r\n\r\n{"q":"x"}'
        ]


async def test_a_question_without_a_body_has_no_length() -> None:
    async with ScriptedServer(answering(whole())) as server:
        await (await ask(server, a_call(b"", "GET"))).read(LIMIT)
        assert b"content-length" not in server.peers[0].requests[0]


@pytest.mark.parametrize("size", [65_535, 65_536, 1_000_000, 3_000_000])
async def test_a_body_of_any_size_arrives_whole(size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    async with ScriptedServer(answering(whole())) as server:
        await (await ask(server, a_call(body[:size]))).read(LIMIT)
        assert server.peers[0].requests[0].endswith(b"\r\n\r\n" + body[:size])


@pytest.mark.parametrize("reply", [whole(b"hello"), chunked(b"hel", b"lo")])
async def test_a_reply_cut_at_any_byte_is_cut_short(reply: bytes) -> None:
    cuts = iter(range(1, len(reply)))

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(reply[: next(cuts)])

    async with ScriptedServer(script) as server:
        for _ in range(1, len(reply)):
            failure = (await failure_of(server)).failure
            assert failure.kind is FailureKind.CUT_SHORT
            assert failure.sent


async def test_what_came_before_a_cut_is_delivered_first() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"one", end=False))

    async with ScriptedServer(script) as server:
        rest = (await ask(server)).chunks()
        assert await anext(rest) == b"one"
        with pytest.raises(TransportFailure) as caught:
            await anext(rest)
    assert caught.value.failure.kind is FailureKind.CUT_SHORT


REFUSED = {
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "two equal lengths": HEAD + b"content-length: 2\r\ncontent-length: 2\r\n\r\nab",
    "a list of lengths": HEAD + b"content-length: 2, 2\r\n\r\nab",
    "length then chunked": HEAD
    + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "chunked then length": HEAD
    + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "chunked twice": HEAD
    + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "another coding": HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "a coding after chunked": HEAD + b"transfer-encoding: chunked, identity\r\n\r\nab",
    "a signed length": HEAD + b"content-length: +2\r\n\r\nab",
    "a length too great": HEAD + b"content-length: 99999999999999999999\r\n\r\n",
    "a folded line": HEAD + b"a: b\r\n c\r\ncontent-length: 0\r\n\r\n",
    "a space before the colon": HEAD + b"content-length : 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "NUL in a field": HEAD + b"a: \0\r\ncontent-length: 0\r\n\r\n",
    "a bad chunk size": HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    "a chunk that is too long": HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "another protocol": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nabc",
    "endless information": b"HTTP/1.1 102 Processing\r\n\r\n" * 20,
    "too many fields": HEAD + b"a: b\r\n" * 200 + b"content-length: 0\r\n\r\n",
    "an endless head": HEAD + b"a: " + b"b" * 400_000,
    "an endless status line": b"HTTP/1.1 200 " + b"K" * 400_000,
    "an endless trailer": chunked(b"ab", end=False) + b"0\r\ntr: " + b"x" * 400_000,
    "an endless chunk extension": chunked(b"ab", end=False) + b"2;" + b"x" * 400_000,
}


@pytest.mark.parametrize("reply", REFUSED.values(), ids=REFUSED.keys())
async def test_a_reply_that_two_readers_could_frame_differently_is_refused(reply: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        peer.push(reply)
        await peer.gone()

    async with ScriptedServer(script) as server:
        failure = (await failure_of(server)).failure
    assert failure.kind is FailureKind.UNREADABLE
    assert failure.sent


@pytest.mark.parametrize(
    "call",
    [
        HttpCall("e", "POST", "/v1 HTTP/1.1\r\nx: y", (), b""),
        HttpCall("e", "POST", "v1", (), b""),
        HttpCall("e", "post", "/v1", (), b""),
        HttpCall("e", "POST", "/v1", (("accept", "a\r\nx: y"),), b""),
        HttpCall("e", "POST", "/v1", (("accept:", "a"),), b""),
        HttpCall("e", "POST", "/v1", (("Accept", "a"),), b""),
        HttpCall("e", "POST", "/v1", (("accept", "\u00e9"),), b""),
        HttpCall("e", "POST", "/v1", (("content-length", "3"),), b""),
        HttpCall("e", "POST", "/v1", (("transfer-encoding", "chunked"),), b""),
        HttpCall("e", "POST", "/v1", (("host", "elsewhere"),), b""),
    ],
)
async def test_a_request_that_could_change_its_own_framing_is_never_sent(call: HttpCall) -> None:
    async with ScriptedServer(answering(whole())) as server:
        with pytest.raises(Unreachable):
            await ask(server, call)
        assert server.peers == []


async def test_a_reply_over_the_bound_is_refused_by_its_announcement() -> None:
    reply = HEAD + b"content-length: 5000\r\n\r\n"
    async with ScriptedServer(answering(reply)) as server:
        with pytest.raises(ReplyTooLarge):
            await (await ask(server)).read(4999)
        await server.finished()


async def test_a_reply_over_the_bound_is_refused_while_it_comes() -> None:
    async with ScriptedServer(answering(chunked(b"x" * 3000, b"x" * 3000))) as server:
        with pytest.raises(ReplyTooLarge) as caught:
            await (await ask(server)).read(5000)
        await server.finished()
    assert caught.value.failure.kind is FailureKind.UNREADABLE


async def test_a_reply_of_exactly_the_bound_is_read() -> None:
    async with ScriptedServer(answering(whole(b"x" * 5000))) as server:
        assert len(await (await ask(server)).read(5000)) == 5000


async def test_a_reply_is_read_once() -> None:
    async with ScriptedServer(answering(whole())) as server:
        reply = await ask(server)
        await reply.read(LIMIT)
        with pytest.raises(Unreachable):
            await reply.read(LIMIT)
        with pytest.raises(Unreachable):
            await collect(reply)


async def test_a_name_that_is_not_an_address_is_never_looked_up() -> None:
    connector = Http1Connector("engine.test")
    with pytest.raises(TransportFailure) as caught:
        await connector.send(a_call(), quick(), Address("127.0.0.1", 1))
    assert not caught.value.failure.sent
