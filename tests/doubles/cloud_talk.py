"""What the tests of cloud say to the other side."""

import asyncio

import pytest

from gateway.domain.route import Failure
from gateway.transport.call import HttpCall, Timeouts
from gateway.transport.cloud import CloudConnector
from gateway.transport.failure import TransportFailure
from gateway.transport.guard import Place
from tests.doubles.scripted_server import ScriptedServer

HEAD = b"HTTP/1.1 200 OK\r\n"


LIMIT = 1 << 20


NAME = "api.cloud.test"


STEP = b"y" * 65_536


BIG = b"x" * 40_000_000


def a_call(body: bytes = b'{"a":1}', method: str = "POST", **fields: str) -> HttpCall:
    headers = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return HttpCall("cloud", method, "/v1/messages", headers, body)


def within(**over: int) -> Timeouts:
    limits = {"connect_ms": 5_000, "first_byte_ms": 5_000, "idle_ms": 5_000, "total_ms": 20_000}
    return Timeouts(**(limits | over))


class Cloud:
    """A connector to a scripted server by name; closes itself."""

    def __init__(self, server: ScriptedServer, server_name: str = "", **over) -> None:
        scheme = "http" if over.get("tls") is None else "https"
        place = Place("cloud", scheme, NAME, server.address.port, "cloud", server_name)
        self.connector = CloudConnector(place, **over)
        self.address = server.address

    async def __aenter__(self) -> "Cloud":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.connector.close()

    async def ask(self, call: HttpCall | None = None, timeouts: Timeouts | None = None):
        return await self.connector.send(call or a_call(), timeouts or within(), self.address)

    async def fails(
        self, call: HttpCall | None = None, timeouts: Timeouts | None = None
    ) -> Failure:
        with pytest.raises(TransportFailure) as caught:
            await (await self.ask(call, timeouts)).read(LIMIT)
        return caught.value.failure


async def until_gone(server: ScriptedServer) -> None:
    async with asyncio.timeout(10):
        await server.finished()
