"""More of test_cloud: cloud life."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.domain.errors import Unreachable
from gateway.domain.route import FailureKind
from gateway.transport import cloud as cloud_module
from gateway.transport import tls
from gateway.transport.call import Address
from gateway.transport.cloud import _Pinned
from gateway.transport.failure import ReplyTooLarge
from tests.doubles.certificates import TestAuthority
from tests.doubles.cloud_talk import HEAD, LIMIT, NAME, STEP, Cloud, a_call, until_gone, within
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


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
    pinned = _Pinned(NAME, Address("127.0.0.1", 443))
    with pytest.raises(OSError, match="pinned"):
        await pinned.resolve("other.test")
    with pytest.raises(OSError, match="family"):
        await pinned.resolve(NAME, 443, socket.AF_INET6)
    found = await pinned.resolve(NAME, 443)
    assert [entry["host"] for entry in found] == ["127.0.0.1"]


async def test_adv_51_a_connection_to_an_address_of_before_is_not_used_again() -> None:
    async with (
        ScriptedServer(answering(whole(b"old"), whole(b"old"))) as old,
        ScriptedServer(answering(whole(b"new")), host="127.0.0.9", port=old.address.port) as new,
        Cloud(old) as cloud,
    ):
        assert await (await cloud.ask()).read(LIMIT) == b"old"
        cloud.address = new.address
        assert await (await cloud.ask()).read(LIMIT) == b"new"
        assert [len(peer.requests) for peer in (*old.peers, *new.peers)] == [1, 1]


async def test_adv_51_two_requests_at_once_reach_each_the_address_that_was_checked_for_it() -> None:
    async with (
        ScriptedServer(answering(whole(b"one"))) as one,
        ScriptedServer(answering(whole(b"two")), host="127.0.0.9", port=one.address.port) as two,
        Cloud(one) as cloud,
    ):
        sent = [
            asyncio.create_task(cloud.connector.send(a_call(), within(), server.address))
            for server in (one, two)
        ]
        replies = [await task for task in sent]
        assert [await reply.read(LIMIT) for reply in replies] == [b"one", b"two"]


async def test_the_clients_of_addresses_are_few_and_none_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Names of clouds turn over their addresses while long replies are still coming."""
    monkeypatch.setattr(cloud_module, "CLIENTS_MAX", 2)
    going = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"first", end=False))
        await going.wait()
        await peer.say(b"4\r\nlast\r\n0\r\n\r\n")
        await peer.gone()

    async with ScriptedServer(script) as server, Cloud(server) as cloud:
        reply = await cloud.ask()
        chunks = reply.chunks()
        assert await anext(chunks) == b"first"
        for number in (5, 6, 7):
            cloud.connector._client(Address(f"127.0.0.{number}", 9), 20.0)
        assert [one.ip for one in cloud.connector._clients] == ["127.0.0.6", "127.0.0.7"]
        assert len(cloud.connector._retiring) == 2
        going.set()
        assert b"".join([chunk async for chunk in chunks]) == b"last"


async def test_a_client_that_is_not_used_any_more_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cloud_module, "CLIENTS_MAX", 1)
    async with ScriptedServer(answering(whole(), whole())) as server, Cloud(server) as cloud:
        await (await cloud.ask()).read(LIMIT)
        first = cloud.connector._clients[cloud.address]
        cloud.connector._client(Address("127.0.0.5", 9), 0.01)
        async with asyncio.timeout(10):
            await asyncio.gather(*cloud.connector._retiring)
        assert first.is_closed
        second = cloud.connector._client(Address("127.0.0.6", 9), 60.0)
        cloud.connector._client(Address("127.0.0.7", 9), 60.0)
    assert second.is_closed
    assert not cloud.connector._retiring


async def test_an_ipv6_address_is_dialled_as_one() -> None:
    async with ScriptedServer(answering(whole()), host="::1") as server, Cloud(server) as cloud:
        assert await (await cloud.ask()).read(LIMIT) == b"{}"
        assert cloud.address == Address("::1", server.address.port)


async def test_adv_59_tls_asks_for_the_name_and_believes_only_our_ca(tmp_path: Path) -> None:
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


async def test_adv_59_an_expired_certificate_is_refused_by_the_cloud_client_too(
    tmp_path: Path,
) -> None:
    authority = TestAuthority(tmp_path)
    server_tls = authority.server(NAME, days=-1)
    async with ScriptedServer(answering(whole()), tls=server_tls) as server:
        async with Cloud(server, tls=tls.context(authority.ca_file), server_name=NAME) as cloud:
            assert (await cloud.fails()).detail == "certificate refused"
        assert sum(peer.received for peer in server.peers) == 0


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
