"""A pinned key: whoever has another one gets nothing, however well his certificate is signed."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.domain.errors import BoundaryBreach
from gateway.transport import tls
from gateway.transport.backend import Backend
from gateway.transport.failure import TransportFailure
from tests.doubles.certificates import TestAuthority
from tests.doubles.scripted_server import ScriptedServer, answering, whole
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
OTHER = f"sha256:{'0' * 64}"
KINDS = pytest.mark.parametrize("kind", [ENGINE, CLOUD], ids=["own", "cloud"])


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def here(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def pinned(server: ScriptedServer, authority: TestAuthority, kind: Backend, *pins: str) -> Shell:
    target = a_target(server, kind=kind, scheme="https", host=NAME, ca_file=authority.ca_file)
    return Shell(replace(target, place=replace(target.place, pins=pins)), lookup=here)


@KINDS
async def test_a_pinned_key_is_spoken_to(kind: Backend, tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    async with ScriptedServer(answering(whole(b"x")), tls=authority.server(NAME)) as server:
        shell = pinned(server, authority, kind, OTHER, authority.pins[NAME])
        reply = await shell.sender.send(a_candidate(), a_route(), a_call())
        assert await reply.read(10) == b"x"
        await shell.sender.close()


@KINDS
async def test_adv_51_another_key_under_the_same_ca_is_a_breach_and_gets_nothing(
    kind: Backend, tmp_path: Path
) -> None:
    authority = TestAuthority(tmp_path)
    async with ScriptedServer(answering(whole()), tls=authority.server(NAME)) as server:
        shell = pinned(server, authority, kind, OTHER)
        with pytest.raises(BoundaryBreach) as caught:
            await shell.sender.send(a_candidate(), a_route(), a_call(body=b"canary"))
        assert "another key" in caught.value.hint
        assert [backend for backend, _ in shell.breaches.rung] == ["vllm"]
        assert shell.health.is_quarantined("vllm")
        with pytest.raises(TransportFailure, match="quarantined"):
            await shell.sender.send(a_candidate(), a_route(), a_call())
        assert sum(peer.received for peer in server.peers) == 0
        await shell.sender.close()


@KINDS
async def test_a_pin_does_not_replace_the_ca(kind: Backend, tmp_path: Path) -> None:
    authority, other = TestAuthority(tmp_path), TestAuthority(tmp_path, "other")
    async with ScriptedServer(answering(whole()), tls=other.server(NAME)) as server:
        shell = pinned(server, authority, kind, other.pins[NAME])
        with pytest.raises(TransportFailure, match="certificate refused"):
            await shell.sender.send(a_candidate(), a_route(), a_call())
        assert shell.breaches.rung == []
        await shell.sender.close()


def test_a_pin_is_what_openssl_says_of_the_key(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    authority.server(NAME)
    public = subprocess.run(
        ["openssl", "x509", "-in", str(tmp_path / f"{NAME}-1.pem"), "-noout", "-pubkey"],
        capture_output=True,
        check=True,
    ).stdout
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "der"],
        input=public,
        capture_output=True,
        check=True,
    ).stdout
    assert authority.pins[NAME] == f"sha256:{hashlib.sha256(der).hexdigest()}"
    assert tls.is_pin(authority.pins[NAME])


def test_what_is_no_certificate_holds_no_pin() -> None:
    class Bare:
        def __init__(self, certificate: bytes | None) -> None:
            self.certificate = certificate

        def getpeercert(self, *, binary_form: bool) -> bytes | None:
            assert binary_form
            return self.certificate

    for certificate in (None, b"", b"not a certificate"):
        assert not tls._holds(Bare(certificate), frozenset({OTHER}))
