"""Of several replies that are asked for at once, each is known again when it comes back."""

import msgspec
import pytest

from gateway.dialects.gemini import GEMINI
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.domain.event import TextDelta
from tests.doubles.houses import Stage, an_envelope, chat
from tests.doubles.scripted_sender import ScriptedReply
from tests.flow.test_conversation import RESTRICTED, SSE, labelled, model, saying, user

pytestmark = pytest.mark.anyio

TEXTS = tuple(f"The {word} answer, of words enough to be known anywhere. " * 2 for word in "abc")


def whole() -> bytes:
    choices = [
        {"index": at, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for at, text in enumerate(TEXTS)
    ]
    return msgspec.json.encode({"id": "c", "object": "chat.completion", "choices": choices})


def streamed() -> bytes:
    said = [
        {"id": "c", "choices": [{"index": at, "delta": {"content": piece}}]}
        for at, text in enumerate(TEXTS)
        for piece in (text[:20], text[20:])
    ]
    ends = [
        {"id": "c", "choices": [{"index": at, "delta": {}, "finish_reason": "stop"}]}
        for at in range(len(TEXTS))
    ]
    lines = [b"data: " + msgspec.json.encode(one) + b"\n\n" for one in (*said, *ends)]
    return b"".join(lines) + b"data: [DONE]\n\n"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("at", range(len(TEXTS)))
async def test_whichever_the_client_takes_brings_its_label_back(stream, at) -> None:
    answer = ScriptedReply(streamed(), content_type=SSE) if stream else ScriptedReply(whole())
    stage = Stage(vllm=[answer])
    body = chat(stream=stream, n=len(TEXTS))
    status, _, _ = await stage.ask(an_envelope(body, claims=RESTRICTED))
    assert status == 200
    assert stage.ledger.decided[0].ask.replies == len(TEXTS)
    asked = saying(user("hello"), model(TEXTS[at]), user("and?"))
    assert await labelled(stage, an_envelope(asked)) == "restricted"


async def test_a_request_for_one_reply_says_nothing_of_their_number() -> None:
    for body in (chat(), chat(n=1)):
        assert b"replies" not in msgspec.json.encode(OPENAI_CHAT.peek(body))
    said = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert b"replies" not in msgspec.json.encode(GEMINI.peek(said))
    several = GEMINI.peek({**said, "generationConfig": {"candidateCount": 2}})
    assert several.replies == 2
    assert OPENAI_COMPLETIONS.peek({"model": "m", "prompt": "p", "n": 2}).replies == 2


def test_each_dialect_that_draws_several_reads_each_of_them() -> None:
    choices = [{"index": at, "text": text} for at, text in enumerate("ab")]
    candidates = [
        {"index": at, "content": {"parts": [{"text": text}]}} for at, text in enumerate("ab")
    ]
    for dialect, said in (
        (OPENAI_COMPLETIONS, {"id": "c", "choices": choices}),
        (GEMINI, {"candidates": candidates}),
    ):
        body = msgspec.json.encode(said)
        assert dialect.reader_at is not None
        assert dialect.read_reply_at is not None
        for place, text in enumerate("ab"):
            events = dialect.read_reply_at(body, place)
            assert [one.text for one in events if isinstance(one, TextDelta)] == [text]
            events = dialect.reader_at(place).feed(b"data: " + body + b"\n\n")
            assert [one.text for one in events if isinstance(one, TextDelta)] == [text]


def test_a_dialect_that_draws_several_says_how_to_read_them() -> None:
    from gateway.dialects import DIALECTS

    for dialect in DIALECTS.values():
        assert (dialect.reader_at is None) == (dialect.read_reply_at is None)
