"""What vLLM says is what the client gets, byte for byte; what the client asks is what vLLM gets."""

from typing import Any

import msgspec
import pytest

from tests.doubles.running_gateway import RunningGateway
from tests.live.engine import SERVED_MODEL
from tests.live.overheard import Overheard
from tests.live.questions import CHAT, MESSAGES, OTHERS, Question

SALT_CHARS = 64
CHAT_PATH = "/v1/chat/completions"
SURFACES = (CHAT_PATH, "/v1/messages", "/v1/responses")
QUESTIONS = {
    name: question
    for name, question in (CHAT | MESSAGES | OTHERS).items()
    if question.path in SURFACES and isinstance(question.body, dict)
}


def asked(question: Question) -> dict[str, Any]:
    assert isinstance(question.body, dict)
    return question.body


def without_usage(stream: bytes) -> bytes:
    """Return the stream without its usage event, which nobody asked for."""
    events = stream.split(b"\n\n")
    return b"\n\n".join(event for event in events if b'"choices":[]' not in event)


@pytest.mark.parametrize("name", QUESTIONS)
def test_client_and_engine_hear_each_other_unchanged(
    gateway: RunningGateway, post: Overheard, name: str
) -> None:
    question = QUESTIONS[name]
    is_chat_stream = question.path == CHAT_PATH and asked(question).get("stream", False)
    reply = gateway.post(question.path, asked(question) | {"model": "tiny-overheard"})
    assert reply.status_code == 200, reply.text
    heard = post.exchanges[-1]

    said = bytes(heard.answered)
    is_usage_hidden = is_chat_stream and "stream_options" not in asked(question)
    assert reply.content == (without_usage(said) if is_usage_hidden else said)
    assert (without_usage(said) != said) == is_chat_stream

    told = msgspec.json.decode(heard.asked)
    if is_chat_stream:
        assert told.pop("stream_options") == {"include_usage": True}
    assert len(told.pop("cache_salt")) == SALT_CHARS
    expected = {key: value for key, value in asked(question).items() if key != "stream_options"}
    assert (heard.path, told) == (question.path, expected | {"model": SERVED_MODEL})
    assert list(told) == list(expected)
