from typing import Any

import pytest

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.conversation import Conversation, Sampling, ToolChoice, ToolSpec

USER = {"role": "user", "content": "hello"}
TOOL = {"type": "function", "function": {"name": "now"}}


def read(*messages: Any, **fields: Any) -> tuple[Conversation, tuple[str, ...]]:
    return OPENAI_CHAT.read({"model": "code", "messages": list(messages or [USER]), **fields})


def test_tools_are_read_with_their_schema() -> None:
    schema = {"type": "object", "properties": {"z": {}, "a": {}}}
    full = {"name": "f", "description": "does", "parameters": schema, "strict": False}
    conversation, losses = read(tools=[{"type": "function", "function": full}, TOOL])

    assert conversation.tools == (
        ToolSpec("f", "does", schema, strict=False),
        ToolSpec("now", "", {"type": "object", "properties": {}}),
    )
    assert losses == ()


def test_a_tool_of_another_kind_is_a_loss_and_a_strict_one_is_not() -> None:
    strict = {"type": "function", "function": {"name": "f", "strict": True}}
    custom = {"type": "custom", "custom": {"name": "patch"}}
    conversation, losses = read(tools=[strict, custom])

    assert [(tool.name, tool.strict) for tool in conversation.tools] == [("f", True)]
    assert losses == ("tools.custom",)


@pytest.mark.parametrize(
    ("fields", "choice", "losses"),
    [
        ({}, None, ()),
        ({"tool_choice": "auto"}, ToolChoice("auto"), ()),
        ({"tool_choice": "none"}, ToolChoice("none"), ()),
        ({"tool_choice": "required"}, ToolChoice("any"), ()),
        (
            {"tool_choice": {"type": "function", "function": {"name": "now"}}},
            ToolChoice("tool", "now"),
            (),
        ),
        ({"parallel_tool_calls": False}, ToolChoice("auto", parallel=False), ()),
        (
            {"tool_choice": "required", "parallel_tool_calls": True},
            ToolChoice("any", parallel=True),
            (),
        ),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}},
            ToolChoice("auto"),
            ("tool_choice",),
        ),
    ],
)
def test_the_choice_of_tools_is_read(fields: Any, choice: Any, losses: Any) -> None:
    conversation, lost = read(tools=[TOOL], **fields)

    assert conversation.tool_choice == choice
    assert lost == losses


@pytest.mark.parametrize(
    ("wanted", "schema", "losses"),
    [
        (None, None, ()),
        ({"type": "text"}, None, ()),
        ({"type": "json_object"}, {}, ()),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array"}}},
            {"type": "array"},
            (),
        ),
        ({"type": "json_schema", "json_schema": {"name": "n", "strict": True}}, {}, ()),
        ({"type": "json_schema"}, {}, ()),
        (
            {"type": "json_schema", "json_schema": {"schema": {}, "description": "x"}},
            {},
            ("response_format.description",),
        ),
        ({"type": "structural_tag"}, None, ("response_format",)),
    ],
)
def test_the_form_of_the_answer_is_read(wanted: Any, schema: Any, losses: Any) -> None:
    conversation, lost = read(response_format=wanted)

    assert conversation.answer_schema == schema
    assert lost == losses


@pytest.mark.parametrize(
    ("effort", "thinking", "losses"),
    [
        (None, None, ()),
        ("none", "off", ()),
        ("low", "low", ()),
        ("medium", "medium", ()),
        ("high", "high", ()),
        ("minimal", "minimal", ()),
        ("xhigh", "xhigh", ()),
        ("max", "max", ()),
        ("utmost", None, ("reasoning_effort",)),
    ],
)
def test_the_effort_is_read(effort: Any, thinking: Any, losses: Any) -> None:
    conversation, lost = read(reasoning_effort=effort)

    assert conversation.thinking == thinking
    assert lost == losses


def test_sampling_is_read() -> None:
    conversation, losses = read(
        max_tokens=5,
        temperature=1,
        top_p=0.5,
        top_k=7,
        seed=-3,
        frequency_penalty=0.1,
        presence_penalty=-0.2,
        stop=["a", "b"],
    )

    assert conversation.sampling == Sampling(5, 1.0, 0.5, 7, -3, 0.1, -0.2, ("a", "b"))
    assert losses == ()
    assert read(stop="x")[0].sampling.stop == ("x",)


def test_what_says_nothing_is_no_loss() -> None:
    _, losses = read(
        {**USER, "name": None, "refusal": None},
        {"role": "assistant", "content": "x", "audio": None, "annotations": [], "refusal": None},
        USER,
        n=1,
        store=False,
        logprobs=False,
        top_logprobs=0,
        service_tier="auto",
        modalities=["text"],
        logit_bias={},
        user=None,
        stream=True,
        stream_options={"include_usage": True},
        max_completion_tokens=4,
    )

    assert losses == ()


@pytest.mark.parametrize(
    ("fields", "loss"),
    [
        ({"n": 2}, "n"),
        ({"store": True}, "store"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"user": "canary"}, "user"),
        ({"metadata": {"a": "canary"}}, "metadata"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"chat_template_kwargs": {"a": "canary"}}, "chat_template_kwargs"),
        ({"structured_outputs": {"choice": ["canary"]}}, "structured_outputs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"stream_options": {"include_obfuscation": True}}, "stream_options.include_obfuscation"),
        ({"My Canary Prompt": 1}, "unknown_field"),
        ({"canary_prompt": 1}, "unknown_field"),
    ],
)
def test_what_cannot_be_said_is_a_loss_by_name(fields: Any, loss: str) -> None:
    assert read(**fields)[1] == (loss,)
