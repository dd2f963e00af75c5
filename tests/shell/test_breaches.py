"""A breach at any of the checks: the request ends, the alarm rings, the gateway is not ready."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.app.alarms import Alarms
from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import Candidate, Route
from gateway.flow.background import Background
from gateway.transport.backend import Backend
from gateway.transport.guard import Guard, Proxy
from gateway.transport.health import Health
from gateway.transport.send import Sender
from gateway.transport.target import Target
from tests.doubles.certificates import TestAuthority
from tests.doubles.scripted_server import ScriptedServer, answering, whole
from tests.doubles.transport_parts import (
    CLOUD,
    ENGINE,
    LOOPBACK,
    HandClock,
    a_call,
    a_candidate,
    a_route,
    a_target,
)

pytestmark = pytest.mark.anyio

BOTH = frozenset({"on_prem", "cloud"})
KINDS = pytest.mark.parametrize("kind", [ENGINE, CLOUD], ids=["own", "cloud"])


class Records:
    """The part of the ledger that alarms write to."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    async def record(self, what: str, facts) -> None:
        self.told.append((what, str(facts["backend"])))


class Counted:
    def __init__(self) -> None:
        self.breaches = 0

    def boundary_breach(self) -> None:
        self.breaches += 1

    def residency_difference(self) -> None:
        raise AssertionError


class Stand:
    """What a gateway makes of guard, sender, health and alarms, over one backend."""

    def __init__(self, *targets: Target, address: str = "127.0.0.1") -> None:
        self.records, self.meters, self.background = Records(), Counted(), Background()
        alarms = Alarms(self.records, self.meters, self.background)

        async def lookup(_host: str, _port: int) -> list[str]:
            return [address]

        guard = Guard([target.place for target in targets], LOOPBACK, lookup)
        self.health = Health(HandClock(), alarms.quarantined, alarms.breached)
        self.sender = Sender(targets, guard, self.health)

    async def sent(self, candidate: Candidate, route: Route, backend: str = "vllm") -> None:
        await self.sender.send(candidate, route, a_call(backend, body=b"canary"))


def outside(server: ScriptedServer, kind: Backend, _folder: Path) -> Stand:
    return Stand(a_target(server, kind=kind, host="engine.test"), address="192.0.2.7")


def metadata(server: ScriptedServer, kind: Backend, _folder: Path) -> Stand:
    return Stand(a_target(server, kind=kind, host="engine.test"), address="169.254.169.254")


def mapped(server: ScriptedServer, kind: Backend, _folder: Path) -> Stand:
    return Stand(a_target(server, kind=kind, host="engine.test"), address="::ffff:192.0.2.7")


def proxied_elsewhere(server: ScriptedServer, kind: Backend, _folder: Path) -> Stand:
    target = a_target(server, kind=kind, host="engine.test", scheme="https")
    proxy = Proxy("proxy.test", server.address.port, ("192.0.2.0/24",))
    return Stand(replace(target, place=replace(target.place, proxy=proxy)))


def another_key(server: ScriptedServer, kind: Backend, folder: Path) -> Stand:
    target = a_target(
        server, kind=kind, host="engine.test", scheme="https", ca_file=str(folder / "ca.pem")
    )
    pinned = replace(target.place, pins=(f"sha256:{'0' * 64}",))
    return Stand(replace(target, place=pinned))


SOCKET = (outside, metadata, mapped, proxied_elsewhere, another_key)


@KINDS
@pytest.mark.parametrize("made", SOCKET, ids=lambda made: made.__name__)
async def test_what_the_socket_says_against_the_zone_is_a_breach(
    made: Callable[[ScriptedServer, Backend, Path], Stand], kind: Backend, tmp_path: Path
) -> None:
    tls = TestAuthority(tmp_path).server("engine.test") if made is another_key else None
    async with ScriptedServer(answering(whole()), tls=tls) as server:
        stand = made(server, kind, tmp_path)
        await assert_breach(stand, a_candidate(), a_route())
        assert sum(peer.received for peer in server.peers) == 0
        await stand.sender.close()


ROUTES = {
    "a zone that is carried along": (
        a_candidate("claude", "on_prem"),
        a_route(a_candidate("claude", "on_prem")),
        "claude",
    ),
    "a zone outside the boundary": (
        a_candidate("claude", "cloud"),
        a_route(a_candidate("claude", "cloud")),
        "claude",
    ),
    "a candidate of another route": (
        a_candidate("claude", "cloud"),
        a_route(boundary=BOTH),
        "claude",
    ),
    "a call for another backend": (a_candidate(), a_route(boundary=BOTH), "claude"),
    "a backend that there is not": (a_candidate(), a_route(boundary=BOTH), "nobody"),
}


@KINDS
@pytest.mark.parametrize("what", ROUTES)
async def test_what_the_route_says_against_the_fleet_file_is_a_breach(
    what: str, kind: Backend
) -> None:
    candidate, route, backend = ROUTES[what]
    async with ScriptedServer(answering(whole())) as server:
        theirs = a_target(server, "claude", "cloud", kind=kind, host="127.0.0.9")
        stand = Stand(a_target(server, kind=kind), theirs)
        await assert_breach(stand, candidate, route, backend)
        assert server.peers == []


async def assert_breach(
    stand: Stand, candidate: Candidate, route: Route, backend: str = "vllm"
) -> None:
    """The request ends; the log, the meter, the ledger and readiness say so."""
    with pytest.raises(BoundaryBreach) as caught:
        await stand.sent(candidate, route, backend)
    assert caught.value.status == 500
    assert "canary" not in f"{caught.value.what}{caught.value.hint}"
    assert stand.meters.breaches == 1
    assert await stand.background.drain(5)
    assert stand.records.told == [("quarantined", backend), ("boundary_breach", backend)]
    assert backend in stand.health.quarantined, "readiness is what is quarantined"
