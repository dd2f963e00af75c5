"""What the tests of http1_life say to the other side."""

import asyncio

import pytest

from gateway.domain.route import Failure
from gateway.transport.call import Address, HttpCall, Timeouts
from gateway.transport.failure import TransportFailure
from gateway.transport.http1 import Http1Connector
from tests.doubles.scripted_server import Peer, ScriptedServer

HEAD = b"HTTP/1.1 200 OK\r\n"


LIMIT = 1 << 20


BIG = b"x" * 40_000_000


STEP = b"y" * 65_536


NEVER = 3_600_000


def a_call(body: bytes = b"{}") -> HttpCall:
    return HttpCall("engine", "POST", "/v1/messages", (), body)


def within(**over: int) -> Timeouts:
    limits = {"connect_ms": 5_000, "first_byte_ms": 5_000, "idle_ms": 5_000, "total_ms": 20_000}
    return Timeouts(**(limits | over))


async def fails(
    connector: Http1Connector,
    address: Address,
    timeouts: Timeouts | None = None,
    body: bytes = b"{}",
) -> Failure:
    call = a_call(body)
    with pytest.raises(TransportFailure) as caught:
        await (await connector.send(call, timeouts or within(), address)).read(LIMIT)
    return caught.value.failure


async def works(connector: Http1Connector, address: Address) -> None:
    reply = await connector.send(a_call(), within(), address)
    await reply.read(LIMIT)


async def settled(peer_count: list[int]) -> int:
    """Return the count when it has stopped growing."""
    last = -1
    while peer_count[0] != last:
        last = peer_count[0]
        await asyncio.sleep(0.1)
    return last


async def until_gone(server: ScriptedServer) -> None:
    async with asyncio.timeout(10):
        await server.finished()


async def until_all_closed(connector: Http1Connector) -> None:
    async with asyncio.timeout(10):
        while connector._open:  # noqa: ASYNC110 — nobody but the connector itself knows
            await asyncio.sleep(0.01)


async def hang(peer: Peer) -> None:
    await peer.request()
    await peer.gone()
