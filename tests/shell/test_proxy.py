"""A forward proxy that the fleet file states: what it hears, and what it cannot bring about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import FailureKind
from gateway.domain.secret import Secret
from gateway.transport.backend import Backend
from gateway.transport.failure import TransportFailure
from gateway.transport.guard import Guard, Place, Proxy
from gateway.transport.http1_tunnel import Tunnel, proxy_fields
from gateway.transport.target import Target, connector_for
from tests.doubles.certificates import TestAuthority
from tests.doubles.connect_proxy import ConnectProxy
from tests.doubles.scripted_server import ScriptedServer, answering, chunked, whole
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

NAME = "engine.test"
PROXY = "proxy.test"
CANARY = b"canary-of-the-prompt"
PINNED = ("127.0.0.77/32",)
KINDS = pytest.mark.parametrize("kind", [ENGINE, CLOUD], ids=["own", "cloud"])
# Nothing of the engine's zone holds the proxy's address: the two pins are apart.
ELSEWHERE = {"on_prem": ("203.0.113.0/24",), "cloud": ("203.0.113.0/24",)}


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def names(host: str, _port: int) -> list[str]:
    assert host == PROXY, "a name was resolved that is the proxy's to resolve"
    return ["127.0.0.77"]


def behind(proxy: ConnectProxy, server: ScriptedServer, kind: Backend, **over) -> Target:
    named = over.pop("proxy_host", PROXY)
    target = a_target(server, kind=kind, scheme="https", host=NAME, **over)
    place = replace(target.place, proxy=Proxy(named, proxy.port, PINNED))
    return replace(target, place=place)


@asynccontextmanager
async def stage(
    folder: Path, *replies: bytes, **over
) -> AsyncIterator[tuple[TestAuthority, ScriptedServer, ConnectProxy]]:
    authority = TestAuthority(folder)
    async with (
        ScriptedServer(answering(*replies), tls=authority.server(NAME)) as server,
        ConnectProxy(server.address, **over) as proxy,
    ):
        yield authority, server, proxy


async def asked(shell: Shell) -> bytes:
    try:
        reply = await shell.sender.send(a_candidate(), a_route(), a_call(body=CANARY))
        return await reply.read(100)
    finally:
        await shell.sender.close()


@KINDS
@pytest.mark.parametrize("named", [PROXY, "127.0.0.77"], ids=["name", "address"])
async def test_what_the_proxy_hears_is_the_engines_host_and_nothing_of_the_request(
    kind: Backend, named: str, tmp_path: Path
) -> None:
    async with stage(tmp_path, whole(b"hello")) as (authority, server, proxy):
        target = behind(proxy, server, kind, ca_file=authority.ca_file, proxy_host=named)
        assert await asked(Shell(target, lookup=names, pins=ELSEWHERE)) == b"hello"
        assert proxy.asked_for == [f"{NAME}:{server.address.port}"]
        head = proxy.heads[0].lower()
        assert b"user-agent: perimeter" in head
        assert b"python" not in head
        assert CANARY not in bytes(proxy.passed)
        assert CANARY in server.peers[0].requests[0]
        assert f"host: {NAME}:".encode() in server.peers[0].requests[0].lower()


@KINDS
async def test_a_tunnel_is_used_again_and_carries_streams(kind: Backend, tmp_path: Path) -> None:
    replies = (whole(b"a"), chunked(b"b", b"c"))
    async with stage(tmp_path, *replies) as (authority, server, proxy):
        target = behind(proxy, server, kind, ca_file=authority.ca_file)
        shell = Shell(target, lookup=names, pins=ELSEWHERE)
        for body in (b"a", b"bc"):
            reply = await shell.sender.send(a_candidate(), a_route(), a_call())
            assert await reply.read(10) == body
        assert len(proxy.heads) == len(server.peers) == 1
        await shell.sender.close()


@KINDS
async def test_a_proxy_that_wants_to_know_us_gets_our_credential_and_the_engine_does_not(
    kind: Backend, tmp_path: Path
) -> None:
    async with stage(tmp_path, whole(b"x"), wants="us:secret") as (authority, server, proxy):
        secret = Secret("us:secret")
        target = behind(proxy, server, kind, ca_file=authority.ca_file, proxy_secret=secret)
        assert await asked(Shell(target, lookup=names, pins=ELSEWHERE)) == b"x"
        assert b"proxy-authorization" not in server.peers[0].requests[0].lower()


@KINDS
async def test_a_407_is_a_failure_before_anything_has_left(kind: Backend, tmp_path: Path) -> None:
    async with stage(tmp_path, whole(), wants="us:secret") as (authority, server, proxy):
        target = behind(proxy, server, kind, ca_file=authority.ca_file)
        with pytest.raises(TransportFailure) as caught:
            await asked(Shell(target, lookup=names, pins=ELSEWHERE))
        failure = caught.value.failure
        assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)
        assert failure.detail == "proxy: status 407"
        assert server.peers == []
        assert proxy.passed == b""


@KINDS
async def test_a_proxy_that_leads_elsewhere_brings_nothing_there(
    kind: Backend, tmp_path: Path
) -> None:
    """Another host answers, with a certificate of its own that the same CA has signed."""
    authority = TestAuthority(tmp_path)
    async with (
        ScriptedServer(answering(whole()), tls=authority.server(NAME)) as server,
        ScriptedServer(answering(whole()), tls=authority.server("other.test")) as other,
        ConnectProxy(other.address) as proxy,
    ):
        target = behind(proxy, server, kind, ca_file=authority.ca_file)
        with pytest.raises(TransportFailure, match="certificate refused") as caught:
            await asked(Shell(target, lookup=names, pins=ELSEWHERE))
        assert not caught.value.failure.sent
        assert sum(peer.received for peer in other.peers) == 0


@KINDS
async def test_a_proxy_that_reads_along_with_another_key_is_a_breach(
    kind: Backend, tmp_path: Path
) -> None:
    """Its certificate is in the engine's name and under a CA that we believe; the pin tells."""
    authority = TestAuthority(tmp_path)
    server_tls = authority.server(NAME)
    pin = authority.pins[NAME]
    async with (
        ScriptedServer(answering(whole()), tls=server_tls) as server,
        ScriptedServer(answering(whole()), tls=authority.server(NAME)) as reader,
        ConnectProxy(reader.address) as proxy,
    ):
        target = behind(proxy, server, kind, ca_file=authority.ca_file)
        target = replace(target, place=replace(target.place, pins=(pin,)))
        shell = Shell(target, lookup=names, pins=ELSEWHERE)
        with pytest.raises(BoundaryBreach):
            await asked(shell)
        assert shell.health.is_quarantined("vllm")
        assert sum(peer.received for peer in reader.peers) == 0


@KINDS
@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000,
    ],
    ids=["drops", "502", "302", "ssh", "endless"],
)
async def test_a_proxy_that_does_not_let_us_through_is_a_failure(
    kind: Backend, says: bytes, tmp_path: Path
) -> None:
    async with stage(tmp_path, whole(), says=says) as (authority, server, proxy):
        target = behind(proxy, server, kind, ca_file=authority.ca_file)
        with pytest.raises(TransportFailure):
            await asked(Shell(target, lookup=names, pins=ELSEWHERE))
        assert server.peers == []
        assert proxy.passed == b""
        assert CANARY not in b"".join(proxy.heads)


async def test_bytes_behind_the_answer_of_a_proxy_are_refused(tmp_path: Path) -> None:
    says = b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
    async with stage(tmp_path, whole(), says=says) as (authority, server, proxy):
        target = behind(proxy, server, ENGINE, ca_file=authority.ca_file)
        with pytest.raises(TransportFailure, match="more than a head"):
            await asked(Shell(target, lookup=names, pins=ELSEWHERE))


@KINDS
async def test_a_proxy_that_moves_out_of_its_pins_is_a_breach_and_hears_nothing(
    kind: Backend, tmp_path: Path
) -> None:
    async def moved(_host: str, _port: int) -> list[str]:
        return ["127.0.0.78"]

    async with stage(tmp_path, whole(), host="127.0.0.78") as (authority, server, proxy):
        target = behind(proxy, server, kind, ca_file=authority.ca_file)
        shell = Shell(target, lookup=moved)
        with pytest.raises(BoundaryBreach):
            await asked(shell)
        assert [name for name, _ in shell.breaches.rung] == ["vllm"]
        assert proxy.heads == []


@KINDS
async def test_an_engine_by_address_lies_inside_its_zone_behind_a_proxy_too(
    kind: Backend, tmp_path: Path
) -> None:
    async with stage(tmp_path, whole()) as (authority, server, proxy):
        target = behind(proxy, server, kind, ca_file=authority.ca_file)
        target = replace(target, place=replace(target.place, host="127.0.0.1"))
        shell = Shell(target, lookup=names, pins=ELSEWHERE)
        with pytest.raises(BoundaryBreach):
            await asked(shell)
        assert proxy.heads == []


@pytest.mark.parametrize(
    ("over", "why"),
    [
        ({"scheme": "http"}, "behind a proxy it must be https"),
        ({"proxy": Proxy("0x7f.1", 3128, PINNED)}, "the proxy is a host and a port"),
        ({"proxy": Proxy(PROXY, 0, PINNED)}, "the proxy is a host and a port"),
        ({"proxy": Proxy(PROXY, 3128, ())}, "no addresses are pinned for the proxy"),
        ({"proxy": Proxy(PROXY, 3128, ("10.0.0.1/8",))}, "not a CIDR block"),
        ({"proxy": Proxy("169.254.169.254", 80, ("0.0.0.0/0",))}, "never dialled"),
        ({"proxy": Proxy("127.0.0.1", 9000, PINNED)}, "its proxy is a backend"),
    ],
)
def test_a_proxy_that_cannot_be_trusted_is_refused_at_load(over: dict, why: str) -> None:
    proxy = Proxy(PROXY, 3128, PINNED)
    place = Place("far", "https", NAME, 443, "cloud", proxy=proxy)
    near = Place("near", "http", "127.0.0.1", 9000, "on_prem")
    Guard([place, near], {"on_prem": ("127.0.0.0/8",), "cloud": ("203.0.113.0/24",)})
    with pytest.raises(ValueError, match=why):
        Guard(
            [replace(place, **over), near],
            {"on_prem": ("127.0.0.0/8",), "cloud": ("203.0.113.0/24",)},
        )


@KINDS
async def test_two_zones_behind_one_proxy_share_no_connection(
    kind: Backend, tmp_path: Path
) -> None:
    async with stage(tmp_path, whole(), whole()) as (authority, server, proxy):
        one = behind(proxy, server, kind, ca_file=authority.ca_file)
        place = replace(one.place, name="claude", zone="cloud", host="second.test")
        guarded = Shell(one, replace(one, place=place), lookup=names)
        reply = await guarded.sender.send(a_candidate(), a_route(), a_call())
        await reply.read(10)
        theirs = a_candidate("claude", "cloud")
        with pytest.raises(TransportFailure, match="certificate refused"):
            await guarded.sender.send(
                theirs, a_route(theirs, boundary=frozenset({"cloud"})), a_call("claude")
            )
        assert len(proxy.heads) == 2
        await guarded.sender.close()


async def test_the_record_says_through_which_proxy(tmp_path: Path) -> None:
    async with stage(tmp_path, whole()) as (authority, server, proxy):
        target = behind(proxy, server, ENGINE, ca_file=authority.ca_file)
        shell = Shell(target, a_target(server, "plain", host="127.0.0.5"), lookup=names)
        assert shell.sender.host("vllm") == f"{NAME}:{server.address.port}"
        assert shell.sender.via_proxy("vllm") == f"{PROXY}:{proxy.port}"
        assert shell.sender.via_proxy("plain") == ""


@pytest.mark.parametrize("secret", ["nocolon", ":onlypassword"])
async def test_a_secret_that_no_proxy_takes_is_refused(secret: str, tmp_path: Path) -> None:
    async with stage(tmp_path, whole()) as (authority, server, proxy):
        over = {"ca_file": authority.ca_file, "proxy_secret": Secret(secret)}
        target = behind(proxy, server, ENGINE, **over)
        with pytest.raises(ValueError, match="user:password") as caught:
            connector_for(target)
        assert secret not in str(caught.value)


def test_a_tunnel_does_not_show_its_secret() -> None:
    assert "Basic" not in repr(Tunnel("a:1", proxy_fields(Secret("us:secret"))))
