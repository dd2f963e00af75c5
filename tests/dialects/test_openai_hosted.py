"""A conversation as it is said to a host that refuses what OpenAI does not document."""

from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import TypeAdapter

from gateway.backends import BACKENDS
from gateway.dialects.openai_chat import OPENAI_CHAT, OPENAI_HOSTED
from gateway.domain.conversation import Conversation, Sampling, Text, Thinking, ToolCall, Turn
from tests.doubles.fleets import an_offering

ACCEPTED: TypeAdapter[Any] = TypeAdapter(CompletionCreateParams)
THOUGHT = Turn("assistant", (Thinking("S-thought"), Text("S-text")))
ALONE = Turn("assistant", (Thinking("S-alone", "S-signature"),))
CALLED = Turn("assistant", (Thinking("S-then"), ToolCall("a", "f", {})))
FREE = Sampling()
ASKED = Turn("user", (Text("go"),))


def said(
    *turns: Turn, model: str = "llama-4", sampling: Sampling = FREE
) -> tuple[dict[str, Any], tuple[str, ...]]:
    offering = an_offering(model, "host", "cloud", wire_model=model)
    conversation = Conversation((), turns or (ASKED,), sampling=sampling)
    body, losses = OPENAI_HOSTED.write(conversation, offering, False)
    ACCEPTED.validate_python(body)
    return body, losses


def test_reasoning_of_earlier_turns_is_a_loss_and_not_an_error() -> None:
    body, losses = said(ASKED, THOUGHT, ALONE, CALLED)
    assert losses == ("thinking_signature", "thinking")
    assert "S-thought" not in str(body)
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["user", "assistant", "assistant"]
    assert body["messages"][1] == {"role": "assistant", "content": "S-text"}


def test_what_openai_does_not_document_is_a_loss() -> None:
    body, losses = said(sampling=Sampling(top_k=3, stop=tuple("abcde")))
    assert "top_k" not in body
    assert body["stop"] == ["a", "b", "c", "d"]
    assert losses == ("top_k", "stop")
    assert said(sampling=Sampling(stop=tuple("abcd"))) == said(
        sampling=Sampling(stop=tuple("abcd"))
    )


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-5.1", "max_completion_tokens"),
        ("o4-mini", "max_completion_tokens"),
        ("openai/gpt-6", "max_completion_tokens"),
        ("gpt-4o", "max_tokens"),
        ("mistral-large", "max_tokens"),
    ],
)
def test_the_limit_of_a_reply_has_the_name_that_the_model_knows(model: str, name: str) -> None:
    assert said(model=model, sampling=Sampling(7))[0][name] == 7
    assert not said(model=model)[0].keys() & {"max_tokens", "max_completion_tokens"}


def test_it_is_the_same_dialect_for_everything_else() -> None:
    assert OPENAI_HOSTED.family == OPENAI_CHAT.family
    assert OPENAI_HOSTED.read is OPENAI_CHAT.read
    assert BACKENDS["openai"].ways[0].dialect is OPENAI_HOSTED
