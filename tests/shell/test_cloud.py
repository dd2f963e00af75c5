"""The cloud client behind the same interface, against a server that a test scripts."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.domain.errors import Unreachable
from gateway.domain.route import Failure, FailureKind
from gateway.transport import tls
from gateway.transport.call import Address, HttpCall, Timeouts
from gateway.transport.cloud import CloudConnector
from gateway.transport.failure import ReplyTooLarge, TransportFailure
from gateway.transport.guard import Place
from tests.doubles.certificates import TestAuthority
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\n"
LIMIT = 1 << 20
NAME = "api.cloud.test"
STEP = b"y" * 65_536
BIG = b"x" * 40_000_000


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


def a_call(body: bytes = b'{"a":1}', method: str = "POST", **fields: str) -> HttpCall:
    headers = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return HttpCall("cloud", method, "/v1/messages", headers, body)


def within(**over: int) -> Timeouts:
    limits = {"connect_ms": 5_000, "first_byte_ms": 5_000, "idle_ms": 5_000, "total_ms": 20_000}
    return Timeouts(**(limits | over))


class Cloud:
    """A connector to a scripted server by name; closes itself."""

    def __init__(self, server: ScriptedServer, **over) -> None:
        scheme = "http" if over.get("tls") is None else "https"
        place = Place("cloud", scheme, NAME, server.address.port, "cloud")
        self.connector = CloudConnector(place, **over)
        self.address = server.address

    async def __aenter__(self) -> "Cloud":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.connector.close()

    async def ask(self, call: HttpCall | None = None, timeouts: Timeouts | None = None):
        return await self.connector.send(call or a_call(), timeouts or within(), self.address)

    async def fails(
        self, call: HttpCall | None = None, timeouts: Timeouts | None = None
    ) -> Failure:
        with pytest.raises(TransportFailure) as caught:
            await (await self.ask(call, timeouts)).read(LIMIT)
        return caught.value.failure


async def until_gone(server: ScriptedServer) -> None:
    async with asyncio.timeout(10):
        await server.finished()


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
        assert len(cloud.connector._client.cookies) == 0


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


async def test_a_connection_is_used_again() -> None:
    replies = [whole(), chunked(b"a")] * 2
    async with ScriptedServer(answering(*replies)) as server, Cloud(server) as cloud:
        for _ in range(4):
            await (await cloud.ask()).read(LIMIT)
        assert len(server.peers) == 1


async def test_a_request_that_finds_no_connection_in_time_has_not_been_sent() -> None:
    script = answering(chunked(b"a", end=False))
    async with ScriptedServer(script) as server, Cloud(server, connections_max=1) as cloud:
        held = await cloud.ask()
        failure = await cloud.fails(timeouts=within(connect_ms=30))
        assert (failure.kind, failure.sent) == (FailureKind.TIMED_OUT, False)
        held.abandon()


@pytest.mark.parametrize("says", [b"", chunked(b"a", end=False)])
async def test_whoever_stops_waiting_stops_the_engine(says: bytes) -> None:
    begun = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        peer.push(says)
        begun.set()
        await peer.gone()

    async def wait(cloud: Cloud) -> None:
        async for _ in (await cloud.ask()).chunks():
            pass

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        task = asyncio.create_task(wait(cloud))
        await begun.wait()
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_gone(server)


async def test_an_abandoned_reply_stops_the_engine() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"a", end=False))
        await peer.gone()

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        reply = await cloud.ask()
        reply.abandon()
        reply.abandon()
        await until_gone(server)
        with pytest.raises(Unreachable):
            await reply.read(LIMIT)


async def test_leaving_the_chunks_early_stops_the_engine() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"a", end=False))
        await peer.gone()

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        reply = await cloud.ask()
        async for _ in reply.chunks():
            break
        await until_gone(server)


async def test_a_slow_reader_stops_the_reading_upstream() -> None:
    sent = 0
    steps = 1_000

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        length = str(steps * len(STEP)).encode()
        await peer.say(HEAD + b"content-length: " + length + b"\r\n\r\n")
        for _ in range(steps):
            await peer.say(STEP)
            sent += len(STEP)
        await peer.gone()

    async with ScriptedServer(script, send_buffer=65_536) as server, Cloud(server) as cloud:
        reply = await cloud.ask()
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.1)
        assert sent < steps * len(STEP) // 4
        got = 0
        async for chunk in reply.chunks():
            got += len(chunk)
        assert got == steps * len(STEP)


async def test_a_reply_over_the_bound_is_refused() -> None:
    async with ScriptedServer(answering(whole(b"x" * 5_000))) as server, Cloud(server) as cloud:
        with pytest.raises(ReplyTooLarge):
            await (await cloud.ask()).read(4_999)
    async with ScriptedServer(answering(whole(b"x" * 5_000))) as server, Cloud(server) as cloud:
        assert len(await (await cloud.ask()).read(5_000)) == 5_000


async def test_after_closing_nothing_is_sent() -> None:
    async with ScriptedServer(answering(whole())) as server:
        cloud = Cloud(server)
        await cloud.connector.close()
        assert not (await cloud.fails()).sent
        assert server.peers == []


async def test_only_the_pinned_host_is_ever_resolved() -> None:
    async with ScriptedServer(answering(whole())) as server, Cloud(server) as cloud:
        with pytest.raises(OSError, match="pinned"):
            await cloud.connector._resolver.resolve(NAME)
        await (await cloud.ask()).read(LIMIT)
        with pytest.raises(OSError, match="pinned"):
            await cloud.connector._resolver.resolve("other.test")
        with pytest.raises(OSError, match="family"):
            await cloud.connector._resolver.resolve(NAME, 443, socket.AF_INET6)
        found = await cloud.connector._resolver.resolve(NAME, 443)
        assert [entry["host"] for entry in found] == ["127.0.0.1"]


async def test_an_ipv6_address_is_dialled_as_one() -> None:
    async with ScriptedServer(answering(whole()), host="::1") as server, Cloud(server) as cloud:
        assert await (await cloud.ask()).read(LIMIT) == b"{}"
        assert cloud.address == Address("::1", server.address.port)


async def test_tls_asks_for_the_name_and_believes_only_our_ca(tmp_path: Path) -> None:
    authority, other = TestAuthority(tmp_path), TestAuthority(tmp_path, "other")
    server_tls = authority.server(NAME)
    names: list[str | None] = []
    server_tls.sni_callback = lambda _tls, name, _context: names.append(name)
    async with ScriptedServer(answering(whole(b"hello")), tls=server_tls) as server:
        context = tls.context(authority.ca_file)
        async with Cloud(server, tls=context, server_name=NAME) as cloud:
            assert await (await cloud.ask()).read(LIMIT) == b"hello"
        assert names == [NAME]
        for wrong in (tls.context(other.ca_file), tls.context()):
            async with Cloud(server, tls=wrong, server_name=NAME) as cloud:
                failure = await cloud.fails()
                assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)
                assert failure.detail == "certificate refused"
        async with Cloud(server, tls=context, server_name="other.test") as cloud:
            assert (await cloud.fails()).detail == "certificate refused"
        assert sum(peer.received for peer in server.peers[1:]) == 0


async def test_a_handshake_that_hangs_meets_the_connect_limit(tmp_path: Path) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    over = {"tls": tls.context(TestAuthority(tmp_path).ca_file), "server_name": NAME}
    async with ScriptedServer(script) as server, Cloud(server, **over) as cloud:
        failure = await cloud.fails(timeouts=within(connect_ms=40))
        assert (failure.kind, failure.sent) == (FailureKind.TIMED_OUT, False)


async def test_a_plain_connector_believes_nobody() -> None:
    async with ScriptedServer(answering(whole())) as server, Cloud(server) as cloud:
        await (await cloud.ask()).read(LIMIT)
        assert cloud.connector._tls.get_ca_certs() == []


def test_a_gateway_without_clouds_never_loads_their_client() -> None:
    program = (
        "import sys, gateway.backends, gateway.transport.probes, gateway.transport.send\n"
        "loaded = {'httpx', 'aiohttp', 'httpx_aiohttp', 'certifi'} & set(sys.modules)\n"
        "sys.exit(1 if loaded else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
