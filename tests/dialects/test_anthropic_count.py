"""Counting: the same prompt as a request for a reply, and a number for an answer."""

import msgspec
import pytest
from anthropic.types import MessageTokensCount

from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT as DIALECT
from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.domain.conversation import Conversation, Sampling, Text, Turn
from gateway.domain.errors import CannotExpress, Malformed, Unreachable
from gateway.domain.event import Broke, Used
from gateway.domain.money import Tokens
from gateway.domain.request import Operation
from tests.doubles.fleets import an_offering

OFFERING = an_offering("opus", "cloud", "frontier", wire_model="claude-opus-5-5")
TOOL = {"name": "Read", "input_schema": {"type": "object"}}
SEARCH = {"type": "web_search_20260209", "name": "web_search"}


def asking(**fields):
    return {"model": "code", "messages": [{"role": "user", "content": "hello"}], **fields}


def test_a_count_needs_no_length_of_a_reply_and_is_no_stream():
    ask = DIALECT.peek(asking(tools=[TOOL], stream=True))
    assert DIALECT.operation is Operation.COUNT
    assert (ask.model, ask.stream, ask.needs) == ("code", False, {"tools"})
    with pytest.raises(Malformed, match="max_tokens"):
        ANTHROPIC_MESSAGES.peek(asking())


def test_what_draws_a_reply_is_left_out_and_all_of_the_prompt_stays():
    body = asking(system="s", tools=[TOOL], thinking={"type": "adaptive"}, zeta=1)
    drawing = {"max_tokens": 5, "temperature": 1, "stream": False, "stop_sequences": ["x"]}
    passed = DIALECT.rewrite({**body, **drawing}, OFFERING, False)
    assert passed == {**body, "model": "claude-opus-5-5"}


def test_a_conversation_is_counted_as_it_would_be_sent():
    turns = (Turn("user", (Text("hello"),)),)
    conversation = Conversation((Text("be brief"),), turns, sampling=Sampling(temperature=0.1))
    body, losses = DIALECT.write(conversation, OFFERING, False)
    sent, _ = ANTHROPIC_MESSAGES.write(conversation, OFFERING, False)
    assert losses == ()
    assert body == {name: sent[name] for name in ("model", "messages", "system")}
    assert DIALECT.read(body)[0].turns == turns


def test_a_number_comes_back_and_uses_nothing_up():
    raw = b'{"input_tokens": 12, "context_management": {"original_input_tokens": 12}}'
    assert DIALECT.hear(raw).usage is None
    (used,) = DIALECT.read_reply(raw)
    assert used == Used(Tokens(input_tokens=12))


def test_what_a_cache_holds_is_counted_with_the_prompt():
    events = (Used(Tokens(1)), Used(Tokens(10, 0, cache_read_tokens=3, cache_write_tokens=4)))
    raw = DIALECT.write_reply(events, "code", "id")
    assert MessageTokensCount.model_validate_json(raw).input_tokens == 17
    assert msgspec.json.decode(DIALECT.write_reply((), "code", "id")) == {"input_tokens": 0}


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"{}", b'{"input_tokens": -1}', b'{"input_tokens": "1"}']
)
def test_an_answer_that_is_no_count_is_unreadable(raw):
    with pytest.raises(ValueError, match="dialect"):
        DIALECT.hear(raw)
    with pytest.raises(ValueError, match="dialect"):
        DIALECT.read_reply(raw)


def test_an_error_in_place_of_a_count_is_heard():
    raw = b'{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}'
    assert DIALECT.hear(raw).broke is not None
    assert isinstance(DIALECT.read_reply(raw)[0], Broke)


def test_a_count_is_never_a_stream():
    for part in (DIALECT.reader, DIALECT.tap, DIALECT.writer):
        with pytest.raises(Unreachable):
            part()


def test_a_count_reaches_no_further_than_a_request():
    with pytest.raises(CannotExpress):
        DIALECT.peek(asking(tools=[SEARCH]))
    letting = DIALECT.letting(frozenset({"tools.web_search"}))
    assert letting.peek(asking(tools=[SEARCH])).reaches == {"tools.web_search"}
