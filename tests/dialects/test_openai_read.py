from typing import Any

import pytest

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_chat.vocabulary import FIELDS
from gateway.domain.conversation import (
    Conversation,
    Media,
    Opaque,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from gateway.domain.errors import Malformed
from gateway.translation.losses import LOSSES_MAX

USER = {"role": "user", "content": "hello"}
OTHERS = FIELDS.keys() - OPENAI_CHAT.may_leave
NOW = {"type": "function", "function": {"name": "now", "arguments": ""}}


def read(*messages: Any, **fields: Any) -> tuple[Conversation, tuple[str, ...]]:
    return OPENAI_CHAT.read({"model": "code", "messages": list(messages or [USER]), **fields})


def called(*ids: str, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": i, **NOW} for i in ids], **fields}


def result(call_id: str, content: Any = "noon") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_a_plain_request_is_one_turn_and_loses_nothing() -> None:
    assert read() == (Conversation((), (Turn("user", (Text("hello"),)),)), ())


def test_system_and_developer_are_system_texts_each_of_its_own() -> None:
    conversation, losses = read(
        {"role": "system", "content": "one"},
        {"role": "developer", "content": [{"type": "text", "text": t} for t in ("two", "three")]},
        {"role": "system", "content": None},
        USER,
    )

    assert conversation.system == (Text("one"), Text("two"), Text("three"))
    assert losses == ()


def test_a_system_message_in_the_middle_moves_to_the_front_by_name() -> None:
    conversation, losses = read(USER, {"role": "system", "content": "late"})

    assert conversation.system == (Text("late"),)
    assert losses == ("system_position",)


def test_a_picture_in_a_system_message_is_a_loss() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    conversation, losses = read({"role": "system", "content": [picture]}, USER)

    assert conversation.system == ()
    assert losses == ("system_media",)


def test_an_assistant_turn_holds_reasoning_words_and_calls_in_that_order() -> None:
    message = called("a", content=[{"type": "text", "text": "I look."}], reasoning="Hm.")
    conversation, losses = read(USER, message, result("a"))

    assert conversation.turns[1] == Turn(
        "assistant", (Thinking("Hm."), Text("I look."), ToolCall("a", "now", {}))
    )
    assert losses == ()


def test_the_older_name_of_reasoning_is_read_and_counts_once() -> None:
    old = {"role": "assistant", "content": "x", "reasoning_content": "Hm."}
    both = {**old, "reasoning": "Hm."}

    for message in (old, both):
        assert read(message)[0].turns[0].parts == (Thinking("Hm."), Text("x"))


def test_results_of_parallel_calls_are_one_turn_and_know_their_tool() -> None:
    parts = [{"type": "text", "text": "noon"}, {"type": "text", "text": "sharp"}]
    conversation, losses = read(USER, called("a", "b"), result("b", parts), result("a"), USER)

    assert conversation.turns[2:] == (
        Turn(
            "user",
            (
                ToolResult("b", (Text("noon"), Text("sharp")), "now"),
                ToolResult("a", (Text("noon"),), "now"),
            ),
        ),
        Turn("user", (Text("hello"),)),
    )
    assert losses == ()


def test_a_picture_in_a_result_is_kept() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    conversation, _ = read(called("a"), result("a", [picture]))

    assert conversation.turns[1].parts == (ToolResult("a", (Media("image/png", "AA"),), "now"),)


def test_a_part_of_a_result_that_nobody_else_knows_is_a_loss() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}
    conversation, losses = read(called("a"), result("a", [sound]))

    assert conversation.turns[1].parts == (ToolResult("a", (), "now"),)
    assert losses == ("input_audio",)


@pytest.mark.parametrize(
    "messages",
    [
        [result("a")],
        [USER, called("b"), result("a")],
        [result("a"), called("a")],
    ],
)
def test_a_result_that_answers_no_call_is_malformed(messages: list[Any]) -> None:
    with pytest.raises(Malformed, match="answers no call"):
        read(*messages)


@pytest.mark.parametrize(
    ("written", "arguments", "losses"),
    [
        ('{"x": {"y": [1, null]}}', {"x": {"y": [1, None]}}, ()),
        ({"x": 1}, {"x": 1}, ()),
        ("{}", {}, ()),
        ("", {}, ()),
        ("  ", {}, ()),
        (None, {}, ()),
        ('{"x": ', {}, ("tool_arguments",)),
        ("[1]", {}, ("tool_arguments",)),
        ('"x"', {}, ("tool_arguments",)),
        ('{"x":1,"x":2}', {}, ("tool_arguments",)),
        ('{"x":NaN}', {}, ("tool_arguments",)),
        ("[" * 100_000, {}, ("tool_arguments",)),
        ([1], {}, ("tool_arguments",)),
    ],
)
def test_arguments_become_an_object_or_a_loss(written: Any, arguments: Any, losses: Any) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": written}}
    conversation, lost = read({"role": "assistant", "tool_calls": [call]})

    assert conversation.turns[0].parts == (ToolCall("a", "f", arguments),)
    assert lost == losses


def test_a_custom_call_becomes_a_function_call_by_name() -> None:
    call = {"id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}}
    conversation, losses = read({"role": "assistant", "tool_calls": [call]}, result("a"))

    assert conversation.turns[0].parts == (ToolCall("a", "patch", {"input": "*** Begin"}),)
    assert losses == ("custom_tool",)


def test_turns_that_say_nothing_are_left_out() -> None:
    conversation, losses = read(
        {"role": "user", "content": ""},
        {"role": "assistant", "content": "", "tool_calls": []},
        {"role": "assistant", "content": None},
        {"role": "user", "content": [{"type": "text", "text": ""}]},
        {"role": "user", "content": []},
    )

    assert conversation.turns == ()
    assert losses == ()


def test_data_urls_become_media() -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_image", "image_url": "data:image/webp;charset=x;base64,BBBB"},
        {"image_url": "data:image/gif;base64,CCCC"},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,DDDD"}},
    ]
    conversation, losses = read({"role": "user", "content": parts})

    assert conversation.turns[0].parts == (
        Media("image/png", "AAAA"),
        Media("image/webp", "BBBB"),
        Media("image/gif", "CCCC"),
        Media("application/pdf", "DDDD"),
    )
    assert losses == ()


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/svg+xml,<svg/>"}}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "data:;base64,AAAA"}}, "image_url"),
        ({"type": "file", "file": {"file_data": "data:,AAAA"}}, "file"),
        ({"type": "file"}, "file"),
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, "input_audio"),
        ({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,A"}}, "video_url"),
        ({"input_audio": {"data": "AA", "format": "wav"}}, "input_audio"),
    ],
)
def test_what_only_this_dialect_can_say_is_opaque(part: Any, kind: str) -> None:
    conversation, _ = read({"role": "user", "content": [part]})

    assert conversation.turns[0].parts == (Opaque("openai_chat", kind, part),)


def test_a_refusal_in_the_history_is_words_by_name() -> None:
    for message in (
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    ):
        conversation, losses = read(message)
        assert conversation.turns[0].parts == (Text("No."),)
        assert losses[0].startswith("refusal")


@pytest.mark.parametrize(
    ("message", "loss"),
    [
        ({**USER, "name": "canary"}, "messages.name"),
        ({"role": "system", "content": "x", "name": "canary"}, "messages.name"),
        (
            {"role": "assistant", "content": None, "function_call": {"name": "canary"}},
            "messages.function_call",
        ),
        ({"role": "function", "name": "canary", "content": "canary"}, "messages.function"),
        (called("a", weight=1), "unknown_field"),
        (
            {"role": "assistant", "tool_calls": [{"id": "a", **NOW, "extra_content": {"g": 1}}]},
            "tool_calls.extra_content",
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [{"id": "a", "function": {"name": "f", "mood": 1}}],
            },
            "unknown_field",
        ),
        (
            {
                "role": "user",
                "content": [{"type": "text", "text": "x", "cache_control": {"type": "forever"}}],
            },
            "cache_control",
        ),
        (
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "data:a/b;base64,", "detail": "low"}}
                ],
            },
            "image_detail",
        ),
        (
            {
                "role": "user",
                "content": [
                    {
                        "type": "file",
                        "file": {"file_data": "data:a/b;base64,", "format": "canary"},
                    }
                ],
            },
            "file.format",
        ),
    ],
)
def test_what_a_message_cannot_say_is_a_loss_by_name(message: Any, loss: str) -> None:
    assert read(message)[1] == (loss,)


def test_the_number_of_losses_is_bounded() -> None:
    losses = read(**dict.fromkeys(sorted(OTHERS), "canary"))[1]

    assert len(OTHERS) > LOSSES_MAX
    assert losses == (*sorted(OTHERS)[:LOSSES_MAX], "more")


@pytest.mark.parametrize(
    ("messages", "fields", "named"),
    [
        ([{"role": "robot"}], {}, r"messages\[0\].role"),
        ([{"role": "assistant", "tool_calls": "canary"}], {}, r"messages\[0\].tool_calls"),
        ([{"role": "assistant", "tool_calls": [NOW]}], {}, r"tool_calls\[0\].id"),
        ([{"role": "assistant", "tool_calls": [{"id": "a"}]}], {}, "name"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "a", "function": "canary"}]}],
            {},
            r"tool_calls\[0\].function",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"id": "a", "type": "custom"}]}],
            {},
            "name",
        ),
        ([{"role": "assistant", "reasoning": ["canary"]}], {}, r"messages\[0\].reasoning"),
        ([{"role": "assistant", "refusal": 7}], {}, r"messages\[0\].refusal"),
        ([{"role": "tool", "content": "canary"}], {}, r"messages\[0\].tool_call_id"),
        ([USER], {"tools": [{"type": "function"}]}, r"tools\[0\].function.name"),
        ([USER], {"tools": [{"function": {"name": 7}}]}, r"tools\[0\].function.name"),
        (
            [USER],
            {"tools": [{"function": {"name": "f", "parameters": "canary"}}]},
            r"tools\[0\].function.parameters",
        ),
        ([USER], {"tool_choice": "canary"}, "tool_choice"),
        ([USER], {"tool_choice": 7}, "tool_choice"),
        ([USER], {"tool_choice": {"type": "function"}}, "tool_choice.function.name"),
        ([USER], {"parallel_tool_calls": "canary"}, "parallel_tool_calls"),
        ([USER], {"response_format": "canary"}, "response_format"),
        (
            [USER],
            {"response_format": {"type": "json_schema", "json_schema": {"schema": "canary"}}},
            "response_format.json_schema.schema",
        ),
        ([USER], {"reasoning_effort": 7}, "reasoning_effort"),
        ([USER], {"temperature": "canary"}, "temperature"),
        ([USER], {"temperature": True}, "temperature"),
        ([USER], {"seed": 1.5}, "seed"),
        ([USER], {"stop": 7}, "stop"),
        ([USER], {"stop": ["x", 7]}, "stop"),
        ([USER], {"stop": ["x"] * 65}, "stop"),
        ([USER], {"max_tokens": 0}, "max_tokens"),
    ],
)
def test_what_cannot_be_read_is_named_and_never_repeated(
    messages: list[Any], fields: Any, named: str
) -> None:
    with pytest.raises(Malformed, match=named) as caught:
        read(*messages, **fields)

    assert "canary" not in caught.value.what
