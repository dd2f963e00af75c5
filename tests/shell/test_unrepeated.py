"""An engine that repeats its credential in an error tells it to nobody."""

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

from gateway.transport.unrepeated import unrepeated

pytestmark = pytest.mark.anyio
SECRET = "sk-0123456789"
SENT = (("content-type", "application/json"), ("authorization", f"Bearer {SECRET}"))


class Answered:
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body
        self.abandoned = False

    async def read(self, bytes_max: int) -> bytes:
        return self.body[:bytes_max]

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body

    def abandon(self) -> None:
        self.abandoned = True


async def test_a_credential_is_cut_out_of_an_error() -> None:
    said = f'{{"error": "{SECRET} and {SECRET} are no keys"}}'.encode()
    for status in (400, 401, 500, 599):
        reply = unrepeated(Answered(status, said), SENT)
        assert reply.status == status
        assert await reply.read(1_000) == b'{"error": "*** and *** are no keys"}'


@pytest.mark.parametrize("name", ["x-api-key", "api-key", "x-goog-api-key"])
async def test_wherever_it_is_shown(name: str) -> None:
    reply = unrepeated(Answered(401, SECRET.encode()), ((name, SECRET),))
    assert await reply.read(100) == b"***"


async def test_other_words_and_other_replies_stay_as_they_are() -> None:
    whole = Answered(200, SECRET.encode())
    assert unrepeated(whole, SENT) is whole
    plain = Answered(400, b"application/json is not enough")
    assert unrepeated(plain, (("content-type", "application/json"),)) is plain
    short = Answered(400, b"a key")
    assert unrepeated(short, (("authorization", "key"),)) is short
    told = Answered(400, b"no")
    reply = unrepeated(told, SENT)
    assert [part async for part in reply.chunks()] == [b"no"]
    reply.abandon()
    assert told.abandoned
