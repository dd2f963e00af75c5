"""Which backends are left alone, why, and for how long."""

import asyncio

import pytest
from msgspec.structs import replace

from gateway.domain.route import FailureKind
from gateway.transport.failure import failed
from gateway.transport.health import REST_MS
from gateway.transport.http1 import Http1Connector
from gateway.transport.probes import Probes
from gateway.transport.target import Target
from tests.doubles.probing import SCRIPTED_FIELD, a_health, middle
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, whole
from tests.doubles.transport_parts import ENGINE, Shell, a_target

pytestmark = pytest.mark.anyio


async def test_a_failed_attempt_rests_the_backend_for_a_short_while() -> None:
    health, clock, _ = a_health()
    health.rest("vllm", "unreachable")
    assert health.resting() == {"vllm": "resting: unreachable"}
    clock.seconds = REST_MS / 1_000 - 0.01
    assert "vllm" in health.resting()
    clock.seconds = REST_MS / 1_000
    assert health.resting() == {}


async def test_a_good_probe_does_not_end_a_rest() -> None:
    health, _, _ = a_health()
    health.rest("vllm", "timed_out")
    health.well("vllm")
    assert "vllm" in health.resting()


async def test_a_bad_probe_lasts_until_a_good_one() -> None:
    health, clock, _ = a_health()
    health.ill("vllm", "probe: status 503")
    clock.seconds = 1e9
    assert health.resting() == {"vllm": "probe: status 503"}
    health.well("vllm")
    health.well("vllm")
    assert health.resting() == {}


async def test_a_quarantine_is_for_good_and_rings_once() -> None:
    health, clock, alarms = a_health()
    health.rest("vllm", "unreachable")
    health.ill("vllm", "probe: status 503")
    health.quarantine("vllm", "first")
    health.quarantine("vllm", "second")
    health.well("vllm")
    clock.seconds = 1e9
    assert health.resting() == {"vllm": "quarantined: first"}
    assert health.quarantined == {"vllm": "quarantined: first"}
    assert health.is_quarantined("vllm")
    assert not health.is_quarantined("other")
    assert alarms.rung == [("vllm", "first")]


async def test_a_snapshot_does_not_change_afterwards() -> None:
    health, _, _ = a_health()
    before = health.resting()
    health.ill("vllm", "x")
    assert before == {}


async def probed(*targets: Target, rounds: int = 1) -> Shell:
    shell = Shell(*targets)
    probes = Probes(targets, shell.sender, shell.health, middle)
    for _ in range(rounds):
        await probes.once()
    return shell


async def test_a_backend_is_not_used_before_its_first_good_probe() -> None:
    async with ScriptedServer(answering(whole(b""))) as server:
        target = a_target(server)
        shell = Shell(target)
        probes = Probes([target], shell.sender, shell.health, middle)
        assert shell.health.resting() == {"vllm": "not probed yet"}
        await probes.once()
        assert shell.health.resting() == {}
        assert server.peers[0].requests[0].startswith(b"GET /health HTTP/1.1\r\n")


async def test_an_engine_that_is_not_well_rests_until_it_is() -> None:
    replies = [whole(status="503 Busy"), whole(), whole(status="500 Oops")]
    async with ScriptedServer(answering(*replies)) as server:
        target = a_target(server)
        shell = Shell(target)
        probes = Probes([target], shell.sender, shell.health, middle)
        await probes.once()
        assert shell.health.resting() == {"vllm": "probe: status 503"}
        await probes.once()
        assert shell.health.resting() == {}
        await probes.once()
        assert shell.health.resting() == {"vllm": "probe: status 500"}


async def test_an_engine_that_is_down_rests() -> None:
    async with ScriptedServer(answering()) as server:
        target = a_target(server)
    assert (await probed(target)).health.resting() == {"vllm": "probe: connection refused"}


async def test_an_engine_that_redirects_or_babbles_rests() -> None:
    async with ScriptedServer(answering(whole(status="307 Elsewhere"))) as server:
        shell = await probed(a_target(server))
        assert shell.health.resting() == {"vllm": "probe: redirect refused"}
    async with ScriptedServer(answering(b"SSH-2.0\r\n")) as server:
        shell = await probed(a_target(server))
        assert shell.health.resting() == {"vllm": "probe: not an HTTP/1.1 reply"}


async def test_a_probe_on_an_old_connection_is_asked_once_more() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(whole())
        await peer.request()

    async with ScriptedServer(script) as server:
        shell = await probed(a_target(server), rounds=2)
        assert shell.health.resting() == {}
        assert [len(peer.requests) for peer in server.peers] == [2, 1]


async def test_a_full_engine_is_not_taken_for_an_ill_one() -> None:
    class Full(Http1Connector):
        async def send(self, call, timeouts, address):
            raise failed(FailureKind.OVERLOADED, "every connection is in use", sent=False)

    async with ScriptedServer(answering(whole())) as server:
        target = a_target(server)
        shell = Shell(target, connect=lambda one: Full(one.place.authority))
        probes = Probes([target], shell.sender, shell.health, middle)
        shell.health.well("vllm")
        await probes.once()
        assert shell.health.resting() == {}


async def test_a_backend_that_is_not_probed_is_used_at_once() -> None:
    async with ScriptedServer(answering(whole())) as server:
        target = a_target(server, kind=replace(ENGINE, probe_path=""))
        shell = await probed(target)
        assert shell.health.resting() == {}
        assert server.peers == []


async def test_a_scripted_engine_under_another_kind_is_quarantined() -> None:
    async with ScriptedServer(answering(whole(fields=SCRIPTED_FIELD))) as server:
        shell = await probed(a_target(server), rounds=2)
        assert shell.health.resting() == {"vllm": "quarantined: a scripted engine answers"}
        assert shell.quarantines.rung == [("vllm", "a scripted engine answers")]
        assert len(server.peers[0].requests) == 1


async def test_a_scripted_engine_under_its_own_kind_or_in_a_demo_is_used() -> None:
    reply = whole(fields=SCRIPTED_FIELD)
    async with ScriptedServer(answering(reply)) as server:
        shell = await probed(a_target(server, kind=replace(ENGINE, name="scripted")))
        assert shell.health.resting() == {}
        shell = await probed(a_target(server, may_be_scripted=True))
        assert shell.health.resting() == {}


async def test_a_breach_found_by_a_probe_does_not_end_the_probing() -> None:
    async with ScriptedServer(answering(whole())) as server:
        one, two = a_target(server, "one"), a_target(server, "two", "cloud", host="127.0.0.2")
        pins = {"on_prem": ("127.0.0.1/32",), "cloud": ("10.0.0.0/8",)}
        shell = Shell(one, two, pins=pins)
        await Probes([one, two], shell.sender, shell.health, middle).once()
        assert list(shell.health.resting()) == ["two"]
        assert "two" in shell.health.quarantined


async def test_the_probing_goes_on_until_it_is_stopped() -> None:
    seen = asyncio.Event()

    async def script(peer: Peer) -> None:
        for _ in range(3):
            await peer.request()
            await peer.say(whole())
        seen.set()
        await peer.gone()

    async with ScriptedServer(script) as server:
        target = a_target(server)
        shell = Shell(target)
        draws: list[float] = []

        def jitter() -> float:
            draws.append(0.0)
            return 0.0

        probes = Probes([target], shell.sender, shell.health, jitter, interval_ms=5)
        running = asyncio.create_task(probes.run())
        async with asyncio.timeout(10):
            await seen.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(draws) >= 2
