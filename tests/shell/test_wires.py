"""Another fleet while the gateway runs: other pools, none shared, and the old ones drained."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.domain.errors import BoundaryBreach
from gateway.domain.fleet import place
from gateway.domain.secret import Secret
from gateway.transport.call import Address, Timeouts
from gateway.transport.failure import TransportFailure
from gateway.transport.guard import Guard, Proxy
from gateway.transport.probes import Probes
from gateway.transport.target import Target
from tests.doubles.certificates import TestAuthority
from tests.doubles.probing import SCRIPTED_FIELD, middle
from tests.doubles.scripted_server import Peer, ScriptedServer, answering, whole
from tests.doubles.transport_parts import (
    CLOUD,
    ENGINE,
    LOOPBACK,
    Shell,
    a_call,
    a_candidate,
    a_route,
    a_target,
)

pytestmark = pytest.mark.anyio
WAIT_S_MAX = 10


def take(shell: Shell, *targets: Target, pins: dict[str, tuple[str, ...]] | None = None) -> None:
    guard = Guard([one.place for one in targets], pins or LOOPBACK)
    shell.sender.take(shell.sender.wire(targets, guard))
    shell.guard = guard


def connector(shell: Shell, name: str = "vllm"):
    return shell.sender._wires.connectors[name]


async def say(shell: Shell, zone: str = "on_prem") -> bytes:
    candidate = a_candidate(zone=zone)
    route = a_route(candidate, boundary=frozenset({zone}))
    reply = await shell.sender.send(candidate, route, a_call())
    return await reply.read(100)


async def test_what_stays_as_it_was_keeps_its_pool() -> None:
    async with ScriptedServer(answering(whole(b"a"), whole(b"b"))) as server:
        target = a_target(server)
        shell = Shell(target)
        before = connector(shell)
        assert await say(shell) == b"a"
        told = replace(target, models=("another",), contexts={"another": 9}, tell=lambda *_: None)
        take(shell, told)
        assert connector(shell) is before
        assert await say(shell) == b"b"
        assert len(server.peers) == 1


async def test_another_zone_another_secret_or_another_ca_is_another_pool(tmp_path: Path) -> None:
    async with ScriptedServer(answering(whole())) as server:
        target = a_target(server)
        changes = (
            {"place": replace(target.place, zone="cloud")},
            {"place": replace(target.place, port=1)},
            {"secret": Secret("one")},
            {"timeouts": Timeouts(total_ms=1)},
            {"kind": replace(ENGINE, name="other")},
        )
        for change in changes:
            shell = Shell(target)
            before = connector(shell)
            take(shell, replace(target, **change))
            assert connector(shell) is not before
            await shell.sender.close()
        await another_ca(server, tmp_path)


async def another_ca(server: ScriptedServer, folder: Path) -> None:
    ca = Path(TestAuthority(folder, "ca").ca_file)
    secure = a_target(server, scheme="https", host="localhost", ca_file=str(ca))
    shell = Shell(secure)
    before = connector(shell)
    take(shell, secure)
    assert connector(shell) is before
    ca.write_bytes(ca.read_bytes() + b"\n")  # noqa: ASYNC240
    take(shell, secure)
    assert connector(shell) is not before
    await shell.sender.close()


async def test_a_zone_that_changes_leaves_no_connection_of_the_old_one() -> None:
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(whole(b"a"))
        await peer.gone()
        gone.set()

    async with ScriptedServer(script) as server:
        shell = Shell(a_target(server))
        assert await say(shell) == b"a"
        take(shell, a_target(server, zone="cloud"))
        async with asyncio.timeout(WAIT_S_MAX):
            await gone.wait()
        with pytest.raises(BoundaryBreach):
            await say(shell)


async def test_what_is_under_way_comes_to_its_end_on_the_old_pool() -> None:
    told, end = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
        told.set()
        await end.wait()
        await peer.say(b"cd")
        await peer.gone()

    async with ScriptedServer(script) as server:
        shell = Shell(a_target(server))
        old = connector(shell)
        reply = await shell.sender.send(a_candidate(), a_route(), a_call())
        async with asyncio.timeout(WAIT_S_MAX):
            await told.wait()
        take(shell)
        end.set()
        assert await reply.read(10) == b"abcd"
        assert old._pool == []
        with pytest.raises(BoundaryBreach):
            await say(shell)
        await shell.sender.close()
        assert old._open == set()


async def test_an_old_pool_is_closed_when_what_is_under_way_has_had_its_time() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
        await peer.gone()

    async with ScriptedServer(script) as server:
        shell = Shell(a_target(server, timeouts=Timeouts(total_ms=50)))
        old = connector(shell)
        reply = await shell.sender.send(a_candidate(), a_route(), a_call())
        take(shell)
        with pytest.raises(TransportFailure):
            await reply.read(10)
        async with asyncio.timeout(WAIT_S_MAX):
            await asyncio.gather(*shell.sender._retiring)
        assert old._open == set()
        assert shell.sender._retiring == {}


async def test_a_retired_pool_takes_no_call() -> None:
    async with ScriptedServer(answering(whole())) as server:
        for kind in (ENGINE, CLOUD):
            shell = Shell(a_target(server, kind=kind))
            old = connector(shell)
            take(shell)
            with pytest.raises(TransportFailure, match="stopping"):
                await old.send(a_call(), Timeouts(), server.address)
            await shell.sender.close()
        assert server.peers == []


async def stopped_while_resolving(shell: Shell, change) -> str:
    """Send, and let the change happen while the name is looked up."""
    resolve = shell.guard.resolve

    async def resolving(backend: str) -> tuple[Address, ...]:
        found = await resolve(backend)
        change()
        return found

    shell.guard.resolve = resolving
    with pytest.raises(TransportFailure) as caught:
        await shell.sender.send(a_candidate(), a_route(), a_call())
    assert not caught.value.failure.sent
    return caught.value.failure.detail


async def test_a_backend_that_is_another_by_the_time_of_the_dial_gets_nothing() -> None:
    async with ScriptedServer(answering(whole())) as server:
        changes = (
            take,
            lambda shell: take(shell, a_target(server, zone="cloud")),
            lambda shell: take(shell, a_target(server, secret=Secret("other"))),
            lambda shell: take(shell, a_target(server), pins={"on_prem": ("10.0.0.0/8",)}),
        )
        for change in changes:
            shell = Shell(a_target(server))
            detail = await stopped_while_resolving(shell, lambda: change(shell))  # noqa: B023
            assert detail == "fleet_changed"
            assert shell.breaches.rung == []
            await shell.sender.close()
        assert server.peers == []


async def test_the_same_fleet_read_again_stops_nothing() -> None:
    async with ScriptedServer(answering(whole(b"a"))) as server:
        shell = Shell(a_target(server))
        resolve = shell.guard.resolve

        async def resolving(backend: str) -> tuple[Address, ...]:
            found = await resolve(backend)
            take(shell, a_target(server))
            return found

        shell.guard.resolve = resolving
        assert await say(shell) == b"a"


async def test_what_an_old_name_resolves_to_is_no_breach_of_the_new_one() -> None:
    async with ScriptedServer(answering(whole())) as server:
        shell = Shell(a_target(server))

        async def resolving(_backend: str) -> tuple[Address, ...]:
            take(shell)
            raise BoundaryBreach("stopped", hint="planted")

        shell.guard.resolve = resolving
        with pytest.raises(TransportFailure, match="fleet_changed"):
            await shell.sender.send(a_candidate(), a_route(), a_call())
        assert shell.breaches.rung == []


async def test_a_fleet_that_cannot_be_used_changes_nothing() -> None:
    async with ScriptedServer(answering(whole(b"a"))) as server:
        target = a_target(server)
        shell = Shell(target)
        guard = Guard([target.place], LOOPBACK)
        with pytest.raises(ValueError, match="not where the fleet file says"):
            shell.sender.wire([a_target(server, host="127.0.0.9")], guard)
        missing = a_target(server, scheme="https", ca_file="/nowhere/ca.pem")
        with pytest.raises(OSError):  # noqa: PT011 - whatever the system says
            shell.sender.wire([missing], Guard([missing.place], LOOPBACK))
        assert await say(shell) == b"a"


def test_an_engine_behind_a_proxy_is_dialled_where_both_are_pinned() -> None:
    async def nowhere(_host: str, _port: int) -> list[str]:
        return []

    proxy = Proxy("127.0.0.1", 3128, ("127.0.0.1/32",))
    where = a_place(proxy)
    guard = Guard([where], {"on_prem": ("127.0.0.2/32",)}, nowhere)
    assert guard.dials("vllm", Address("127.0.0.1", 3128))
    assert not guard.dials("vllm", Address("127.0.0.1", 3129))
    assert not guard.dials("vllm", Address("127.0.0.3", 3128))
    assert not guard.dials("other", Address("127.0.0.1", 3128))
    other = Guard([where], {"on_prem": ("127.0.0.9/32",)}, nowhere)
    assert not other.dials("vllm", Address("127.0.0.1", 3128))
    assert guard.misplaced() == []
    assert other.misplaced() == ["vllm"]


def a_place(proxy: Proxy):
    from gateway.transport.guard import Place

    return Place("vllm", "https", "127.0.0.2", 443, "on_prem", proxy=proxy)


async def test_a_backend_that_is_new_or_another_is_not_used_before_it_is_probed() -> None:
    async with ScriptedServer(answering(*[whole()] * 9)) as server:
        one, two = a_target(server, "one"), a_target(server, "two")
        shell = Shell(one, two)
        probes = Probes([one], shell.sender, shell.health, middle)
        await probes.once()
        assert shell.health.resting() == {}
        probes.take([replace(one, tell=lambda *_: None), two])
        assert shell.health.resting() == {"two": "not probed yet"}
        await probes.once()
        assert shell.health.resting() == {}
        shell.health.ill(place("one", "m"), "unfit")
        shell.health.rest("one", "tired")
        probes.take([replace(one, lawful=frozenset({"DE"})), two])
        assert shell.health.resting() == {"one": "not probed yet"}
        probes.take([two])
        assert shell.health.resting() == {}


async def test_a_quarantine_outlives_the_fleet_that_it_was_of() -> None:
    async with ScriptedServer(answering(whole())) as server:
        one = a_target(server, "one")
        shell = Shell(one)
        probes = Probes([one], shell.sender, shell.health, middle)
        shell.health.quarantine("one", "planted")
        probes.take([])
        probes.take([replace(one, models=("other",))])
        assert shell.health.resting()["one"] == "quarantined: planted"


async def test_what_an_old_probe_hears_is_not_said_of_the_new_one() -> None:
    for reply in (whole(), whole(fields=SCRIPTED_FIELD)):
        asked, answer = asyncio.Event(), asyncio.Event()

        async def script(peer: Peer, reply: bytes = reply) -> None:
            await peer.request()
            asked.set()  # noqa: B023
            await answer.wait()  # noqa: B023
            await peer.say(reply)

        async with ScriptedServer(script) as server:
            one = a_target(server, "one")
            shell = Shell(one)
            probes = Probes([one], shell.sender, shell.health, middle)
            probing = asyncio.create_task(probes.once())
            async with asyncio.timeout(WAIT_S_MAX):
                await asked.wait()
            probes.take([replace(one, models=("other",))])
            answer.set()
            await probing
            assert shell.health.resting() == {"one": "not probed yet"}


async def rested(shell: Shell) -> None:
    """Wait until nothing rests."""
    while shell.health.resting():  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(0)


async def test_the_probing_goes_on_with_the_new_ones() -> None:
    async with ScriptedServer(answering(*[whole()] * 999)) as server:
        one, two = a_target(server, "one"), a_target(server, "two")
        shell = Shell(one, two)
        probes = Probes([one], shell.sender, shell.health, middle, interval_ms=5)
        running = asyncio.create_task(probes.run())
        async with asyncio.timeout(WAIT_S_MAX):
            await rested(shell)
            probes.take([two])
            await rested(shell)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
