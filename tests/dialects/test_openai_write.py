from typing import Any

import msgspec
import pytest

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.conversation import (
    Conversation,
    Media,
    Opaque,
    Part,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from tests.doubles.openai_scenarios import OFFERING

HELLO = Turn("user", (Text("hello"),))
SCHEMA = {"type": "object", "properties": {"z": {}, "a": {}}}


def write(conversation: Conversation, stream: bool = False) -> tuple[Any, tuple[str, ...]]:
    return OPENAI_CHAT.write(conversation, OFFERING, stream)


def turns(*turns: Turn) -> Conversation:
    return Conversation((), turns)


def messages_of(*parts: Part, role: str = "user") -> tuple[Any, tuple[str, ...]]:
    body, losses = write(turns(Turn(role, parts)))
    return body["messages"], losses


def test_the_least_conversation_is_the_least_body() -> None:
    assert write(turns(HELLO)) == (
        {
            "model": "Qwen/Qwen3-Coder",
            "messages": [{"role": "user", "content": "hello"}],
            "stream": False,
        },
        (),
    )


def test_a_stream_asks_for_usage() -> None:
    body, _ = write(turns(HELLO), stream=True)

    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}


def test_system_texts_are_one_message_at_the_start() -> None:
    one, _ = write(Conversation((Text("a"),), (HELLO,)))
    two, _ = write(Conversation((Text("a"), Text("b")), (HELLO,)))

    assert one["messages"][0] == {"role": "system", "content": "a"}
    assert two["messages"][0] == {
        "role": "system",
        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
    }


def test_results_come_first_and_pictures_in_them_move_by_name() -> None:
    messages, losses = messages_of(
        Text("and now?"),
        ToolResult("a", (Text("one"), Media("image/png", "AA"), Text("two")), failed=False),
        ToolResult("b", (), failed=True),
    )

    assert messages == [
        {
            "role": "tool",
            "tool_call_id": "a",
            "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
        },
        {"role": "tool", "tool_call_id": "b", "content": ""},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                {"type": "text", "text": "and now?"},
            ],
        },
    ]
    assert losses == ("tool_result_failed", "tool_result_media_moved")


def test_an_assistant_turn_holds_reasoning_words_and_calls() -> None:
    messages, losses = messages_of(
        Thinking("Hm. "),
        Thinking("Yes.", signature="bound"),
        Thinking("", redacted="sealed"),
        Text("I look."),
        ToolCall("a", "f", {"z": 1, "a": [None]}),
        role="assistant",
    )

    assert messages == [
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning": "Hm. \nYes.",
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"z":1,"a":[null]}'},
                }
            ],
        }
    ]
    assert losses == ("thinking_signature", "redacted_thinking")


def test_an_assistant_turn_of_calls_alone_has_no_content() -> None:
    messages, _ = messages_of(ToolCall("a", "f", {}), role="assistant")

    assert messages[0]["content"] is None
    assert messages[0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_turns_that_say_nothing_are_left_out() -> None:
    body, _ = write(turns(Turn("user", ()), Turn("assistant", ()), HELLO))

    assert body["messages"] == [{"role": "user", "content": "hello"}]


def test_a_document_is_a_file() -> None:
    messages, losses = messages_of(Media("application/pdf", "AA"))

    file = {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AA"}
    assert messages[0]["content"] == [{"type": "file", "file": file}]
    assert losses == ()


def test_a_part_of_our_own_goes_home_and_a_foreign_one_is_lost_by_name() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}
    messages, losses = messages_of(
        Opaque("openai_chat", "input_audio", part),
        Opaque("anthropic_messages", "search_result", {"canary": 1}),
        Opaque("anthropic_messages", "My Canary", {}),
    )

    assert messages == [{"role": "user", "content": [part]}]
    assert losses == ("search_result", "unknown_block")


def test_parts_in_the_wrong_turn_are_lost_by_name() -> None:
    _, by_user = messages_of(Text("x"), ToolCall("a", "f", {}), Thinking("t"))
    _, by_assistant = messages_of(Text("x"), ToolResult("a", ()), role="assistant")

    assert by_user == ("tool_call", "thinking")
    assert by_assistant == ("tool_result",)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (None, {}),
        (ToolChoice("auto"), {"tool_choice": "auto"}),
        (ToolChoice("any"), {"tool_choice": "required"}),
        (ToolChoice("none"), {"tool_choice": "none"}),
        (
            ToolChoice("tool", "f", parallel=False),
            {
                "tool_choice": {"type": "function", "function": {"name": "f"}},
                "parallel_tool_calls": False,
            },
        ),
    ],
)
def test_tools_and_their_choice_are_written(choice: ToolChoice | None, said: Any) -> None:
    tools = (ToolSpec("f", "does", SCHEMA), ToolSpec("g", "", {}))
    body, losses = write(Conversation((), (HELLO,), tools, choice))

    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "description": "does", "parameters": SCHEMA},
        },
        {"type": "function", "function": {"name": "g", "parameters": {}}},
    ]
    assert {key: body[key] for key in ("tool_choice", "parallel_tool_calls") if key in body} == said
    assert losses == ()


@pytest.mark.parametrize(
    ("mode", "losses"),
    [("auto", ()), ("none", ()), ("any", ("tool_choice",)), ("tool", ("tool_choice",))],
)
def test_without_tools_there_is_no_choice(mode: str, losses: tuple[str, ...]) -> None:
    body, lost = write(Conversation((), (HELLO,), tool_choice=ToolChoice(mode, "f")))

    assert not {"tools", "tool_choice"} & set(body)
    assert lost == losses


def test_sampling_is_written_where_it_says_something() -> None:
    sampling = Sampling(5, 0.0, 0.5, 7, 0, 0.1, -0.2, ("a",))
    body, losses = write(Conversation((), (HELLO,), sampling=sampling))

    assert {key: body[key] for key in list(body)[3:]} == {
        "max_tokens": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 7,
        "seed": 0,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.2,
        "stop": ["a"],
    }
    assert losses == ()


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, {"type": "json_object"}),
        (SCHEMA, {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}),
    ],
)
def test_the_form_of_the_answer_is_written(schema: Any, said: Any) -> None:
    body, _ = write(Conversation((), (HELLO,), answer_schema=schema))

    assert body["response_format"] == said


@pytest.mark.parametrize(
    ("thinking", "effort"), [("off", "none"), ("low", "low"), ("high", "high")]
)
def test_the_effort_is_written(thinking: str, effort: str) -> None:
    body, _ = write(Conversation((), (HELLO,), thinking=thinking))

    assert body["reasoning_effort"] == effort


FULL = {
    "model": "code",
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": f"sentinel-{n}"} for n in (1, 2)]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "sentinel-3"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,SENTINEL4"}},
            ],
        },
        {
            "role": "assistant",
            "content": "sentinel-5",
            "reasoning": "sentinel-6",
            "tool_calls": [
                {
                    "id": f"sentinel-id-{n}",
                    "type": "function",
                    "function": {"name": "f", "arguments": f'{{"sentinel-key":{n}}}'},
                }
                for n in (7, 8)
            ],
        },
        {"role": "tool", "tool_call_id": "sentinel-id-8", "content": "sentinel-9"},
        {
            "role": "tool",
            "tool_call_id": "sentinel-id-7",
            "content": [{"type": "text", "text": f"sentinel-{n}"} for n in (10, 11)],
        },
        {"role": "user", "content": "sentinel-12"},
    ],
    "stream": True,
    "stream_options": {"include_usage": True},
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "description": "sentinel-13", "parameters": SCHEMA},
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False,
    "max_tokens": 14,
    "temperature": 0.15,
    "top_p": 0.16,
    "top_k": 17,
    "seed": 18,
    "frequency_penalty": 0.19,
    "presence_penalty": 0.2,
    "stop": ["sentinel-21"],
    "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
    "reasoning_effort": "high",
}


def test_all_that_this_dialect_shares_with_others_comes_back_unchanged() -> None:
    conversation, unread = OPENAI_CHAT.read(FULL)
    body, unsaid = OPENAI_CHAT.write(conversation, OFFERING, True)

    assert (unread, unsaid) == ((), ())
    assert msgspec.json.encode(body) == msgspec.json.encode({**FULL, "model": "Qwen/Qwen3-Coder"})


@pytest.mark.parametrize("field", sorted(FULL))
def test_each_field_is_found_again_or_it_is_a_loss(field: str) -> None:
    """Every string and number below a field is found in what is written."""
    conversation, _ = OPENAI_CHAT.read(FULL)
    written = msgspec.json.encode(OPENAI_CHAT.write(conversation, OFFERING, True)[0])

    for leaf in leaves(FULL[field]):
        assert leaf == "code" or msgspec.json.encode(leaf) in written


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [value]
