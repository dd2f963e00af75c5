"""The last look right before a dial: what was stopped meanwhile is not sent."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from gateway.transport import send as send_module
from gateway.transport.call import Address
from gateway.transport.failure import TransportFailure
from gateway.transport.http1 import CONNECTIONS_MAX
from gateway.transport.wires import Wires
from tests.doubles.scripted_server import ScriptedServer, answering, whole
from tests.doubles.transport_parts import Shell, a_call, a_candidate, a_route, a_target

pytestmark = pytest.mark.anyio


async def test_a_zone_that_is_closed_while_a_name_is_resolved_gets_nothing() -> None:
    async with ScriptedServer(answering(whole(), whole())) as server:
        shell = Shell(a_target(server))
        closed: set[str] = set()
        resolve = shell.guard.resolve

        async def resolving(backend: str) -> tuple[Address, ...]:
            found = await resolve(backend)
            closed.add("on_prem")
            return found

        shell.sender.closed = lambda: closed
        shell.guard.resolve = resolving
        with pytest.raises(TransportFailure) as stopped:
            await shell.sender.send(a_candidate(), a_route(), a_call())
        failure = stopped.value.failure
        assert (failure.detail, failure.sent) == ("zone_closed", False)
        assert server.peers == []
        assert (await shell.sender.probe("vllm", "/health")).status == 200


async def test_a_backend_that_comes_into_quarantine_while_a_name_is_resolved_gets_nothing() -> None:
    async with ScriptedServer(answering(whole())) as server:
        shell = Shell(a_target(server))
        resolve = shell.guard.resolve

        async def resolving(backend: str) -> tuple[Address, ...]:
            found = await resolve(backend)
            shell.health.quarantine(backend, "its profile grew a region")
            return found

        shell.guard.resolve = resolving
        assert await stopped_at(shell, lambda: "") == "quarantined"
        assert server.peers == []


class Answers:
    """Says nothing so many times, and then why."""

    def __init__(self, times: int) -> None:
        self.left, self.asked = times, 0

    def __call__(self) -> str:
        self.asked += 1
        self.left -= 1
        return "" if self.left >= 0 else "policy_changed"


async def stopped_at(shell: Shell, stopped: Callable[[], str]) -> str:
    with pytest.raises(TransportFailure) as caught:
        await shell.sender.send(a_candidate(), a_route(), replace(a_call(), stopped=stopped))
    assert not caught.value.failure.sent
    return caught.value.failure.detail


async def test_what_is_stopped_while_a_name_is_resolved_is_not_dialled() -> None:
    async with ScriptedServer(answering(whole(), whole())) as server:
        shell = Shell(a_target(server))
        changed: list[str] = []
        resolve = shell.guard.resolve

        async def resolving(backend: str) -> tuple[Address, ...]:
            found = await resolve(backend)
            changed.append("grant_over")
            return found

        shell.guard.resolve = resolving
        assert await stopped_at(shell, lambda: "".join(changed)) == "grant_over"
        assert server.peers == []
        assert (await shell.sender.probe("vllm", "/health")).status == 200


async def test_it_is_asked_before_each_address_again() -> None:
    async def several(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    async with ScriptedServer(answering(whole())) as server:
        shell = Shell(a_target(server, host="engine.test"), lookup=several)
        answers = Answers(1)
        assert await stopped_at(shell, answers) == "policy_changed"
        assert answers.asked == 2
        assert server.peers == []


async def test_what_is_stopped_while_a_connection_is_made_sends_nothing_on_it() -> None:
    async with ScriptedServer(answering(whole(b"a"), whole(b"b"))) as server:
        shell = Shell(a_target(server))
        assert await stopped_at(shell, Answers(1)) == "policy_changed"
        assert [peer.requests for peer in server.peers] in ([], [[]])
        reply = await shell.sender.send(a_candidate(), a_route(), a_call())
        assert reply.status == 200
        assert shell.sender._wires.connectors["vllm"]._permits._value == CONNECTIONS_MAX - 1


async def test_what_is_stopped_while_a_credential_is_fetched_is_not_dialled(monkeypatch) -> None:
    async with ScriptedServer(answering(whole())) as server:
        shell = Shell(a_target(server))
        changed: list[str] = []
        accessed = send_module._accessed

        async def fetching(wires: Wires, backend: str):
            changed.append("zone_closed")
            return await accessed(wires, backend)

        monkeypatch.setattr(send_module, "_accessed", fetching)
        assert await stopped_at(shell, lambda: "".join(changed)) == "zone_closed"
        assert server.peers == []
