"""Answers of tools in a history, as real clients of Ollama leave it."""

import pytest

from gateway.dialects.ollama_chat import OLLAMA_CHAT as DIALECT
from gateway.domain.conversation import Text, Turn
from gateway.domain.errors import Malformed
from tests.doubles.ollama_talk import asking


@pytest.mark.parametrize("answer", [{"tool_name": "Write"}, {"tool_call_id": "other"}])
def test_an_answer_to_a_call_that_is_not_there_is_refused(answer):
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "Read"}}]}
    orphan = {"role": "tool", "content": "x", **answer}
    with pytest.raises(Malformed, match="answers no tool call"):
        DIALECT.read(asking(messages=[call, orphan]))


def test_an_answer_that_names_no_call_where_none_is_open_is_the_users_words():
    """litellm sends a history so: the calls are missing, and the answers name nothing."""
    history = [
        {"role": "user", "content": "go", "images": []},
        {"role": "assistant", "content": "", "images": []},
        {"role": "tool", "content": "what it said", "images": []},
    ]
    conversation, losses = DIALECT.read(asking(messages=history))
    assert conversation.turns[-1] == Turn("user", (Text("what it said"),))
    assert losses == ("tool_call",)
