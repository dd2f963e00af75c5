"""An engine that repeats its credential in an error tells it to nobody."""

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

from gateway.transport.unrepeated import unrepeated

pytestmark = pytest.mark.anyio
SECRET = "sk-0123456789"
ISSUED = "sk-proj-sk-proj-0123456789abcdef"
SHOWN = (("authorization", f"Bearer {ISSUED}"),)
SENT = (("content-type", "application/json"), ("authorization", f"Bearer {SECRET}"))


class Answered:
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, status: int, body: bytes, step: int = 1_000) -> None:
        self.step = step
        self.status = status
        self.body = body
        self.abandoned = False

    async def read(self, bytes_max: int) -> bytes:
        return self.body[:bytes_max]

    async def chunks(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self.body), self.step):
            yield self.body[at : at + self.step]

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


@pytest.mark.parametrize("step", [*range(1, 40), 1_000])
async def test_a_stream_that_repeats_it_tells_it_to_nobody_however_it_is_cut(step: int) -> None:
    told = (
        f'data: {{"a": "sk-proj-"}}\n\ndata: {{"error": "{ISSUED}{ISSUED}"}}\n\nsk-proj-'.encode()
    )
    answered = Answered(200, told, step)
    reply = unrepeated(answered, SHOWN)
    heard = [part async for part in reply.chunks()]
    assert b"".join(heard) == told.replace(ISSUED.encode(), b"***")
    assert b"" not in heard
    assert answered.abandoned


async def test_an_error_in_a_whole_reply_of_success_tells_it_to_nobody() -> None:
    reply = unrepeated(Answered(200, f'{{"error": "{ISSUED}"}}'.encode()), SHOWN)
    assert await reply.read(1_000) == b'{"error": "***"}'


async def test_an_event_leaves_at_once_and_who_leaves_early_closes_the_connection() -> None:
    events = [b'data: {"s": "sk-proj"}\n\n', b"data: [DONE]\n\n"]
    answered = Answered(200, b"".join(events), len(events[0]))
    parts = unrepeated(answered, SHOWN).chunks()
    assert await anext(parts) == events[0]
    await parts.aclose()
    assert answered.abandoned


async def test_what_a_model_says_keeps_words_that_somebody_made_a_key_of() -> None:
    whole = Answered(200, b"use local-model here")
    assert unrepeated(whole, (("authorization", "Bearer local-model"),)) is whole
