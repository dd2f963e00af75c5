"""An engine that repeats its credential in an error tells it to nobody."""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import ClassVar
from urllib.parse import quote

import msgspec
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


ODD = "ABSK/Qmv+cm9j=a0FQ_SUtl-eS1leGFtcGxl"


def in_other_forms(secret: str) -> dict[str, str]:
    """Return the secret as encoders write it, each by itself and none of ours."""
    every = "".join(f"\\u{ord(one):04x}" for one in secret)
    return {
        "JSON": msgspec.json.encode(secret).decode()[1:-1],
        "JSON of PHP": secret.replace("/", "\\/"),
        "JSON of Go": secret.replace("=", "\\u003d").replace("+", "\\u002b")
        .replace("/", "\\u002f").replace("_", "\\u005f").replace("-", "\\u002d"),
        "JSON escaped whole": every,
        "JSON with large digits": re.sub(r"[0-9a-f]{4}", lambda one: one[0].upper(), every),
        "URL": quote(secret, safe=""),
        "URL with small digits": re.sub("%..", lambda one: one[0].lower(), quote(secret, safe="")),
        "hex": secret.encode().hex(),
        "HEX": secret.encode().hex().upper(),
        **{
            f"base64 after {before}": b64encode(b"x" * before + secret.encode() + b"yz").decode()
            for before in range(3)
        },
        "base64 of a header": b64encode(f"Authorization: Bearer {secret}\r\n".encode()).decode(),
        "base64 for URLs": urlsafe_b64encode(b"\xff\xfe" + secret.encode()).decode(),
    }  # fmt: skip


@pytest.mark.parametrize("form", in_other_forms(ODD))
@pytest.mark.parametrize("step", [1, 7, 1_000])
async def test_what_encoders_made_of_it_is_cut_out_as_well(form: str, step: int) -> None:
    encoded = in_other_forms(ODD)[form]
    told = f'data: {{"a": "{encoded}"}}\n\ndata: [DONE]\n\n'
    sent = (("x-api-key", ODD),)
    heard = [part async for part in unrepeated(Answered(200, told.encode(), step), sent).chunks()]
    text = b"".join(heard).decode()
    assert text.startswith('data: {"a": "')
    assert text.endswith('"}\n\ndata: [DONE]\n\n')
    left = text.removeprefix('data: {"a": "').removesuffix('"}\n\ndata: [DONE]\n\n')
    assert "***" in left
    if "base64" not in form:
        assert left == "***"
    # What is around it in base64 stays, with a character at each end that holds bits of both.
    assert not [piece for piece in pieces(ODD) if piece in left]


def pieces(secret: str) -> set[str]:
    """Return every four characters of base64 that hold nothing but three bytes of the secret."""
    raw = secret.encode()
    return {b64encode(raw[at : at + 3]).decode() for at in range(len(raw) - 2)}


async def test_short_words_in_base64_stay() -> None:
    """Eight characters are a secret in an error; four of base64 are nothing."""
    core = b64encode(b"12345678").decode()[:6]
    told = f"{core} and {core}".encode()
    reply = unrepeated(Answered(400, told), (("x-api-key", "12345678"),))
    assert await reply.read(100) == told


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
