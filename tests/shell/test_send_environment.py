"""Nothing in the environment changes where a request goes, whom we believe, or what it carries."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.domain.secret import Secret
from gateway.transport.backend import Backend
from gateway.transport.failure import TransportFailure
from tests.doubles.certificates import TestAuthority
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, whole
from tests.doubles.transport_parts import (
    CLOUD,
    ENGINE,
    Shell,
    a_call,
    a_candidate,
    a_route,
    a_target,
)

pytestmark = pytest.mark.anyio

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY")


async def here(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


async def served(shell: Shell) -> bytes:
    try:
        reply = await shell.sender.send(a_candidate(), a_route(), a_call())
        return await reply.read(100)
    finally:
        await shell.sender.close()


def set_proxies(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    for name in PROXIES:
        for spelling in (name, name.lower()):
            monkeypatch.setenv(spelling, f"http://127.0.0.1:{port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("kind", [ENGINE, CLOUD], ids=["own", "cloud"])
async def test_adv_49_a_proxy_in_the_environment_is_not_used(
    kind: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = TestAuthority(tmp_path)
    async with ScriptedServer(answering(whole())) as trap:
        set_proxies(monkeypatch, trap.address.port)
        async with ScriptedServer(answering(whole(b"plain"))) as server:
            assert await served(Shell(a_target(server, kind=kind))) == b"plain"
            named = a_target(server, kind=kind, host="engine.test")
            assert await served(Shell(named, lookup=here)) == b"plain"
        tls = authority.server("engine.test")
        async with ScriptedServer(answering(whole(b"tls")), tls=tls) as server:
            target = a_target(
                server, kind=kind, scheme="https", host="engine.test", ca_file=authority.ca_file
            )
            assert await served(Shell(target, lookup=here)) == b"tls"
        assert trap.peers == []


@pytest.mark.parametrize("kind", [ENGINE, CLOUD], ids=["own", "cloud"])
async def test_adv_49_a_ca_in_the_environment_is_not_believed(
    kind: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours, theirs = TestAuthority(tmp_path), TestAuthority(tmp_path, "theirs")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, theirs.ca_file)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    tls = theirs.server("engine.test")
    async with ScriptedServer(answering(whole()), tls=tls) as server:
        target = a_target(server, kind=kind, scheme="https", host="engine.test")
        for ca_file in (ours.ca_file, None):
            shell = Shell(replace(target, ca_file=ca_file), lookup=here)
            with pytest.raises(TransportFailure, match="certificate refused"):
                await served(shell)
        assert all(peer.received == 0 for peer in server.peers)


@pytest.mark.parametrize("kind", [ENGINE, CLOUD], ids=["own", "cloud"])
async def test_adv_49_no_session_key_is_written_where_the_environment_says(
    kind: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    authority = TestAuthority(tmp_path)
    async with ScriptedServer(answering(whole()), tls=authority.server("engine.test")) as server:
        target = a_target(
            server, kind=kind, scheme="https", host="engine.test", ca_file=authority.ca_file
        )
        assert await served(Shell(target, lookup=here)) == b"{}"
    assert not keys.exists() or keys.read_text() == ""


@pytest.mark.parametrize("kind", [ENGINE, CLOUD], ids=["own", "cloud"])
async def test_adv_49_a_password_in_netrc_is_not_sent(
    kind: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text(
        "machine 127.0.0.1 login someone password canary\ndefault login a password b\n"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary")
    monkeypatch.setenv("OLLAMA_API_KEY", "canary")
    async with ScriptedServer(answering(whole(), whole())) as server:
        await served(Shell(a_target(server, kind=kind)))
        assert b"authorization" not in server.peers[0].requests[0].lower()
        await served(Shell(a_target(server, kind=kind, secret=Secret("ours"))))
        assert b"authorization: bearer ours\r\n" in server.peers[1].requests[0].lower()
        assert b"canary" not in server.peers[1].requests[0]


@pytest.mark.parametrize("kind", [ENGINE, CLOUD], ids=["own", "cloud"])
async def test_adv_56_no_client_speaks_a_protocol_in_which_hosts_share_a_connection(
    kind: Backend, tmp_path: Path
) -> None:
    """A server that would rather speak HTTP/2, under a certificate of several names."""
    authority = TestAuthority(tmp_path)
    tls = authority.server("engine.test")
    tls.set_alpn_protocols(["h2", "http/1.1"])
    spoken: list[str | None] = []

    async def script(peer: Peer) -> None:
        spoken.append(peer.protocol)
        await answering(whole(b"plain"))(peer)

    async with ScriptedServer(script, tls=tls) as server:
        target = a_target(
            server, kind=kind, scheme="https", host="engine.test", ca_file=authority.ca_file
        )
        assert await served(Shell(target, lookup=here)) == b"plain"
    assert spoken in ([None], ["http/1.1"])


@pytest.mark.parametrize("kind", [ENGINE, CLOUD], ids=["own", "cloud"])
async def test_adv_50_neither_client_follows_a_redirect(kind: Backend) -> None:
    async with ScriptedServer(answering(whole())) as trap:
        location = f"location: http://127.0.0.1:{trap.address.port}/\r\n".encode()
        reply = whole(b"", status="307 Temporary Redirect", fields=location)
        async with ScriptedServer(answering(reply)) as server:
            with pytest.raises(TransportFailure, match="redirect refused"):
                await served(Shell(a_target(server, kind=kind)))
        assert trap.peers == []
