"""What an Ollama client says and is answered when the engine speaks another dialect."""

import msgspec
import pytest

from gateway.dialects import DIALECTS as SERVED
from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.domain.event import (
    Began,
    Broke,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.domain.money import Tokens
from tests.doubles.bedrock_vendor import params_of
from tests.doubles.fleets import an_offering
from tests.doubles.vendor_readers import chunks, ollama_sends, ollama_stream, ollama_whole

DIALECTS = {**SERVED, BEDROCK_CONVERSE.name: BEDROCK_CONVERSE}
RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
PIXEL = "iVBORw0KGgo="
OFFERING = an_offering(
    "m", "b", "on_prem", wire_model="eu.anthropic.claude-opus-5-5",
    capabilities=frozenset({"tools", "images", "thinking"}),
)  # fmt: skip
SCHEMA = {"type": "object", "properties": {"S-key": {"type": "string"}}}
SPOKEN = ["openai_chat", "anthropic_messages", "openai_responses"]
TARGETS = [*SPOKEN, "bedrock_converse"]
BODY = {
    "model": "code",
    "messages": [
        {"role": "system", "content": "S-system"},
        {"role": "user", "content": "S-user", "images": [PIXEL]},
        {
            "role": "assistant",
            "content": "S-text",
            "tool_calls": [
                {"function": {"name": "S-tool", "arguments": {"S-key": "S-first"}}},
                {"function": {"name": "S-tool", "arguments": {"S-key": "S-second"}}},
            ],
        },
        {"role": "tool", "tool_name": "S-tool", "content": "S-answer-1"},
        {"role": "tool", "tool_name": "S-tool", "content": "S-answer-2"},
        {"role": "user", "content": "S-last"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "S-tool", "description": "S-does", "parameters": SCHEMA},
        }
    ],
    "format": {"type": "object", "properties": {"S-field": {"type": "string"}}},
    "options": {"num_predict": 3210, "temperature": 0.5, "stop": ["S-stop"]},
}
SENTINELS = {word for word in msgspec.json.encode(BODY).decode().split('"') if "S-" in word}


def test_the_request_is_one_that_the_vendors_client_sends() -> None:
    assert ollama_sends(BODY)["messages"] == BODY["messages"]


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_arrives_with_every_sentinel_or_its_loss(name, stream) -> None:
    target = DIALECTS[name]
    conversation, unread = OLLAMA_CHAT.read(BODY)
    body, unsaid = target.write(conversation, OFFERING, stream)
    if name == "bedrock_converse":
        params_of(body, OFFERING.wire_model, "ConverseStream" if stream else "Converse")
    else:
        assert target.peek(body).stream is stream
    said = msgspec.json.encode(body).decode()
    assert len(SENTINELS) == 13
    lost = " ".join((*unread, *unsaid))
    for sentinel in SENTINELS:
        told = {"S-field": "answer_schema", "S-stop": "stop"}.get(sentinel, "nothing")
        assert sentinel in said or told in lost, sentinel
    assert PIXEL in said
    assert "3210" in said
    first, second = said.index("S-answer-1"), said.index("S-answer-2")
    assert first < second


EVENTS = (
    Began(model="m", input_tokens=12),
    ThinkingDelta("hm"),
    TextDelta("Hé"),
    TextDelta("llo"),
    ToolCallBegan(0, "call_1", "read"),
    ToolCallDelta(0, '{"path"'),
    ToolCallDelta(0, ':"x"}'),
    ToolCallBegan(1, "call_2", "list"),
    ToolCallDelta(1, "{}"),
    Used(Tokens(10, 7, cache_read_tokens=2)),
    Stopped("tool_use"),
)


def through(name: str, events, size: int = 64) -> bytes:
    """Return what an Ollama client gets of a stream that an engine of that dialect sends."""
    engine = DIALECTS[name]
    writer = engine.writer("m", RECORD, True)
    raw = b"".join([*(writer.write(event) for event in events), writer.close()])
    reader, ours = engine.reader(), OLLAMA_CHAT.writer("asked", RECORD, True)
    read = [event for chunk in chunks(raw, size) for event in reader.feed(chunk)]
    assert reader.finished
    return b"".join([*(ours.write(event) for event in read), ours.close()])


@pytest.mark.parametrize("name", SPOKEN)
def test_a_stream_of_every_engine_is_one_that_the_vendors_client_reads(name) -> None:
    for size in (1, 64, 100_000):
        lines = ollama_stream(through(name, EVENTS, size))
        assert "".join(line.message.content or "" for line in lines) == "Héllo"
        assert "".join(line.message.thinking or "" for line in lines) == "hm"
        calls = [call.function for line in lines for call in line.message.tool_calls or ()]
        assert [(call.name, call.arguments) for call in calls] == [
            ("read", {"path": "x"}),
            ("list", {}),
        ]
        end = lines[-1]
        assert (end.done, end.done_reason) == (True, "stop")
        assert (end.prompt_eval_count, end.eval_count) == (12, 7)
        assert {line.model for line in lines} == {"asked"}


@pytest.mark.parametrize("name", SPOKEN)
def test_a_whole_reply_of_every_engine_is_one_that_the_vendors_client_reads(name) -> None:
    engine = DIALECTS[name]
    events = engine.read_reply(engine.write_reply(EVENTS, "m", RECORD))
    reply = ollama_whole(OLLAMA_CHAT.write_reply(events, "asked", RECORD))
    assert (reply.message.content, reply.message.thinking) == ("Héllo", "hm")
    assert [call.function.name for call in reply.message.tool_calls] == ["read", "list"]
    assert (reply.done_reason, reply.prompt_eval_count, reply.eval_count) == ("stop", 12, 7)


def test_nothing_of_a_broken_stream_says_that_it_is_done() -> None:
    writer = OLLAMA_CHAT.writer("asked", RECORD, True)
    raw = writer.write(TextDelta("a")) + writer.write(Broke("unreadable", "x")) + writer.close()
    assert b'"done":true' not in raw
