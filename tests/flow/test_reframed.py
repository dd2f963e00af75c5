"""A stream whose engine or client frames it in a way of its own."""

import pytest
from msgspec.structs import replace

from gateway.classification.turns import Turns, Words
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.flow.channel import Wanted, channel
from gateway.flow.hearing import Hearing

CONTENT = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
END = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)


class Shifted:
    """A framing in which every byte is one more, or one less."""

    def __init__(self, by: int) -> None:
        self._by = by

    def feed(self, chunk: bytes) -> bytes:
        return bytes((byte + self._by) % 256 for byte in chunk)


UP, DOWN = (lambda: Shifted(1)), (lambda: Shifted(-1))
FRAMED = replace(OPENAI_CHAT, name="framed", kin="openai_chat", unframe=DOWN, frame=UP)


@pytest.mark.parametrize("client", [OPENAI_CHAT, FRAMED])
@pytest.mark.parametrize("engine", [OPENAI_CHAT, FRAMED])
def test_between_kin_a_stream_passes_verbatim_in_each_ones_framing(client, engine) -> None:
    heard = channel(client, engine, Wanted("m", "r", usage=True))
    sent = Shifted(1).feed(CONTENT + END) if engine is FRAMED else CONTENT + END
    out = b"".join(heard.feed(sent[at : at + 1]) for at in range(len(sent))) + heard.close()
    assert (Shifted(-1).feed(out) if client is FRAMED else out) == CONTENT + END
    assert (heard.content_seen, heard.finished, heard.stop) == (True, True, "end")
    assert heard.broke is None
    assert heard.usage is None


def test_a_translation_is_framed_for_the_client_with_its_end() -> None:
    other = replace(OPENAI_CHAT, name="other")
    framed = replace(FRAMED, kin="")
    heard = channel(framed, other, Wanted("m", "r", usage=False))
    out = Shifted(-1).feed(heard.feed(CONTENT + END) + heard.close())
    assert b'"content":"hi"' in out
    assert out.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("client", [OPENAI_CHAT, FRAMED, replace(FRAMED, kin="")])
@pytest.mark.parametrize("engine", [OPENAI_CHAT, FRAMED])
def test_a_reply_is_heard_in_every_framing(client, engine) -> None:
    hearing = Hearing(Turns())
    heard = channel(client, engine, Wanted("m", "r", usage=True, hearing=hearing))
    sent = Shifted(1).feed(CONTENT + END) if engine is FRAMED else CONTENT + END
    for at in range(len(sent)):
        heard.feed(sent[at : at + 1])
    assert hearing.hashes() == (Words("hi").hash(b""),)
