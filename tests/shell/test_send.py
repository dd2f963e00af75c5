"""The sender: nothing leaves but what the route allows, to where the fleet file says."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import Candidate, FailureKind, Route
from gateway.domain.secret import Secret
from gateway.transport import send as send_module
from gateway.transport.backend import Backend
from gateway.transport.call import Address, HttpCall
from gateway.transport.credentials import api_key, none
from gateway.transport.failure import TransportFailure
from gateway.transport.guard import Guard, Place
from gateway.transport.health import Health
from gateway.transport.http1 import Http1Connector
from gateway.transport.send import Sender
from gateway.transport.target import Target
from tests.doubles.certificates import TestAuthority
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, chunked, whole
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

BOTH = frozenset({"on_prem", "cloud"})


async def sent_to(server: ScriptedServer, shell: Shell, **fields: str) -> str:
    reply = await shell.sender.send(a_candidate(), a_route(), a_call(**fields))
    await reply.read(100)
    return server.peers[0].requests[0].decode()


async def test_a_candidate_inside_the_boundary_is_served() -> None:
    async with ScriptedServer(answering(whole(b"hello"))) as server:
        shell = Shell(a_target(server))
        reply = await shell.sender.send(a_candidate(), a_route(), a_call())
        assert (reply.status, await reply.read(100)) == (200, b"hello")
        assert shell.sender.host("vllm") == f"127.0.0.1:{server.address.port}"
        assert shell.breaches.rung == shell.quarantines.rung == []


def boundary_cases() -> Iterable[tuple[str, Candidate, Route, str]]:
    """Yield what must never leave: name, candidate, route, backend of the call."""
    ours, theirs = a_candidate(), a_candidate("claude", "cloud")
    disguised = a_candidate("claude", "on_prem")
    yield "a zone outside the boundary", theirs, a_route(theirs), "claude"
    yield "a candidate of another route", theirs, a_route(ours, boundary=BOTH), "claude"
    yield "a call for another backend", ours, a_route(ours, boundary=BOTH), "claude"
    yield "a call for a neighbour", ours, a_route(ours), "neighbour"
    yield "a zone that is carried along", disguised, a_route(disguised), "claude"
    yield "an empty boundary", ours, a_route(ours, boundary=frozenset()), "vllm"
    wide = a_route(disguised, boundary=BOTH)
    yield "a carried zone in a wide boundary", disguised, wide, "claude"


async def assert_the_boundary_holds(sender: type[Sender]) -> None:
    async with (
        ScriptedServer(answering(whole())) as ours,
        ScriptedServer(answering(whole())) as their,
    ):
        for what, candidate, route, backend in boundary_cases():
            targets = (
                a_target(ours),
                a_target(ours, "neighbour"),
                a_target(their, "claude", "cloud"),
            )
            shell = Shell(*targets, sender=sender)
            try:
                await shell.sender.send(candidate, route, a_call(backend))
            except BoundaryBreach:
                assert shell.breaches.rung, what
                assert shell.health.is_quarantined(backend), what
            else:
                pytest.fail(f"{what}: a request has left")
        assert ours.peers == their.peers == []


async def test_nothing_outside_the_boundary_is_ever_connected_to() -> None:
    await assert_the_boundary_holds(Sender)


class TrustingSender(Sender):
    """A mutant: believes the zone that came along with the candidate."""

    def _assert_boundary(self, backend: str, candidate: Candidate, route: Route) -> None:
        if candidate not in route.candidates or candidate.offering.backend != backend:
            raise BoundaryBreach("stopped", hint="planted")
        if candidate.zone not in route.boundary:
            raise BoundaryBreach("stopped", hint="planted")


class HastySender(Sender):
    """A mutant: compares nothing."""

    def _assert_boundary(self, backend: str, candidate: Candidate, route: Route) -> None:
        return


@pytest.mark.parametrize("mutant", [TrustingSender, HastySender])
async def test_a_planted_sender_that_trusts_what_it_is_told_is_found(mutant: type[Sender]) -> None:
    with pytest.raises(pytest.fail.Exception, match="a request has left"):
        await assert_the_boundary_holds(mutant)


async def test_adv_51_a_host_that_moves_out_of_its_zone_gets_nothing_and_is_alarmed() -> None:
    async def elsewhere(_host: str, _port: int) -> list[str]:
        return ["127.9.9.9"]

    async with ScriptedServer(answering(whole()), host="127.9.9.9") as server:
        target = a_target(server, host="engine.test")
        shell = Shell(target, pins={"on_prem": ("127.0.0.1/32",)}, lookup=elsewhere)
        with pytest.raises(BoundaryBreach):
            await shell.sender.send(a_candidate(), a_route(), a_call())
        with pytest.raises(TransportFailure, match="quarantined"):
            await shell.sender.probe("vllm", "/health")
        assert server.peers == []
    assert [backend for backend, _ in shell.breaches.rung] == ["vllm"]
    assert "vllm" in shell.health.quarantined


async def test_adv_51_the_checked_address_is_dialled_and_the_name_stays_the_host() -> None:
    async def here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async with ScriptedServer(answering(whole())) as server:
        shell = Shell(a_target(server, host="engine.test"), lookup=here)
        request = await sent_to(server, shell)
        assert f"host: engine.test:{server.address.port}\r\n" in request


async def test_after_a_breach_not_even_a_lawful_request_goes_there() -> None:
    async with ScriptedServer(answering(whole())) as server:
        shell = Shell(a_target(server))
        shell.health.quarantine("vllm", "planted")
        with pytest.raises(TransportFailure) as caught:
            await shell.sender.send(a_candidate(), a_route(), a_call())
        assert not caught.value.failure.sent
        assert server.peers == []


async def test_adv_50_a_redirect_to_another_host_is_not_followed() -> None:
    for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
        async with ScriptedServer(answering(whole())) as trap:
            location = f"location: http://127.0.0.1:{trap.address.port}/\r\n".encode()
            reply = whole(b"", status=status, fields=location)
            async with ScriptedServer(answering(reply)) as server:
                shell = Shell(a_target(server))
                with pytest.raises(TransportFailure) as caught:
                    await shell.sender.send(a_candidate(), a_route(), a_call())
            assert trap.peers == []
        failure = caught.value.failure
        assert (failure.kind, failure.sent) == (FailureKind.UNREADABLE, True)
        assert failure.detail == "redirect refused"
        assert failure.status == int(status[:3])


async def test_an_encoding_that_nobody_asked_for_is_refused() -> None:
    reply = whole(b"\x1f\x8b", fields=b"content-encoding: gzip\r\n")
    async with ScriptedServer(answering(reply)) as server:
        with pytest.raises(TransportFailure, match="content encoding refused"):
            await Shell(a_target(server)).sender.send(a_candidate(), a_route(), a_call())


@pytest.mark.parametrize(
    "status", ["400 Bad", "429 Too Many", "500 Oops", "503 Busy", "201 Created"]
)
async def test_every_other_status_is_returned_as_it_is(status: str) -> None:
    async with ScriptedServer(answering(whole(b"no", status=status))) as server:
        shell = Shell(a_target(server))
        reply = await shell.sender.send(a_candidate(), a_route(), a_call())
        assert reply.status == int(status[:3])
        assert await reply.read(10) == b"no"


async def test_only_listed_fields_leave() -> None:
    fields = {
        "content_type": "application/json",
        "accept": "text/event-stream",
        "x_request_id": "0193",
        "anthropic_version": "2023-06-01",
        "authorization": "Bearer the caller's own key",
        "x_api_key": "the caller's own key",
        "cookie": "a=b",
        "x_perimeter_label": "restricted",
        "x_forwarded_for": "10.0.0.1",
        "user_agent": "somebody/1.0",
        "accept_encoding": "gzip",
    }
    async with ScriptedServer(answering(whole())) as server:
        request = await sent_to(server, Shell(a_target(server)), **fields)
    lines = request.split("\r\n")[2:-3]
    assert lines == [
        "content-type: application/json",
        "accept: text/event-stream",
        "x-request-id: 0193",
        "anthropic-version: 2023-06-01",
        "user-agent: perimeter",
        "accept-encoding: identity",
    ]


async def test_the_credential_is_added_at_the_door() -> None:
    async with ScriptedServer(answering(whole())) as server:
        request = await sent_to(server, Shell(a_target(server, secret=Secret("sk-1"))))
    assert "authorization: Bearer sk-1\r\n" in request
    keyed = replace(ENGINE, credential=api_key.x_api_key)
    async with ScriptedServer(answering(whole())) as server:
        target = a_target(server, secret=Secret("sk-2"), kind=keyed)
        request = await sent_to(server, Shell(target))
    assert "x-api-key: sk-2\r\n" in request
    assert "authorization" not in request


async def test_a_secret_that_is_missing_or_not_wanted_is_told_before_anything_is_sent() -> None:
    async with ScriptedServer(answering(whole())) as server:
        keyed = replace(ENGINE, credential=api_key.x_api_key)
        with pytest.raises(ValueError, match=r"vllm: .* needs a secret"):
            Shell(a_target(server, kind=keyed))
        keyless = replace(ENGINE, credential=none.absent)
        with pytest.raises(ValueError, match=r"vllm: .* takes no secret") as caught:
            Shell(a_target(server, kind=keyless, secret=Secret("sk-3")))
    assert "sk-3" not in str(caught.value)


async def test_a_target_that_is_not_where_the_guard_knows_it_is_refused() -> None:
    async with ScriptedServer(answering(whole())) as server:
        target = a_target(server)
        moved = replace(target.place, port=1)
        guard = Guard([moved], {"on_prem": ("127.0.0.0/8",)})
        health = Health(lambda: 0.0, lambda _b, _r: None)
        with pytest.raises(ValueError, match="not where"):
            Sender([target], guard, health)


@pytest.mark.parametrize(
    "kinds", [(ENGINE, ENGINE), (CLOUD, CLOUD), (ENGINE, CLOUD)], ids=["own", "cloud", "both"]
)
async def test_adv_56_backends_at_the_same_address_never_share_a_connection(
    kinds: tuple[Backend, Backend],
) -> None:
    async with ScriptedServer(answering(*[whole()] * 9)) as server:
        one = a_target(server, "one", host="one.test", kind=kinds[0])
        two = a_target(server, "two", "cloud", host="two.test", kind=kinds[1])

        async def same(_host: str, _port: int) -> list[str]:
            return ["127.0.0.1"]

        shell = Shell(one, two, lookup=same)
        for _ in range(3):
            for name, zone in (("one", "on_prem"), ("two", "cloud")):
                candidate = a_candidate(name, zone)
                reply = await shell.sender.send(
                    candidate, a_route(candidate, boundary=BOTH), a_call(name)
                )
                await reply.read(10)
        hosts = [
            {request.split(b"\r\n")[1].split(b":")[1].strip() for request in peer.requests}
            for peer in server.peers
        ]
        assert hosts == [{b"one.test"}, {b"two.test"}]
        await shell.sender.close()


async def test_a_dead_address_is_passed_over_while_nothing_has_left() -> None:
    async def several(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4"]

    async with ScriptedServer(answering(whole(), whole())) as server:
        shell = Shell(a_target(server, host="engine.test"), lookup=several)
        for _ in range(2):
            reply = await shell.sender.send(a_candidate(), a_route(), a_call())
            await reply.read(10)
        assert len(server.peers) == 1
        assert shell.sender._last_good["vllm"].ip == "127.0.0.1"


async def test_only_a_few_dead_addresses_are_tried() -> None:
    dialled: list[str] = []

    class Dead(Http1Connector):
        async def send(self, call, timeouts, address):
            dialled.append(address.ip)
            return await super().send(call, timeouts, address)

    async def many(_host: str, _port: int) -> list[str]:
        return [f"127.0.0.{number}" for number in range(2, 12)]

    async with ScriptedServer(answering(whole())) as server:
        target = a_target(server, host="engine.test")
        shell = Shell(target, lookup=many, connect=lambda one: Dead(one.place.authority))
        with pytest.raises(TransportFailure) as caught:
            await shell.sender.send(a_candidate(), a_route(), a_call())
    assert not caught.value.failure.sent
    assert len(dialled) == send_module.DIALLED_MAX


async def test_once_something_has_left_no_other_address_is_tried() -> None:
    dialled: list[str] = []

    async def hang_up(peer: Peer) -> None:
        await peer.request()

    class Watched(Http1Connector):
        async def send(self, call, timeouts, address):
            dialled.append(address.ip)
            return await super().send(call, timeouts, Address("127.0.0.1", address.port))

    async def several(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1", "127.0.0.2"]

    async with ScriptedServer(hang_up) as server:
        target = a_target(server, host="engine.test")
        shell = Shell(target, lookup=several, connect=lambda one: Watched(one.place.authority))
        with pytest.raises(TransportFailure) as caught:
            await shell.sender.send(a_candidate(), a_route(), a_call())
        assert caught.value.failure.sent
        assert len(dialled) == len(server.peers) == 1


async def test_adv_41_a_probe_says_a_path_and_a_models_name_and_nothing_else() -> None:
    kind = replace(ENGINE, headers=(("anthropic-version", "2023-06-01"),))
    async with ScriptedServer(answering(whole(b"a"), whole(b"b"))) as server:
        shell = Shell(a_target(server, kind=kind))
        assert (await shell.sender.probe("vllm", "/health")).body == b"a"
        assert (await shell.sender.probe("vllm", "/api/show", "qwen")).body == b"b"
        first, second = server.peers[0].requests
    assert first.startswith(b"GET /health HTTP/1.1\r\n")
    assert first.endswith(b"\r\n\r\n")
    assert b"anthropic-version: 2023-06-01" in first
    assert second.startswith(b"POST /api/show HTTP/1.1\r\n")
    assert second.endswith(b'\r\n\r\n{"model":"qwen"}')


async def test_a_probe_goes_through_the_guard_as_well() -> None:
    async with ScriptedServer(answering(whole())) as server:
        shell = Shell(a_target(server), pins={"on_prem": ("10.0.0.0/8",)})
        with pytest.raises(BoundaryBreach):
            await shell.sender.probe("vllm", "/health")
        with pytest.raises(BoundaryBreach):
            await shell.sender.probe("unknown", "/health")
        assert server.peers == []


async def test_tls_is_verified_against_the_targets_own_ca(tmp_path) -> None:
    async def here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    authority = TestAuthority(tmp_path)
    async with ScriptedServer(
        answering(chunked(b"x")), tls=authority.server("cert.test")
    ) as server:
        target: Target = a_target(
            server,
            host="engine.test",
            scheme="https",
            ca_file=authority.ca_file,
        )
        named = replace(target, place=replace(target.place, server_name="cert.test"))
        shell = Shell(named, lookup=here)
        reply = await shell.sender.send(a_candidate(), a_route(), a_call())
        assert await reply.read(10) == b"x"
        wrong = Shell(target, lookup=here)
        with pytest.raises(TransportFailure, match="certificate refused"):
            await wrong.sender.send(a_candidate(), a_route(), a_call())
        await shell.sender.close()


async def test_a_place_with_an_ipv6_address_is_told_in_brackets() -> None:
    async with ScriptedServer(answering(whole())) as server:
        target = replace(a_target(server), place=Place("vllm", "http", "::1", 8000, "on_prem"))
        shell = Shell(target, pins={"on_prem": ("::1/128",)})
        assert shell.sender.host("vllm") == "[::1]:8000"


def test_a_call_has_no_place_for_a_secret() -> None:
    assert HttpCall.__struct_fields__ == ("backend", "method", "path", "headers", "body", "stopped")
