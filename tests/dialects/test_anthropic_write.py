import msgspec
import pytest
from anthropic.types import (
    ContentBlockParam,
    MessageCreateParams,
    MessageParam,
    TextBlockParam,
    ToolParam,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES as DIALECT
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
from gateway.domain.errors import CannotExpress
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import assert_golden_json, golden_json

OFFERING = an_offering("claude", "cloud", "frontier", wire_model="claude-5")
PARAMS, MESSAGE, BLOCK, WORDS, SPEC = (
    TypeAdapter(kind)
    for kind in (MessageCreateParams, MessageParam, ContentBlockParam, TextBlockParam, ToolParam)
)
HELLO = (Turn("user", (Text("hello"),)),)
TOOL = ToolSpec("Read", "Reads.", {"type": "object", "properties": {}})


def talk(*turns, system=(), **fields):
    return Conversation(system=system, turns=turns or HELLO, **fields)


def judge(body):
    """Let the vendor's own request types judge the body; lists one by one, for they are lazy."""
    PARAMS.validate_python(body)
    for block in body.get("system", ()):
        WORDS.validate_python(block)
    for tool in body.get("tools", ()):
        SPEC.validate_python(tool)
    for message in body["messages"]:
        MESSAGE.validate_python(message)
        for block in message["content"]:
            BLOCK.validate_python(block)


def written(conversation, *, stream=False):
    body, losses = DIALECT.write(conversation, OFFERING, stream)
    judge(body)
    return body, losses


def blocks(*parts, role="user"):
    body, losses = written(talk(Turn(role, parts)))
    return body["messages"][0]["content"], losses


def test_the_least_conversation_is_a_whole_request():
    body, losses = written(talk())
    assert body == {
        "model": "claude-5",
        "max_tokens": 8192,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        "stream": False,
    }
    assert losses == ("max_tokens_injected",)


def test_a_limit_of_the_client_is_kept_and_a_stream_asked_for():
    body, losses = written(talk(sampling=Sampling(output_tokens_max=7)), stream=True)
    assert (body["max_tokens"], body["stream"], losses) == (7, True, ())


def test_an_agents_request_survives_reading_and_writing():
    conversation, _ = DIALECT.read(golden_json("anthropic_messages/agent_turn.json"))
    body, losses = written(conversation, stream=True)
    assert_golden_json("anthropic_messages/agent_turn.anthropic_messages.json", body)
    assert losses == ("thinking_tokens_max", "temperature", "top_k")


def test_blank_words_and_empty_turns_are_left_out():
    body, _ = written(
        talk(
            Turn("user", (Text("a"), Text(" \n"), Text("b"))),
            Turn("assistant", (Text(""),)),
            Turn("assistant", ()),
            system=(Text(""), Text("be brief"), Text(" ")),
        )
    )
    assert len(body["messages"]) == 1
    assert [block["text"] for block in body["messages"][0]["content"]] == ["a", "b"]
    assert body["system"] == [{"type": "text", "text": "be brief"}]


@pytest.mark.parametrize("turns", [(Turn("user", ()),), (Turn("user", (Text(" "),)),)])
def test_a_conversation_without_words_cannot_be_said(turns):
    with pytest.raises(CannotExpress, match="turn"):
        DIALECT.write(Conversation(system=(Text("be brief"),), turns=turns), OFFERING, False)


def test_answers_to_parallel_calls_are_one_turn_and_come_first():
    body, _ = written(
        talk(
            Turn("user", (Text("go"),)),
            Turn("assistant", (ToolCall("a", "Read", {}), ToolCall("b", "Read", {"x": 1}))),
            Turn("user", (ToolResult("a", (Text("1"),)),)),
            Turn("user", (Text("also"), ToolResult("b", (), failed=False))),
        )
    )
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "1"}]},
        {"type": "tool_result", "tool_use_id": "b", "is_error": False},
        {"type": "text", "text": "also"},
    ]


def test_an_id_that_the_vendor_refuses_is_spelled_alike_in_call_and_answer():
    body, _ = written(
        talk(
            Turn("assistant", (ToolCall("functions.Bash:0", "Bash", {}),)),
            Turn("user", (ToolResult("functions.Bash:0", (Text("x"),)),)),
        )
    )
    call, answer = body["messages"][0]["content"][0], body["messages"][1]["content"][0]
    assert call["id"] == answer["tool_use_id"] == "functions_Bash_0_a97d1507"


def test_a_tool_answer_carries_images_and_its_failure():
    said, losses = blocks(
        ToolResult("a", (Text("x"), Text(" "), Media("image/png", "aa")), failed=True)
    )
    assert said == [
        {
            "type": "tool_result",
            "tool_use_id": "a",
            "content": [
                {"type": "text", "text": "x"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "aa"},
                },
            ],
            "is_error": True,
        }
    ]
    assert losses == ("max_tokens_injected",)


def test_media_that_the_vendor_cannot_see_is_lost_by_name():
    said, losses = blocks(
        Text("a"), Media("application/pdf", "aa"), Media("image/tiff", "aa"), Media("a/b", "aa")
    )
    assert [block["type"] for block in said] == ["text", "document"]
    assert losses == ("media", "max_tokens_injected")


def test_signed_reasoning_is_replayed_and_unsigned_reasoning_lost_by_name():
    said, losses = blocks(
        Thinking("hm", "sig"),
        Thinking("", redacted="dark"),
        Thinking("unsigned"),
        Text("a"),
        role="assistant",
    )
    assert said[:2] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "dark"},
    ]
    assert len(said) == 3
    assert losses == ("thinking_unsigned", "max_tokens_injected")


def test_a_part_of_this_dialect_comes_home_and_of_another_is_lost():
    mine = {"type": "search_result", "source": "s", "title": "T", "content": []}
    said, losses = blocks(
        Text("a"),
        Opaque("anthropic_messages", "search_result", mine),
        Opaque("openai_chat", "input_audio", {"type": "input_audio"}),
        Opaque("anthropic_messages", "odd", "no block"),
    )
    assert said[1] == mine
    assert losses == ("input_audio", "unknown_block", "max_tokens_injected")


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice("auto"), {"type": "auto"}),
        (ToolChoice("any", parallel=False), {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("auto", parallel=True), {"type": "auto", "disable_parallel_tool_use": False}),
        (ToolChoice("none", parallel=False), {"type": "none"}),
        (ToolChoice("tool", "Read"), {"type": "tool", "name": "Read"}),
    ],
)
def test_tools_and_their_choice_are_said(choice, said):
    body, losses = written(talk(tools=(TOOL,), tool_choice=choice))
    assert body["tools"] == [
        {"name": "Read", "description": "Reads.", "input_schema": TOOL.schema},
    ]
    assert body["tool_choice"] == said
    assert losses == ("max_tokens_injected",)


def test_a_choice_without_tools_is_lost_where_it_meant_something():
    for mode, lost in (("auto", ()), ("none", ()), ("any", ("tool_choice",))):
        body, losses = written(talk(tool_choice=ToolChoice(mode), sampling=Sampling(5)))
        assert "tool_choice" not in body
        assert losses == lost


def test_a_schema_is_made_an_object():
    specs = (ToolSpec("a", "", {}), ToolSpec("b", "", {"properties": None, "required": []}))
    body, _ = written(talk(tools=specs))
    assert body["tools"] == [
        {"name": "a", "input_schema": {"type": "object"}},
        {"name": "b", "input_schema": {"type": "object", "required": []}},
    ]
    assert specs[1].schema == {"properties": None, "required": []}


def test_sampling_is_said_as_far_as_the_vendor_has_words():
    sampling = Sampling(
        output_tokens_max=5,
        temperature=1.5,
        top_p=0.5,
        top_k=3,
        seed=1,
        frequency_penalty=0.1,
        presence_penalty=0.1,
        stop=("END",),
    )
    body, losses = written(talk(sampling=sampling))
    assert (body["temperature"], body["top_k"]) == (1.0, 3)
    assert "top_p" not in body
    assert body["stop_sequences"] == ["END"]
    assert losses == ("seed", "frequency_penalty", "presence_penalty", "temperature", "top_p")
    assert written(talk(sampling=Sampling(5, top_p=0.5)))[1] == ()
    assert written(talk(sampling=Sampling(5, temperature=1.0)))[1] == ()


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_an_effort_is_adaptive_thinking(effort):
    body, losses = written(talk(thinking=effort, sampling=Sampling(5, temperature=0.5)))
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"] == {"effort": effort}
    assert "temperature" not in body
    assert losses == ("temperature",)


def test_no_thinking_keeps_the_sampling():
    body, losses = written(talk(thinking="off", sampling=Sampling(5, temperature=0.5)))
    assert body["thinking"] == {"type": "disabled"}
    assert (body["temperature"], losses) == (0.5, ())


def test_a_forced_tool_wins_over_thinking():
    forced = talk(
        thinking="high", tools=(TOOL,), tool_choice=ToolChoice("any"), sampling=Sampling(5)
    )
    body, losses = written(forced)
    assert "thinking" not in body
    assert losses == ("thinking",)


def test_an_answer_schema_is_said():
    schema = {"type": "object", "properties": {}}
    body, losses = written(talk(answer_schema=schema))
    closed = {**schema, "additionalProperties": False}
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": closed}}
    assert "answer_schema" not in "".join(losses)


def test_an_answer_of_any_form_is_a_loss_for_a_claude_alone():
    body, losses = written(talk(answer_schema={}, thinking="low"))
    assert body["output_config"] == {"effort": "low"}
    assert "answer_schema" in losses
    own = an_offering("qwen3", "vllm", "on_prem", wire_model="qwen3")
    body, losses = DIALECT.write(talk(answer_schema={}), own, False)
    assert body["output_config"]["format"]["schema"] == {"type": "object"}
    assert "answer_schema" not in losses


@pytest.mark.parametrize("model", ["claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514"])
def test_an_older_model_is_not_held_to_a_schema(model):
    old = an_offering("claude", "cloud", "frontier", wire_model=model)
    asked = talk(answer_schema={"type": "object"}, sampling=Sampling(5, temperature=0.5, top_p=0.5))
    body, losses = DIALECT.write(asked, old, False)
    assert "output_config" not in body
    assert "answer_schema" in losses
    assert (body["temperature"], body["top_p"]) == (0.5, 0.5)


def test_a_stop_sequence_of_blanks_is_a_loss():
    body, losses = written(talk(sampling=Sampling(5, stop=("\n", "END"))))
    assert body["stop_sequences"] == ["END"]
    assert losses == ("stop",)


def test_a_document_of_words_is_said_in_words():
    words = Media("text/markdown", "IyBIaQ==", "S-name.md")
    said, losses = blocks(words)
    source = {"type": "text", "media_type": "text/plain", "data": "# Hi"}
    assert said == [{"type": "document", "source": source, "title": "S-name.md"}]
    assert "media" not in losses
    assert "media" in blocks(Text("x"), Media("text/plain", "not base64!"))[1]
    assert "media" in blocks(Text("x"), Media("text/plain", "/w=="))[1]


def test_the_oracle_judges_inside_lists():
    odd = {"type": "tool_result", "content": []}
    with pytest.raises(ValidationError):
        judge({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [odd]}]})


def test_every_sentinel_is_found_again_or_named():
    body = {
        "model": "m",
        "max_tokens": 4242,
        "system": "S-system",
        "messages": [
            {"role": "user", "content": "S-user"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "S-thought", "signature": "S-signature"},
                    {"type": "redacted_thinking", "data": "S-redacted"},
                    {"type": "text", "text": "S-text", "cache_control": {"type": "S-cache"}},
                    {"type": "tool_use", "id": "S-id", "name": "S-tool", "input": {"S-key": "S-v"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "S-id",
                        "content": [
                            {"type": "text", "text": "S-answer"},
                            {"type": "search_result", "source": "S-source", "content": []},
                        ],
                    },
                    {"type": "hologram", "x": "S-opaque"},
                ],
            },
        ],
        "tools": [{"name": "S-tool", "description": "S-does", "input_schema": {"S-schema": 1}}],
        "stop_sequences": ["S-stop"],
        "metadata": {"user_id": "S-person"},
        "odd": "S-odd",
    }
    conversation, unread = DIALECT.read(body)
    out, unsaid = DIALECT.write(conversation, OFFERING, False)
    text = msgspec.json.encode(out).decode()
    named = {"S-cache": "cache_control", "S-person": "metadata", "S-odd": "unknown_field"}
    for word in msgspec.json.encode(body).decode().split('"'):
        if word.startswith("S-"):
            assert word in text or named[word] in (*unread, *unsaid)
    assert "4242" in text


PARTS = st.one_of(
    st.builds(Text, st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)),
    st.builds(Media, st.sampled_from(["image/png", "application/pdf"]), st.just("aa")),
)
SPEECH = st.lists(PARTS, min_size=1, max_size=3).map(tuple)


@settings(max_examples=40, deadline=None)
@given(st.lists(SPEECH, min_size=1, max_size=4), st.sampled_from(["low", "off", None]))
def test_what_is_written_reads_back_the_same(speeches, thinking):
    roles = ("user", "assistant")
    turns = [Turn(roles[number % 2], speech) for number, speech in enumerate(speeches)]
    conversation = Conversation(
        system=(Text("be brief"),),
        turns=tuple(turns),
        tools=(TOOL,),
        tool_choice=ToolChoice("auto", parallel=False),
        sampling=Sampling(output_tokens_max=9, stop=("x",)),
        answer_schema={"type": "object", "additionalProperties": False},
        thinking=thinking,
    )
    body, losses = DIALECT.write(conversation, OFFERING, True)
    assert DIALECT.read(body) == (conversation, ())
    assert losses == ()
