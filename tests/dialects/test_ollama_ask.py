import msgspec
import pytest

from gateway.dialects.ollama_chat import OLLAMA_CHAT as DIALECT
from gateway.dialects.ollama_chat.shapes import Request
from gateway.domain.conversation import (
    Conversation,
    Media,
    Opaque,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.errors import CannotExpress, Malformed
from tests.doubles.ollama_talk import (
    IMAGE,
    MUTE,
    OFFERING,
    SECRET,
    TOOL,
    asking,
    said,
    talk,
    written,
)


def test_this_dialect_streams_unless_told_otherwise():
    assert DIALECT.peek(asking()).stream
    assert not DIALECT.peek(asking(stream=False)).stream


def test_an_ask_says_what_the_engine_must_be_able_to_do():
    assert DIALECT.peek(asking()).needs == frozenset()
    assert DIALECT.peek(
        asking(messages=[{"role": "user", "images": ["aa"], "content": "a"}])
    ).needs == {"images"}
    tool = {"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}
    assert DIALECT.peek(asking(tools=[tool])).needs == {"tools"}
    called = {"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": {}}}]}
    assert DIALECT.peek(asking(messages=[called])).needs == {"tools"}
    assert DIALECT.peek(asking(messages=[{"role": "tool", "content": "x"}])).needs == {"tools"}


def test_an_ask_tells_a_limit_but_not_an_endless_one():
    assert DIALECT.peek(asking(options={"num_predict": 7})).output_tokens_max == 7
    for endless in ({"num_predict": -1}, {}, None):
        assert DIALECT.peek(asking(options=endless)).output_tokens_max is None


@pytest.mark.parametrize(
    "fields",
    [
        {"model": ""},
        {"model": None},
        {"messages": []},
        {"messages": SECRET},
        {"messages": [{"role": SECRET, "content": "a"}]},
        {"messages": [{"content": SECRET}]},
        {"messages": [{"role": "user", "content": [SECRET]}]},
        {"messages": [{"role": "user", "images": SECRET}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": ""}}]}]},
        {
            "messages": [
                {
                    "role": "assistant",
                    "tool_calls": [{"function": {"name": "a", "arguments": "{}"}}],
                }
            ]
        },
        {"tools": [{"function": {}}]},
        {"format": "yaml"},
        {"format": 5},
        {"think": 5},
        {"stream": "yes"},
        {"options": []},
        {"options": {"num_predict": "many"}},
    ],
)
def test_what_is_malformed_is_refused_and_never_repeated(fields):
    with pytest.raises(Malformed) as refused:
        DIALECT.peek(asking(**fields))
    assert SECRET not in refused.value.what


def test_a_passed_body_keeps_its_fields_and_gets_the_fixed_ones():
    body = asking(options={"num_ctx": 999_999, "seed": 1}, truncate=True, odd=1)
    passed = DIALECT.rewrite(body, OFFERING, False)
    assert passed == {
        **body,
        "model": "qwen3:14b",
        "stream": False,
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": 8192, "seed": 1},
    }
    assert body["options"]["num_ctx"] == 999_999
    assert DIALECT.rewrite(asking(), OFFERING, True)["options"] == {"num_ctx": 8192}


def test_an_offering_without_the_setting_uses_its_context():
    offering = msgspec.structs.replace(OFFERING, settings={})
    assert DIALECT.rewrite(asking(), offering, True)["options"] == {"num_ctx": 100_000}


def test_the_least_conversation_is_a_whole_request():
    body, losses = written(talk())
    assert body == {
        "model": "qwen3:14b",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": False,
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": 8192},
    }
    assert losses == ()
    assert written(talk(), stream=True)[0]["stream"] is True


def test_the_system_prompt_is_one_first_message():
    messages, _ = said(system=(Text("a"), Text(" "), Text("b")))
    assert messages[0] == {"role": "system", "content": "a\n\nb"}
    assert len(messages) == 2


def test_words_and_images_are_said_and_blank_turns_left_out():
    messages, losses = said(
        Turn("user", (Text("a"), IMAGE, Text("b"))),
        Turn("assistant", (Text(" "),)),
        Turn("user", (IMAGE,)),
        Turn("user", (Media("application/pdf", "aa"),)),
    )
    assert messages == [
        {"role": "user", "content": "a\nb", "images": ["iVBORw0KGgo="]},
        {"role": "user", "content": "", "images": ["iVBORw0KGgo="]},
    ]
    assert losses == ("documents",)


def test_a_conversation_without_words_cannot_be_said():
    empty = Conversation(system=(Text("be brief"),), turns=(Turn("user", ()),))
    with pytest.raises(CannotExpress, match="turn"):
        DIALECT.write(empty, OFFERING, False)


def test_calls_are_objects_without_ids_and_answers_follow_their_order():
    messages, losses = said(
        Turn("user", (Text("go"),)),
        Turn(
            "assistant",
            (
                Thinking("hm", "sig"),
                Thinking("", redacted="dark"),
                Text("ok"),
                ToolCall("a", "Read", {"path": "x"}),
                ToolCall("b", "Read", {"path": "y"}),
                ToolCall("c", "Draw", {}),
            ),
        ),
        Turn("user", (ToolResult("c", (Text("drawn"), IMAGE), "Draw"),)),
        Turn("user", (ToolResult("b", (Text("Y"), Text("Z")), failed=True),)),
        Turn("user", (Text("so?"), ToolResult("a", ()), ToolResult("z", ()))),
    )
    assert messages[1:] == [
        {
            "role": "assistant",
            "content": "ok",
            "thinking": "hm",
            "tool_calls": [
                {"function": {"name": "Read", "arguments": {"path": "x"}}},
                {"function": {"name": "Read", "arguments": {"path": "y"}}},
                {"function": {"name": "Draw", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "", "tool_name": "Read"},
        {"role": "tool", "content": "Y\nZ", "tool_name": "Read"},
        {"role": "tool", "content": "drawn", "tool_name": "Draw"},
        {"role": "tool", "content": ""},
        {"role": "user", "content": "", "images": ["iVBORw0KGgo="]},
        {"role": "user", "content": "so?"},
    ]
    assert losses == (
        "thinking_signature",
        "redacted_thinking",
        "tool_call_id",
        "tool_result_media_moved",
        "tool_result_failed",
    )


def test_a_part_of_another_dialect_is_lost_by_name():
    _, losses = said(Turn("user", (Text("a"), Opaque("openai_chat", "input_audio", {}))))
    assert losses == ("input_audio",)


@pytest.mark.parametrize(
    ("choice", "offered", "lost"),
    [
        (None, True, ()),
        (ToolChoice("auto", parallel=True), True, ()),
        (ToolChoice("auto", parallel=False), True, ("parallel_tool_calls",)),
        (ToolChoice("any"), True, ("tool_choice",)),
        (ToolChoice("tool", "Read"), True, ("tool_choice",)),
        (ToolChoice("none"), False, ()),
    ],
)
def test_tools_are_offered_as_far_as_a_choice_can_be_said(choice, offered, lost):
    body, losses = written(talk(tools=(TOOL,), tool_choice=choice))
    assert ("tools" in body) is offered
    assert losses == lost


def test_a_tool_is_a_function():
    body, _ = written(talk(tools=(TOOL, ToolSpec("Now", "", {}))))
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "Read", "description": "Reads.", "parameters": TOOL.schema},
        },
        {
            "type": "function",
            "function": {"name": "Now", "description": "", "parameters": {"type": "object"}},
        },
    ]


def test_all_sampling_can_be_said():
    sampling = Sampling(5, 1.5, 0.5, 3, 1, 0.1, 0.2, ("END",))
    body, losses = written(talk(sampling=sampling))
    assert body["options"] == {
        "temperature": 1.5,
        "top_p": 0.5,
        "top_k": 3,
        "seed": 1,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "num_predict": 5,
        "stop": ["END"],
        "num_ctx": 8192,
    }
    assert losses == ()


def test_a_schema_is_a_format():
    schema = {"type": "object", "properties": {}}
    assert written(talk(answer_schema=schema))[0]["format"] == schema
    assert written(talk(answer_schema={}))[0]["format"] == "json"


def test_an_effort_is_asked_only_of_a_model_that_can_think():
    assert written(talk(thinking="low"))[0]["think"] == "low"
    assert written(talk(thinking="off"))[0]["think"] is False
    assert written(talk(thinking="off"), offering=MUTE)[0]["think"] is False
    body, losses = written(talk(thinking="high"), offering=MUTE)
    assert "think" not in body
    assert losses == ("thinking",)


@pytest.mark.parametrize(
    ("effort", "said", "lost"),
    [
        ("minimal", "low", ("effort",)),
        ("low", "low", ()),
        ("medium", "medium", ()),
        ("high", "high", ()),
        ("xhigh", "high", ("effort",)),
        ("max", "max", ()),
    ],
)
def test_every_effort_is_said_in_a_word_that_a_server_knows(effort, said, lost):
    body, losses = DIALECT.write(talk(thinking=effort), OFFERING, False)
    assert (body["think"], losses) == (said, lost)


def test_a_request_is_read():
    schema = {"type": "object", "properties": {}}
    body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi", "images": ["iVBORw0KGgo=", "/9j/", "aa"]},
            {
                "role": "assistant",
                "content": "",
                "thinking": "hm",
                "tool_calls": [
                    {"function": {"name": "Read", "arguments": {"path": "x"}}},
                    {"id": "mine", "function": {"name": "Read"}},
                ],
            },
            {"role": "tool", "content": "B", "tool_name": "Read", "tool_call_id": "mine"},
            {"role": "tool", "content": "A", "tool_name": "Read"},
        ],
        "tools": [{"type": "function", "function": {"name": "Read", "parameters": schema}}],
        "format": schema,
        "think": "low",
        "options": {"num_predict": 5, "temperature": 0.5, "stop": ["END"]},
    }
    conversation, losses = DIALECT.read(body)
    assert conversation == Conversation(
        system=(Text("be brief"),),
        turns=(
            Turn(
                "user",
                (
                    Text("hi"),
                    IMAGE,
                    Media("image/jpeg", "/9j/"),
                    Media("application/octet-stream", "aa"),
                ),
            ),
            Turn(
                "assistant",
                (
                    Thinking("hm"),
                    ToolCall("call_0", "Read", {"path": "x"}),
                    ToolCall("mine", "Read", {}),
                ),
            ),
            Turn("user", (ToolResult("mine", (Text("B"),), "Read"),)),
            Turn("user", (ToolResult("call_0", (Text("A"),), "Read"),)),
        ),
        tools=(ToolSpec("Read", "", schema),),
        sampling=Sampling(output_tokens_max=5, temperature=0.5, stop=("END",)),
        answer_schema=schema,
        thinking="low",
    )
    assert losses == ()


@pytest.mark.parametrize(
    ("think", "effort", "lost"),
    [
        (True, "medium", ()),
        (False, "off", ()),
        ("high", "high", ()),
        ("max", "max", ()),
        ("odd", "high", ("effort",)),
        ("utmost", "high", ("effort",)),
        (None, None, ()),
    ],
)
def test_thinking_becomes_an_effort(think, effort, lost):
    conversation, losses = DIALECT.read(asking(think=think))
    assert (conversation.thinking, losses) == (effort, lost)


def test_a_format_is_a_schema():
    assert DIALECT.read(asking(format="json"))[0].answer_schema == {}
    assert DIALECT.read(asking(format=""))[0].answer_schema is None


@pytest.mark.parametrize("kind", ["web_search", "mcp", "my canary"])
def test_a_tool_that_is_no_function_is_refused_and_never_repeated(kind):
    tool = {"type": kind, "function": {"name": "Read"}}
    with pytest.raises(CannotExpress, match="function") as refused:
        DIALECT.peek(asking(tools=[tool]))
    assert kind not in refused.value.what


def test_what_only_a_servers_operator_decides_stays_on_the_premises():
    assert set(Request.__struct_fields__) <= DIALECT.may_leave <= DIALECT.fields.keys()
    assert "keep_alive" in DIALECT.fields.keys() - DIALECT.may_leave


def test_losses_are_named_and_never_by_a_clients_word():
    body = asking(keep_alive=-1, template=None, **{"my repo": 1})
    body["options"] = {"num_ctx": 5, "mirostat": 1}
    body["messages"][0]["note"] = "x"
    assert DIALECT.read(body)[1] == ("keep_alive", "unknown_field", "num_ctx")


def test_what_is_written_reads_back_the_same():
    conversation = talk(
        Turn("user", (Text("go"), IMAGE)),
        Turn("assistant", (Thinking("hm"), Text("ok"), ToolCall("call_0", "Read", {"a": 1}))),
        Turn("user", (ToolResult("call_0", (Text("x"),), "Read"),)),
        system=(Text("be brief"),),
        tools=(TOOL,),
        sampling=Sampling(5, 0.5, 0.5, 3, 1, 0.1, 0.2, ("END",)),
        answer_schema={"type": "object"},
        thinking="low",
    )
    body, losses = written(conversation)
    assert losses == ("tool_call_id",)
    assert DIALECT.read(body) == (conversation, ("truncate", "shift", "num_ctx"))
