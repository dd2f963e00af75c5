"""A request for a response as a conversation in no dialect."""

from typing import Any

import pytest

from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.conversation import (
    Media,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.errors import Malformed

FUNCTION = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a":1}'}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "seen"}


def a_body(*given: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "code", "input": list(given) or "hello", **fields}


def said(role: str, content: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content, **fields}


def read(*given: Any, **fields: Any):
    return OPENAI_RESPONSES.read(a_body(*given, **fields))


def test_a_string_is_one_message_of_the_user() -> None:
    conversation, losses = read()
    assert conversation.turns == (Turn("user", (Text("hello"),)),)
    assert losses == ()


def test_instructions_and_developer_messages_are_the_system() -> None:
    conversation, losses = read(
        said("developer", [{"type": "input_text", "text": "two"}]),
        said("user", "hi"),
        instructions="one",
    )
    assert conversation.system == (Text("one"), Text("two"))
    assert losses == ()


def test_a_system_message_that_comes_late_loses_its_place() -> None:
    conversation, losses = read(
        said("user", "hi"),
        said("system", [{"type": "input_text", "text": "late"}, IMAGE]),
    )
    assert conversation.system == (Text("late"),)
    assert losses == ("system_position", "system_media")


def test_one_reply_of_a_model_is_one_turn_and_its_results_are_another() -> None:
    conversation, losses = read(
        said("user", "hi"),
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "Hm."}]},
        said("assistant", [{"type": "output_text", "text": "I look.", "annotations": []}], id="m"),
        CALL,
        {**CALL, "call_id": "c2"},
        OUTPUT,
        {**OUTPUT, "call_id": "c2"},
        said("assistant", ""),
    )
    assert conversation.turns[1:] == (
        Turn(
            "assistant",
            (
                Thinking("Hm."),
                Text("I look."),
                ToolCall("c1", "look", {"a": 1}),
                ToolCall("c2", "look", {"a": 1}),
            ),
        ),
        Turn(
            "user",
            (
                ToolResult("c1", (Text("seen"),), "look"),
                ToolResult("c2", (Text("seen"),), "look"),
            ),
        ),
    )
    assert losses == ()


IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}


def test_media_inside_the_body_are_media() -> None:
    pdf = {"type": "input_file", "file_data": "data:application/pdf;base64,BBBB"}
    conversation, losses = read(said("user", [IMAGE, pdf]), CALL, {**OUTPUT, "output": [IMAGE]})
    assert conversation.turns[0].parts == (
        Media("image/png", "AAAA"),
        Media("application/pdf", "BBBB"),
    )
    assert conversation.turns[2].parts[0].parts == (Media("image/png", "AAAA"),)
    assert losses == ()


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        ({**IMAGE, "detail": "high"}, "detail"),
        ({"type": "input_image", "image_url": "data:image/png,AAAA"}, "input_image"),
        ({"type": "input_file", "file_data": "AAAA"}, "input_file"),
        ({"type": "input_audio", "input_audio": {}}, "input_audio"),
        ({"type": "ours-alone"}, "unknown_item"),
        ({"type": "input_text", "text": "x", "secret-word": 1}, "unknown_field"),
        ({"type": "refusal", "refusal": "No."}, "refusal_part"),
        ({"type": "output_text", "text": "x", "annotations": [{}]}, "annotations"),
    ],
)
def test_a_part_that_others_cannot_say_is_lost_by_name(part: dict, lost: str) -> None:
    assert read(said("user", [part]))[1] == (lost,)


def test_a_part_without_words_is_no_turn() -> None:
    assert read(said("user", [{"type": "input_text", "text": ""}]))[0].turns == ()


@pytest.mark.parametrize(
    ("item", "lost"),
    [
        ({"type": "web_search_call", "id": "ws"}, ("web_search_call",)),
        ({"type": "ours-alone"}, ("unknown_item",)),
        ({"type": "reasoning", "summary": [], "encrypted_content": "gA"}, ("encrypted_content",)),
        (said("assistant", "x", phase="commentary"), ("input.phase",)),
        ({**CALL, "namespace": "n"}, ("input.namespace",)),
        ({**CALL, "arguments": "nonsense"}, ("tool_arguments",)),
        ({**CALL, "arguments": 7}, ("tool_arguments",)),
        ({**CALL, "arguments": " "}, ()),
        ({**CALL, "arguments": None}, ()),
    ],
)
def test_an_item_that_others_cannot_say_is_lost_by_name(item: dict, lost: tuple) -> None:
    assert read(item)[1] == lost


def test_a_custom_call_is_one_with_a_single_argument() -> None:
    conversation, losses = read(
        {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "done"},
    )
    assert conversation.turns[0].parts == (ToolCall("c", "patch", {"input": "*** Begin"}),)
    assert conversation.turns[1].parts == (ToolResult("c", (Text("done"),), "patch"),)
    assert losses == ("custom_tool",)


@pytest.mark.parametrize(
    "item",
    [
        OUTPUT,
        {"type": "function_call_output", "output": "x"},
        {"type": "function_call", "name": "x"},
        {"type": "function_call", "call_id": "x"},
        {"type": "custom_tool_call", "call_id": "x", "name": "y", "input": 7},
        {"type": "reasoning", "summary": "x"},
        {"type": "reasoning", "summary": [{"text": 7}]},
    ],
)
def test_an_item_that_is_not_whole_is_malformed(item: dict) -> None:
    with pytest.raises(Malformed, match=r"input\[0\]"):
        read(item)


def test_a_result_without_an_output_is_malformed() -> None:
    with pytest.raises(Malformed, match=r"input\[1\]\.output"):
        read(CALL, {"type": "function_call_output", "call_id": "c1"})


def test_functions_are_tools_and_others_are_lost_by_their_kind() -> None:
    conversation, losses = read(
        tools=[
            FUNCTION,
            {"type": "function", "name": "bare", "strict": True, "defer_loading": True},
            {"type": "web_search"},
            {"type": "custom", "name": "patch"},
            {"type": "namespace", "name": "agents", "tools": [FUNCTION]},
            {"type": "ours-alone"},
        ]
    )
    assert conversation.tools == (
        ToolSpec("look", "", {"type": "object"}, strict=False),
        ToolSpec("bare", "", {"type": "object", "properties": {}}, strict=True),
    )
    assert losses == (
        "tools.defer_loading",
        "tools.web_search",
        "tools.custom",
        "tools.namespace",
        "tools.unknown",
    )


@pytest.mark.parametrize(
    ("choice", "parallel", "found"),
    [
        (None, None, None),
        (None, False, ToolChoice("auto", parallel=False)),
        ("auto", True, ToolChoice("auto", parallel=True)),
        ("none", None, ToolChoice("none")),
        ("required", None, ToolChoice("any")),
        ({"type": "function", "name": "look"}, None, ToolChoice("tool", "look")),
    ],
)
def test_a_choice_is_read(choice: Any, parallel: Any, found: Any) -> None:
    conversation, losses = read(tools=[FUNCTION], tool_choice=choice, parallel_tool_calls=parallel)
    assert conversation.tool_choice == found
    assert losses == ()


def test_a_choice_of_another_kind_is_lost_and_an_unknown_word_is_malformed() -> None:
    body = {"tools": [FUNCTION], "tool_choice": {"type": "allowed_tools", "tools": []}}
    assert read(**body)[1] == ("tool_choice",)
    with pytest.raises(Malformed, match="tool_choice"):
        read(tools=[FUNCTION], tool_choice="invented")


@pytest.mark.parametrize(
    ("form", "schema", "lost"),
    [
        (None, None, ()),
        ({"type": "text"}, None, ()),
        ({"type": "json_object"}, {}, ()),
        (
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}},
            {"type": "object"},
            (),
        ),
        ({"type": "grammar"}, None, ("text.format",)),
    ],
)
def test_the_form_of_the_answer_is_read(form: Any, schema: Any, lost: tuple) -> None:
    conversation, losses = read(text={"format": form})
    assert conversation.answer_schema == schema
    assert losses == lost


@pytest.mark.parametrize(
    ("reasoning", "found", "lost"),
    [
        (None, None, ()),
        ({"effort": None}, None, ()),
        ({"effort": "none"}, "off", ()),
        ({"effort": "medium", "summary": "auto"}, "medium", ("reasoning.summary",)),
        ({"effort": "xhigh"}, "xhigh", ()),
        ({"effort": "invented"}, None, ("reasoning.effort",)),
    ],
)
def test_effort_is_read(reasoning: Any, found: Any, lost: tuple) -> None:
    conversation, losses = read(reasoning=reasoning)
    assert conversation.thinking == found
    assert losses == lost


def test_sampling_is_read_and_what_is_left_is_lost_by_name() -> None:
    conversation, losses = read(
        max_output_tokens=9,
        temperature=1,
        top_p=0.5,
        store=True,
        truncation="disabled",
        service_tier="flex",
        include=["reasoning.encrypted_content"],
        prompt_cache_key="k",
        client_metadata={"a": "b"},
        user="ada",
        text={"verbosity": "low"},
        acme_secret=1,
    )
    assert conversation.sampling == Sampling(9, 1.0, 0.5)
    assert set(losses) == {
        "text.verbosity",
        "store",
        "service_tier",
        "include",
        "prompt_cache_key",
        "client_metadata",
        "user",
        "unknown_field",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": "hot"},
        {"text": []},
        {"text": {"format": 7}},
        {"reasoning": "high"},
        {"reasoning": {"effort": 7}},
        {"parallel_tool_calls": 1},
        {"tools": [{"type": "function"}]},
        {"tools": [{"type": "function", "name": "x", "parameters": []}]},
        {"tools": [{"type": "function", "name": "x"}], "tool_choice": {"type": "function"}},
    ],
)
def test_settings_of_the_wrong_type_are_malformed(fields: dict) -> None:
    with pytest.raises(Malformed):
        read(**fields)
