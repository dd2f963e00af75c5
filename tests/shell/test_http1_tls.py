"""TLS towards an engine: our own CA file, the right name, and no way around either."""

import asyncio
import ssl
from pathlib import Path

import pytest

from gateway.domain.route import Failure, FailureKind
from gateway.transport import tls
from gateway.transport.call import HttpCall, Timeouts
from gateway.transport.failure import TransportFailure
from gateway.transport.http1 import CONNECTIONS_MAX, Http1Connector
from tests.doubles.certificates import TestAuthority
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole

pytestmark = pytest.mark.anyio

NAME = "engine.test"
CALL = HttpCall("engine", "POST", "/v1/messages", (), b"{}")


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture
def authority(tmp_path: Path) -> TestAuthority:
    return TestAuthority(tmp_path)


def a_connector(authority: TestAuthority, name: str = NAME) -> Http1Connector:
    return Http1Connector(name, tls=tls.context(authority.ca_file), server_name=name)


async def refused(connector: Http1Connector, server: ScriptedServer) -> Failure:
    with pytest.raises(TransportFailure) as caught:
        await connector.send(CALL, Timeouts(connect_ms=5_000), server.address)
    assert all(peer.received == 0 for peer in server.peers)
    return caught.value.failure


async def test_a_certificate_under_our_ca_is_believed(authority: TestAuthority) -> None:
    server_tls = authority.server(NAME)
    names: list[str | None] = []
    server_tls.sni_callback = lambda _tls, name, _context: names.append(name)
    async with ScriptedServer(answering(whole(b"a"), chunked(b"b")), tls=server_tls) as server:
        connector = a_connector(authority)
        for body in (b"a", b"b"):
            reply = await connector.send(CALL, Timeouts(), server.address)
            assert await reply.read(10) == body
        assert names == [NAME]
        assert b"host: engine.test\r\n" in server.peers[0].requests[0]
        await connector.close()


async def test_a_large_body_arrives_whole_through_tls(authority: TestAuthority) -> None:
    body = bytes(range(256)) * 8_000
    async with ScriptedServer(answering(whole(body)), tls=authority.server(NAME)) as server:
        connector = a_connector(authority)
        call = HttpCall("engine", "POST", "/v1/messages", (), body)
        reply = await connector.send(call, Timeouts(), server.address)
        assert await reply.read(len(body)) == body
        assert server.peers[0].requests[0].endswith(body)
        await connector.close()


async def test_adv_59_a_certificate_of_another_ca_is_refused(
    authority: TestAuthority, tmp_path: Path
) -> None:
    other = TestAuthority(tmp_path, "other")
    async with ScriptedServer(answering(whole()), tls=other.server(NAME)) as server:
        failure = await refused(a_connector(authority), server)
    assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)
    assert failure.detail == "certificate refused"


async def test_a_certificate_for_another_name_is_refused(authority: TestAuthority) -> None:
    async with ScriptedServer(answering(whole()), tls=authority.server("other.test")) as server:
        failure = await refused(a_connector(authority), server)
    assert failure.detail == "certificate refused"


async def test_adv_59_an_expired_certificate_is_refused(authority: TestAuthority) -> None:
    async with ScriptedServer(answering(whole()), tls=authority.server(NAME, days=-1)) as server:
        failure = await refused(a_connector(authority), server)
    assert failure.detail == "certificate refused"


async def test_adv_59_there_is_no_context_that_does_not_verify(authority: TestAuthority) -> None:
    for made in (tls.context(authority.ca_file), tls.context()):
        assert made.verify_mode is ssl.CERT_REQUIRED
        assert made.check_hostname
        assert made.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_ca_file_that_holds_no_certificate_is_an_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(ssl.SSLError):
        tls.context(str(empty))
    with pytest.raises(OSError, match="No such file"):
        tls.context(str(tmp_path / "absent.pem"))


async def test_a_plain_server_is_not_spoken_to(authority: TestAuthority) -> None:
    async def script(peer: Peer) -> None:
        await peer.take(1)
        await peer.say(whole())

    async with ScriptedServer(script) as server:
        with pytest.raises(TransportFailure) as caught:
            await a_connector(authority).send(CALL, Timeouts(), server.address)
    assert (caught.value.failure.kind, caught.value.failure.sent) == (
        FailureKind.UNREACHABLE,
        False,
    )


async def test_a_handshake_that_hangs_meets_the_connect_limit(authority: TestAuthority) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    async with ScriptedServer(script) as server:
        with pytest.raises(TransportFailure) as caught:
            await a_connector(authority).send(CALL, Timeouts(connect_ms=40), server.address)
        assert (caught.value.failure.kind, caught.value.failure.sent) == (
            FailureKind.TIMED_OUT,
            False,
        )
        async with asyncio.timeout(10):
            await server.finished()


async def test_cancelling_a_handshake_closes_the_connection(authority: TestAuthority) -> None:
    begun = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.take(1)
        begun.set()
        await peer.gone()

    async with ScriptedServer(script) as server:
        connector = a_connector(authority)
        task = asyncio.create_task(connector.send(CALL, Timeouts(), server.address))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            await server.finished()
        assert connector._permits._value == CONNECTIONS_MAX


async def test_an_abandoned_tls_reply_stops_the_engine(authority: TestAuthority) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(chunked(b"a", end=False))
        await peer.gone()

    async with ScriptedServer(script, tls=authority.server(NAME)) as server:
        reply = await a_connector(authority).send(CALL, Timeouts(), server.address)
        reply.abandon()
        async with asyncio.timeout(10):
            await server.finished()


async def test_no_session_key_is_written_where_the_environment_says(
    authority: TestAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    async with ScriptedServer(answering(whole()), tls=authority.server(NAME)) as server:
        connector = a_connector(authority)
        await (await connector.send(CALL, Timeouts(), server.address)).read(10)
        await connector.close()
    assert not keys.exists()
