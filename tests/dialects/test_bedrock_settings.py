"""Thinking, sampling and structured output for Bedrock's families of models."""

import msgspec
import pytest

from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE as DIALECT
from gateway.domain.conversation import (
    Conversation,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from tests.doubles.bedrock_vendor import params_of
from tests.doubles.fleets import an_offering

HELLO = (Turn("user", (Text("hi"),)),)
TOOL = ToolSpec("f", "", {})
PROFILE = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123"


def written(wire_model, *, model="m", capabilities=frozenset(), turns=HELLO, **fields):
    offering = an_offering(model, "aws", "eu", wire_model=wire_model, capabilities=capabilities)
    body, losses = DIALECT.write(Conversation((), turns, **fields), offering, True)
    params_of(body, wire_model, "ConverseStream")
    return body, losses


@pytest.mark.parametrize(
    ("wire_model", "field", "losses"),
    [
        ("eu.anthropic.claude-opus-5-5", {"type": "adaptive"}, ()),
        ("us.anthropic.claude-opus-4-6-v1", {"type": "adaptive"}, ()),
        ("anthropic.claude-opus-5", {"type": "adaptive"}, ()),
        (
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            {"type": "enabled", "budget_tokens": 4096},
            ("max_tokens_injected",),
        ),
        (
            "anthropic.claude-sonnet-4-20250514-v1:0",
            {"type": "enabled", "budget_tokens": 4096},
            ("max_tokens_injected",),
        ),
        (
            "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
            {"type": "enabled", "budget_tokens": 4096},
            ("max_tokens_injected",),
        ),
        ("anthropic.claude-3-haiku-20240307-v1:0", None, ("thinking",)),
        ("anthropic.claude-v2", None, ("thinking",)),
        ("openai.gpt-oss-120b-1:0", None, ("thinking",)),
        (PROFILE, None, ("thinking",)),
    ],
)
def test_each_family_is_told_to_think_in_its_own_words(wire_model, field, losses):
    body, found = written(wire_model, thinking="high")
    extra = body.get("additionalModelRequestFields", {})
    assert extra.get("thinking") == field
    assert found == losses
    adaptive = field == {"type": "adaptive"}
    assert body.get("outputConfig") == ({"effort": "high"} if adaptive else None)
    assert body.get("inferenceConfig") == (
        {"maxTokens": 8192} if "max_tokens_injected" in losses else None
    )


def test_an_arn_that_hides_its_model_is_known_by_the_catalogues_name():
    body, losses = written(PROFILE, model="claude-opus-5-5", thinking="low")
    assert body["additionalModelRequestFields"]["thinking"] == {"type": "adaptive"}
    assert losses == ()


@pytest.mark.parametrize(
    ("wire_model", "field", "losses"),
    [
        ("anthropic.claude-opus-5-5", {"thinking": {"type": "disabled"}}, ()),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", {"thinking": {"type": "disabled"}}, ()),
        ("anthropic.claude-3-haiku-20240307-v1:0", None, ()),
        ("deepseek.v3.2", None, ("thinking",)),
    ],
)
def test_thinking_is_switched_off_where_it_can_be(wire_model, field, losses):
    body, found = written(wire_model, thinking="off", tools=(TOOL,), tool_choice=ToolChoice("any"))
    assert body.get("additionalModelRequestFields") == field
    assert [loss for loss in found if loss != "tool_choice"] == list(losses)


def test_a_forced_tool_wins_over_thinking():
    body, losses = written(
        "anthropic.claude-opus-5-5",
        thinking="high",
        tools=(TOOL,),
        tool_choice=ToolChoice("any"),
        sampling=Sampling(temperature=0.5),
    )
    assert "additionalModelRequestFields" not in body
    assert body["inferenceConfig"] == {"temperature": 0.5}
    assert losses == ("thinking",)


OLD = "anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.mark.parametrize(("limit", "budget"), [(1025, 1024), (4000, 2000), (64_000, 16_384)])
def test_a_budget_stays_below_the_limit(limit, budget):
    sampling = Sampling(output_tokens_max=limit)
    body, losses = written(OLD, thinking="medium", sampling=sampling)
    assert body["additionalModelRequestFields"]["thinking"]["budget_tokens"] == budget
    assert body["inferenceConfig"] == {"maxTokens": limit}
    assert losses == ()


def test_a_short_reply_has_no_room_to_think():
    body, losses = written(OLD, thinking="low", sampling=Sampling(output_tokens_max=1024))
    assert (losses, body["inferenceConfig"]) == (("thinking",), {"maxTokens": 1024})


@pytest.mark.parametrize(
    ("parts", "thinks"),
    [
        ((ToolCall("a", "f", {}),), False),
        ((Thinking("why", "c2ln"), ToolCall("a", "f", {})), True),
        ((Text("no call"),), True),
    ],
)
def test_a_call_without_its_reasoning_is_answered_without_thinking(parts, thinks):
    answer = ToolResult("a", (Text("x"),)) if len(parts) > 1 or not thinks else Text("x")
    turns = (*HELLO, Turn("assistant", parts), Turn("user", (answer,)))
    body, losses = written(OLD, thinking="low", turns=turns, tools=(TOOL,))
    assert ("additionalModelRequestFields" in body) is thinks
    assert ("thinking" in losses) is not thinks


def test_sampling_is_said_and_the_rest_is_lost_by_name():
    sampling = Sampling(
        output_tokens_max=9,
        temperature=1.7,
        top_p=0.9,
        top_k=3,
        seed=7,
        frequency_penalty=0.5,
        presence_penalty=0.5,
        stop=("S-stop", ""),
    )
    body, losses = written("qwen.qwen3-coder-next", sampling=sampling)
    assert body["inferenceConfig"] == {
        "maxTokens": 9,
        "temperature": 1.0,
        "topP": 0.9,
        "stopSequences": ["S-stop"],
    }
    assert losses == ("seed", "frequency_penalty", "presence_penalty", "temperature", "top_k")


def test_what_claude_refuses_together_with_thinking_is_lost():
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=3)
    body, losses = written("anthropic.claude-opus-5-5", thinking="low", sampling=sampling)
    assert "inferenceConfig" not in body
    assert losses == ("temperature", "top_p", "top_k")


@pytest.mark.parametrize("schema", [{}, {"type": "object", "properties": {"a": {}}}])
def test_a_form_of_the_answer_is_said_only_where_the_catalogue_says_json(schema):
    body, losses = written("qwen.qwen3-coder-next", answer_schema=schema)
    assert ("outputConfig" in body, losses) == (False, ("answer_schema",))
    body, losses = written(
        "qwen.qwen3-coder-next", capabilities=frozenset({"json"}), answer_schema=schema
    )
    said = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
    assert msgspec.json.decode(said) == (schema or {"type": "object"})
    assert losses == ()
