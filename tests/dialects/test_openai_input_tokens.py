"""Counting the tokens of a Responses request."""

import msgspec
import pytest
from openai.types.responses import InputTokenCountResponse

from gateway.dialects.openai_responses import OPENAI_INPUT_TOKENS, OPENAI_RESPONSES
from gateway.domain.conversation import Conversation, Sampling, Text, Turn
from gateway.domain.dialect import Heard
from gateway.domain.errors import Malformed
from gateway.domain.event import Broke, Used
from gateway.domain.money import Tokens
from gateway.domain.request import Operation
from gateway.domain.route import FailureKind
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import golden_json

OFFERING = an_offering("gpt", "cloud", "frontier", wire_model="gpt-6")
ASKED = {"model": "gpt", "input": "hello", "instructions": "be brief"}
DRAWN = {"stream": True, "store": True, "temperature": 0.5, "max_output_tokens": 9, "include": []}
RAW = b'{"object":"response.input_tokens","input_tokens":42}'
ERROR = b'{"error":{"message":"no more","code":503}}'


def test_a_count_is_asked_for_and_never_a_stream() -> None:
    ask = OPENAI_INPUT_TOKENS.peek({**ASKED, **DRAWN})
    assert (ask.model, ask.stream, ask.output_tokens_max) == ("gpt", False, None)
    assert OPENAI_INPUT_TOKENS.operation is Operation.COUNT
    assert OPENAI_INPUT_TOKENS.family != OPENAI_RESPONSES.family


@pytest.mark.parametrize(
    "wrong",
    [{"model": None}, {"input": 1}, {"previous_response_id": "r"}, {"conversation": "c"}],
    ids=str,
)
def test_what_a_reply_may_not_ask_for_a_count_may_not(wrong) -> None:
    with pytest.raises(Malformed):
        OPENAI_INPUT_TOKENS.peek({**ASKED, **wrong})


def test_the_prompt_passes_and_nothing_that_draws_a_reply() -> None:
    body = {**ASKED, **DRAWN, "reasoning": {"effort": "low"}, "client_metadata": {"a": "b"}}
    assert OPENAI_INPUT_TOKENS.rewrite(body, OFFERING, False) == {
        **ASKED,
        "model": "gpt-6",
        "reasoning": {"effort": "low"},
    }
    assert OPENAI_INPUT_TOKENS.sheds(body) == ("client_metadata",)


def test_codex_counts_what_it_would_send() -> None:
    body = golden_json("openai_responses/codex.json")
    passed = OPENAI_INPUT_TOKENS.rewrite(body, OFFERING, False)
    full = OPENAI_RESPONSES.rewrite(body, OFFERING, True)
    assert passed["input"] == full["input"]
    assert passed["tools"] == full["tools"]
    assert not passed.keys() & DRAWN.keys()


def test_a_conversation_is_read_and_written_as_for_a_reply() -> None:
    said, lost = OPENAI_INPUT_TOKENS.read({**ASKED, **DRAWN})
    assert said == Conversation((Text("be brief"),), (Turn("user", (Text("hello"),)),))
    assert lost == ()
    told = Conversation((), said.turns, sampling=Sampling(5, 0.5, top_k=3, stop=("x",)))
    body, lost = OPENAI_INPUT_TOKENS.write(told, OFFERING, False)
    assert body.keys() == {"model", "input"}
    assert lost == ()


def test_an_answer_is_a_number_and_uses_nothing_up() -> None:
    assert OPENAI_INPUT_TOKENS.hear(RAW) == Heard()
    events = OPENAI_INPUT_TOKENS.read_reply(RAW)
    assert events == (Used(Tokens(input_tokens=42)),)
    assert OPENAI_INPUT_TOKENS.write_reply(events, "gpt", "record") == RAW
    InputTokenCountResponse.model_validate_json(RAW, strict=True)


def test_what_comes_from_a_cache_is_counted() -> None:
    used = Used(Tokens(1, 5, cache_read_tokens=2, cache_write_tokens=4))
    said = msgspec.json.decode(OPENAI_INPUT_TOKENS.write_reply((used,), "gpt", "record"))
    assert said["input_tokens"] == 7
    nothing = msgspec.json.decode(OPENAI_INPUT_TOKENS.write_reply((), "gpt", "record"))
    assert nothing["input_tokens"] == 0


@pytest.mark.parametrize("both", [OPENAI_INPUT_TOKENS.hear, OPENAI_INPUT_TOKENS.read_reply])
@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", b'{"input_tokens":-1}'])
def test_what_is_no_count_is_not_read(both, raw) -> None:
    with pytest.raises(ValueError, match="no count"):
        both(raw)


def test_an_error_in_place_of_a_count_is_one() -> None:
    assert OPENAI_INPUT_TOKENS.hear(ERROR).broke == (FailureKind.OVERLOADED, "no more")
    assert OPENAI_INPUT_TOKENS.read_reply(ERROR) == (Broke("overloaded", "no more"),)
