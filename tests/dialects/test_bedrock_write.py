"""Bodies for Bedrock; botocore validates each of them against the service's own model."""

from base64 import b64encode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE as DIALECT
from gateway.dialects.openai_chat import OPENAI_CHAT
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
from gateway.domain.fleet import Offering
from tests.doubles.bedrock_vendor import params_of, serialized
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import assert_golden_json, golden_json

CLAUDE = an_offering("claude", "aws", "eu", wire_model="eu.anthropic.claude-opus-5-5")
OLDER = an_offering("claude", "aws", "eu", wire_model="anthropic.claude-haiku-4-5-20251001-v1:0")
QWEN = an_offering("qwen", "aws", "eu", wire_model="qwen.qwen3-coder-next")
NOVA = an_offering("nova", "aws", "eu", wire_model="us.amazon.nova-pro-v1:0")
PNG = Media("image/png", b64encode(b"png").decode())
PDF = Media("application/pdf", b64encode(b"pdf").decode())
TOOL = ToolSpec("Read", "Reads.", {"type": "object", "properties": {"p": {"type": "string"}}})
CALL = ToolCall("toolu_1", "Read", {"p": "a"})
RESULT = ToolResult("toolu_1", (Text("it says"),), "Read")
USED = (Turn("user", (Text("go"),)), Turn("assistant", (CALL,)), Turn("user", (RESULT,)))


def talk(*turns: Turn, system=(), **fields) -> Conversation:
    return Conversation(system=system, turns=turns or (Turn("user", (Text("hi"),)),), **fields)


def written(conversation: Conversation, offering: Offering = CLAUDE):
    body, losses = DIALECT.write(conversation, offering, False)
    params = params_of(body, offering.wire_model)
    assert serialized(params)[1] == msgspec.json.decode(msgspec.json.encode(body))
    params_of(body, offering.wire_model, "ConverseStream")
    assert DIALECT.write(conversation, offering, True) == (body, losses)
    return body, losses


def test_an_agents_request_is_as_agreed():
    source = golden_json("anthropic_messages/agent_turn.json")
    conversation, _ = ANTHROPIC_MESSAGES.read(source)
    body, losses = written(conversation)
    assert_golden_json("bedrock_converse/agent_turn.json", body)
    lost = ("parallel_tool_calls", "thinking_tokens_max", "temperature", "top_k")
    assert losses == lost


def test_the_model_and_the_stream_stand_in_no_body():
    body, losses = written(talk(system=(Text("be brief"), Text(" "))))
    assert body == {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "system": [{"text": "be brief"}],
    }
    assert losses == ()


def test_parallel_results_of_openai_are_one_turn_and_stand_first():
    said = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "go"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": f"call.{n}", "type": "function",
                     "function": {"name": "f", "arguments": ""}}
                    for n in (1, 2)
                ],
            },
            {"role": "tool", "tool_call_id": "call.1", "content": "one"},
            {"role": "tool", "tool_call_id": "call.2", "content": ""},
            {"role": "user", "content": "and?"},
        ],
    }  # fmt: skip
    conversation, _ = OPENAI_CHAT.read(said)
    body, losses = written(conversation, QWEN)
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    first, second, last = body["messages"][2]["content"]
    calls = [block["toolUse"] for block in body["messages"][1]["content"]]
    assert [call["input"] for call in calls] == [{}, {}]
    assert [call["toolUseId"] for call in calls] == [
        first["toolResult"]["toolUseId"],
        second["toolResult"]["toolUseId"],
    ]
    assert second["toolResult"]["content"] == []
    assert last == {"text": "and?"}
    assert losses == ("tools_injected",)
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["f"]


def test_blank_turns_go_and_their_neighbours_are_joined():
    turns = [
        Turn("user", (Text("a"),)),
        Turn("assistant", (Text(" "),)),
        Turn("user", (Text("b"),)),
    ]
    body, _ = written(talk(*turns))
    assert body["messages"] == [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]


def test_a_conversation_without_words_cannot_be_said():
    with pytest.raises(CannotExpress, match="at least one turn"):
        DIALECT.write(talk(Turn("user", (Text("\n"),))), CLAUDE, False)


def test_a_conversation_that_the_assistant_begins_gets_a_first_turn():
    body, losses = written(talk(Turn("assistant", (Text("hello"),)), Turn("user", (Text("hi"),))))
    assert body["messages"][0] == {"role": "user", "content": [{"text": "."}]}
    assert losses == ("first_turn_injected",)


@pytest.mark.parametrize(
    ("offering", "losses"),
    [(CLAUDE, ()), (NOVA, ("top_k",)), (QWEN, ("tool_choice", "top_k"))],
)
def test_a_forced_tool_and_top_k_are_said_to_those_who_know_them(offering, losses):
    forced = ToolChoice("tool", "Read")
    body, found = written(
        talk(tools=(TOOL,), tool_choice=forced, sampling=Sampling(top_k=5)), offering
    )
    assert found == losses
    knows = "tool_choice" not in losses
    assert body["toolConfig"].get("toolChoice") == ({"tool": {"name": "Read"}} if knows else None)
    extra = {"top_k": 5} if offering is CLAUDE else None
    assert body.get("additionalModelRequestFields") == extra


@pytest.mark.parametrize(
    ("mode", "turns", "losses", "has_tools"),
    [
        ("auto", (), (), True),
        ("none", (), (), False),
        ("none", USED, ("tool_choice",), True),
        ("any", (), (), True),
    ],
)
def test_a_choice_of_no_tool_leaves_them_out_where_it_can(mode, turns, losses, has_tools):
    body, found = written(talk(*turns, tools=(TOOL,), tool_choice=ToolChoice(mode)))
    assert found == losses
    assert ("toolConfig" in body) is has_tools
    chosen = {"any": {}} if mode == "any" else None
    assert body.get("toolConfig", {}).get("toolChoice") == chosen


@pytest.mark.parametrize(
    ("mode", "losses"), [("any", ("tool_choice",)), ("auto", ()), ("none", ())]
)
def test_a_choice_without_tools_is_lost_only_if_it_says_something(mode, losses):
    body, found = written(talk(tool_choice=ToolChoice(mode)))
    assert (found, "toolConfig" in body) == (losses, False)


def test_history_with_calls_has_tools_even_when_none_are_left():
    body, losses = written(talk(*USED, tool_choice=ToolChoice("any")))
    spec = body["toolConfig"]["tools"][0]["toolSpec"]
    assert (spec["name"], spec["inputSchema"]) == ("Read", {"json": {"type": "object"}})
    assert "toolChoice" not in body["toolConfig"]
    assert losses == ("tool_choice", "tools_injected")


def test_one_call_at_a_time_is_a_named_loss():
    choice = ToolChoice("auto", parallel=False)
    assert written(talk(tools=(TOOL,), tool_choice=choice))[1] == ("parallel_tool_calls",)
    choice = ToolChoice("auto", parallel=True)
    assert written(talk(tools=(TOOL,), tool_choice=choice))[1] == ()


def test_a_schema_has_a_type_and_no_properties_of_null():
    bare = ToolSpec("bare", " ", {"properties": None})
    body, _ = written(talk(tools=(bare,)))
    assert body["toolConfig"]["tools"] == [
        {"toolSpec": {"name": "bare", "inputSchema": {"json": {"type": "object"}}}}
    ]


LONG = "mcp__a_server_with_a_long_name__" + "tool_" * 12
ODD = "files.read/all \u65e5"


def test_names_and_ids_that_bedrock_forbids_are_mapped_and_can_be_mapped_back():
    call = ToolCall("functions.Bash:0", ODD, {})
    turns = (
        Turn("user", (Text("go"),)),
        Turn("assistant", (call, ToolCall("x" * 80, LONG, {}))),
        Turn("user", (ToolResult("functions.Bash:0", ()), ToolResult("x" * 80, ()))),
    )
    asked = talk(*turns, tools=(ToolSpec(LONG, "", {}), TOOL), tool_choice=ToolChoice("tool", LONG))
    body, _ = written(asked)
    names = DIALECT.renamed(asked)
    assert set(names.values()) == {LONG, ODD}
    specs = [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]]
    assert [names.get(name, name) for name in specs] == [LONG, "Read"]
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": specs[0]}}
    used = [block["toolUse"] for block in body["messages"][1]["content"]]
    answered = [block["toolResult"] for block in body["messages"][2]["content"]]
    assert [names[one["name"]] for one in used] == [ODD, LONG]
    ids = [one["toolUseId"] for one in used]
    assert ids == [one["toolUseId"] for one in answered]
    assert len(set(ids)) == 2
    assert DIALECT.renamed(talk(tools=(TOOL,))) == {}


@settings(max_examples=20, deadline=None)
@given(names=st.lists(st.text(min_size=1, max_size=90), min_size=1, max_size=6, unique=True))
def test_whatever_a_tool_is_called_its_name_comes_back(names):
    asked = talk(tools=tuple(ToolSpec(name, "", {}) for name in names))
    body, _ = written(asked)
    back = DIALECT.renamed(asked)
    said = [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]]
    assert [back.get(name, name) for name in said] == names


def test_thinking_is_replayed_to_claude_as_it_was_signed():
    thought = (Thinking("why", "c2ln"), Thinking("", redacted="cmVk"), Thinking("unsigned"), CALL)
    turns = (USED[0], Turn("assistant", thought), USED[2])
    body, losses = written(talk(*turns, tools=(TOOL,)))
    first, second, *_ = body["messages"][1]["content"]
    assert first == {"reasoningContent": {"reasoningText": {"text": "why", "signature": "c2ln"}}}
    assert second == {"reasoningContent": {"redactedContent": "cmVk"}}
    assert losses == ("thinking_unsigned",)
    assert written(talk(*turns, tools=(TOOL,)), QWEN)[1] == ("thinking_replay", "redacted_thinking")


@pytest.mark.parametrize("data", ["not base64!", "", "abc", "\u65e5"])
def test_redacted_thinking_that_is_no_base64_is_a_loss(data):
    turn = Turn("assistant", (Thinking("", redacted=data), Text("x")))
    assert written(talk(Turn("user", (Text("a"),)), turn))[1] == ("redacted_thinking",)


def test_a_failed_result_says_so_where_the_model_takes_it():
    for failed, status in ((True, "error"), (False, "success")):
        result = ToolResult("toolu_1", (Text("no"), PNG), "Read", failed=failed)
        turns = (*USED[:2], Turn("user", (result,)))
        body, losses = written(talk(*turns, tools=(TOOL,)))
        block = body["messages"][2]["content"][0]["toolResult"]
        assert (block["status"], losses) == (status, ())
        assert block["content"][1]["image"]["format"] == "png"
        body, losses = written(talk(*turns, tools=(TOOL,)), QWEN)
        assert "status" not in body["messages"][2]["content"][0]["toolResult"]
        assert losses == (("tool_result_failed",) if failed else ())


def test_documents_have_names_and_words_beside_them():
    body, losses = written(talk(Turn("user", (PDF, PDF, PNG))))
    content = body["messages"][0]["content"]
    assert [block["document"]["name"] for block in content[:2]] == ["document 1", "document 2"]
    assert content[-1] == {"text": "The documents are attached."}
    assert losses == ("document_text_injected",)
    assert written(talk(Turn("user", (Text("see"), PDF))))[1] == ()


@pytest.mark.parametrize(
    ("role", "media"),
    [
        ("user", Media("audio/wav", "AAAA")),
        ("user", Media("image/png", "")),
        ("user", Media("application/pdf", "")),
        ("assistant", PNG),
    ],
)
def test_media_that_bedrock_does_not_take_is_a_loss(role, media):
    turns = [Turn("user", (Text("a"),)), Turn(role, (Text("b"), media))]
    assert written(talk(*turns))[1] == ("media",)


def test_a_part_of_another_dialect_is_lost_by_its_kind():
    opaque = Opaque("openai_chat", "input_audio", {})
    assert written(talk(Turn("user", (Text("a"), opaque))))[1] == ("input_audio",)
