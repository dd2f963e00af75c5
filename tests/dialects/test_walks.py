"""From one dialect to another: what a client says, and what an engine answers."""

import msgspec
import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from gateway.dialects import DIALECTS
from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.event import Broke, Stopped, ToolCallBegan, ToolCallDelta, Used
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import (
    assert_golden,
    assert_golden_json,
    golden,
    golden_json,
    recorded,
    recordings,
)
from tests.doubles.message_grammar import assert_grammar
from tests.doubles.vendor_readers import (
    anthropic_stream,
    anthropic_whole,
    chunks,
    ollama_sends,
    ollama_stream,
)

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
OFFERING = an_offering("qwen3", "ollama", "on_prem", wire_model="qwen3:14b")
OLLAMA_STREAM = golden("ollama_chat/tools.stream.txt")
OLLAMA_WHOLE = golden("ollama_chat/tools.json")
CLAUDE_STREAM = golden("anthropic_messages/thinking_tools.stream.txt")


def asked(source, target, body, *, stream=True):
    conversation, unread = source.read(body)
    written, unsaid = target.write(conversation, OFFERING, stream)
    return written, tuple(dict.fromkeys((*unread, *unsaid)))


def answered(engine, client, raw, size=64):
    """Translate a stream; what the flow does, without the flow."""
    reader, writer = engine.reader(), client.writer("asked", RECORD, True)
    events = [event for chunk in chunks(raw, size) for event in reader.feed(chunk)]
    assert reader.finished
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def openai_stream(raw):
    """Return what OpenAI's own accumulator makes of a stream."""
    state = ChatCompletionStreamState()
    lumps = [lump.removeprefix(b"data: ") for lump in raw.strip().split(b"\n\n")]
    assert lumps.pop() == b"[DONE]"
    for lump in lumps:
        state.handle_chunk(openai.types.chat.ChatCompletionChunk.model_validate_json(lump))
    return state.get_final_completion()


def calls_of(message):
    return [(block.name, block.input) for block in message.content if block.type == "tool_use"]


def test_an_agents_request_goes_to_ollama():
    body, losses = asked(
        ANTHROPIC_MESSAGES, OLLAMA_CHAT, golden_json("anthropic_messages/agent_turn.json")
    )
    assert_golden_json("anthropic_messages/agent_turn.ollama_chat.json", body)
    assert losses == (
        "title",
        "metadata",
        "context_management",
        "thinking_signature",
        "redacted_thinking",
        "tool_call_id",
        "tool_result_media_moved",
        "tool_result_failed",
        "parallel_tool_calls",
        "thinking_tokens_max",
        "cache_control",
    )
    assert ollama_sends(body)["messages"][0] == body["messages"][0]


OPENAI_BODY = {
    "model": "code",
    "messages": [
        {"role": "developer", "content": "S-system"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "S-user"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            ],
        },
        {
            "role": "assistant",
            "content": "S-text",
            "tool_calls": [
                {
                    "id": "call_S-id",
                    "type": "function",
                    "function": {"name": "S-tool", "arguments": '{"S-key":"S-argument"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_S-id", "content": "S-answer"},
        {"role": "user", "content": "S-last"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "S-tool",
                "description": "S-does",
                "parameters": {"type": "object", "properties": {"S-key": {"type": "string"}}},
            },
        }
    ],
    "max_tokens": 321,
    "temperature": 0.5,
    "stop": ["S-stop"],
    "seed": 7,
    "stream": True,
}
SENTINELS = {
    word
    for word in msgspec.json.encode(OPENAI_BODY).decode().replace("\\", "").split('"')
    if "S-" in word
}


@pytest.mark.parametrize("target", [OLLAMA_CHAT, ANTHROPIC_MESSAGES])
def test_an_openai_request_arrives_with_every_sentinel_or_its_loss(target):
    OPENAI_CHAT.peek(OPENAI_BODY)
    body, losses = asked(OPENAI_CHAT, target, OPENAI_BODY)
    said = msgspec.json.encode(body).decode()
    assert len(SENTINELS) == 11
    for sentinel in SENTINELS:
        assert sentinel in said or (sentinel == "call_S-id" and "tool_call_id" in losses)
    assert "iVBORw0KGgo=" in said
    assert "321" in said
    target.peek(body)


def test_an_openai_request_to_ollama_is_as_agreed():
    body, losses = asked(OPENAI_CHAT, OLLAMA_CHAT, OPENAI_BODY)
    assert_golden_json("ollama_chat/from_openai_chat.json", body)
    assert losses == ("tool_call_id",)


def test_an_agents_request_goes_to_openai_and_back():
    body, _ = asked(
        ANTHROPIC_MESSAGES, OPENAI_CHAT, golden_json("anthropic_messages/agent_turn.json")
    )
    OPENAI_CHAT.peek(body)
    again, _ = asked(OPENAI_CHAT, ANTHROPIC_MESSAGES, body)
    ANTHROPIC_MESSAGES.peek(again)
    said = msgspec.json.encode(again).decode()
    for word in ("You are an agent.", "I will read both.", "toolu_02", "no such file", "Go on."):
        assert word in said


def test_ollamas_answer_reaches_an_anthropic_client():
    raw = answered(OLLAMA_CHAT, ANTHROPIC_MESSAGES, OLLAMA_STREAM)
    assert_grammar(raw)
    assert_golden("ollama_chat/tools.anthropic_messages.stream.txt", raw)
    message = anthropic_stream(raw)
    whole = anthropic_whole(
        ANTHROPIC_MESSAGES.write_reply(OLLAMA_CHAT.read_reply(OLLAMA_WHOLE), "asked", RECORD)
    )
    assert message == whole
    thought, text, *_ = message.content
    assert (thought.thinking, thought.signature) == ("S-thought é", "")
    assert text.text == 'S-text says "done":true 日本'
    assert calls_of(message) == [
        ("S-tool", {"path": "S-argument", "done": True}),
        ("S-silent", {}),
    ]
    assert message.stop_reason == "tool_use"
    assert (message.usage.input_tokens, message.usage.output_tokens) == (1234, 567)


def test_ollamas_answer_reaches_an_openai_client():
    completion = openai_stream(answered(OLLAMA_CHAT, OPENAI_CHAT, OLLAMA_STREAM))
    whole = openai.types.chat.ChatCompletion.model_validate_json(
        OPENAI_CHAT.write_reply(OLLAMA_CHAT.read_reply(OLLAMA_WHOLE), "asked", RECORD)
    )
    for reply in (completion, whole):
        choice = reply.choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content == 'S-text says "done":true 日本'
        calls = [call.function for call in choice.message.tool_calls]
        assert [(call.name, msgspec.json.decode(call.arguments)) for call in calls] == [
            ("S-tool", {"path": "S-argument", "done": True}),
            ("S-silent", {}),
        ]
        assert choice.message.tool_calls[1].id == "call_S-id"
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (1234, 567)


def test_claudes_answer_reaches_an_openai_client():
    completion = openai_stream(answered(ANTHROPIC_MESSAGES, OPENAI_CHAT, CLAUDE_STREAM))
    choice = completion.choices[0]
    assert choice.message.content == 'S-text says "error" and 日本'
    assert [call.id for call in choice.message.tool_calls] == ["toolu_S1", "toolu_S2"]
    assert [call.function.arguments for call in choice.message.tool_calls] == [
        '{"path": "S-argument"}',
        "{}",
    ]
    assert completion.usage.prompt_tokens == 11 + 22 + 33
    assert completion.usage.completion_tokens == 44


def test_claudes_answer_reaches_an_ollama_client():
    lines = ollama_stream(answered(ANTHROPIC_MESSAGES, OLLAMA_CHAT, CLAUDE_STREAM))
    assert "".join(line.message.content or "" for line in lines) == 'S-text says "error" and 日本'
    assert lines[-1].prompt_eval_count == 11 + 22 + 33


ONE_CHOICE = [
    name
    for name in recordings("chat_", "reasoning_chat")
    if "n2" not in name and golden(f"vllm/{name}.txt").startswith(b"HTTP 200")
]


@pytest.mark.parametrize("name", [name for name in ONE_CHOICE if "stream" in name])
def test_vllms_chat_streams_reach_an_anthropic_client(name):
    _, raw = recorded(name)
    out = answered(OPENAI_CHAT, ANTHROPIC_MESSAGES, raw)
    events = assert_grammar(out)
    assert events[-2]["usage"]["output_tokens"] >= 0
    assert anthropic_stream(out).model == "asked"


@pytest.mark.parametrize("name", [name for name in ONE_CHOICE if "stream" not in name])
def test_vllms_whole_chats_reach_an_anthropic_client(name):
    _, raw = recorded(name)
    events = OPENAI_CHAT.read_reply(raw)
    message = anthropic_whole(ANTHROPIC_MESSAGES.write_reply(events, "asked", RECORD))
    assert len(calls_of(message)) == sum(isinstance(event, ToolCallBegan) for event in events)
    assert message.usage.output_tokens > 0


def test_nonsense_arguments_are_told_apart_from_cut_ones():
    events = OPENAI_CHAT.read_reply(recorded("chat_tool_loose")[1])
    assert [event.fragment for event in events if isinstance(event, ToolCallDelta)] == ["Infinity"]
    message = anthropic_whole(ANTHROPIC_MESSAGES.write_reply(events, "asked", RECORD))
    assert (message.stop_reason, calls_of(message)) == ("max_tokens", [("f", {})])
    ended = tuple(Stopped("tool_use") if isinstance(e, Stopped) else e for e in events)
    for client in (ANTHROPIC_MESSAGES, OLLAMA_CHAT):
        with pytest.raises(ValueError, match="not an object"):
            client.write_reply(ended, "asked", RECORD)


@pytest.mark.parametrize("engine", [OPENAI_CHAT, ANTHROPIC_MESSAGES, OLLAMA_CHAT])
@pytest.mark.parametrize("client", [OPENAI_CHAT, ANTHROPIC_MESSAGES, OLLAMA_CHAT])
def test_a_stream_of_any_engine_ends_for_any_client_only_when_it_ended_well(engine, client):
    writer = engine.writer("engine", RECORD, True)
    call = (ToolCallBegan(0, "id_1", "f"), ToolCallDelta(0, '{"a":1}'))
    good = b"".join([*(writer.write(event) for event in (*call, Stopped("end"))), writer.close()])
    out = answered(engine, client, good)
    ends = {"openai_chat": b"[DONE]", "anthropic_messages": b"message_stop", "ollama_chat": b"true"}
    assert ends[client.name] in out
    half = engine.reader()
    again = client.writer("asked", RECORD, True)
    events = half.feed(good[: len(good) // 2])
    assert not half.finished
    assert ends[client.name] not in b"".join(again.write(event) for event in events)


def test_what_breaks_in_one_dialect_is_told_in_another():
    raw = b'{"error":"the input length exceeds the context length"}\n'
    events = OLLAMA_CHAT.reader().feed(raw)
    assert events == (Broke("context_exceeded", "the input length exceeds the context length"),)
    writer = ANTHROPIC_MESSAGES.writer("asked", RECORD, True)
    assert writer.write(events[0]) == writer.close() == b""


def test_every_dialect_is_listed_under_its_name():
    assert all(dialect.name == name for name, dialect in DIALECTS.items())
    assert {"openai_chat", "anthropic_messages"} <= set(DIALECTS)


def test_usage_is_the_same_in_every_dialect():
    for client in (OPENAI_CHAT, ANTHROPIC_MESSAGES):
        out = answered(ANTHROPIC_MESSAGES, client, CLAUDE_STREAM)
        used = [event for event in client.reader().feed(out) if isinstance(event, Used)][-1].tokens
        assert (used.input_tokens + used.cache_write_tokens, used.cache_read_tokens) == (33, 33)
        assert (used.output_tokens, used.reasoning_tokens) == (44, 7)
