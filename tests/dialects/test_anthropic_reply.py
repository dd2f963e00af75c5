import msgspec
import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES as DIALECT
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
from tests.doubles.goldens import golden, recorded, recordings
from tests.doubles.vendor_readers import anthropic_stream, chunks

STREAM = golden("anthropic_messages/thinking_tools.stream.txt")
USED = Tokens(11, 44, cache_read_tokens=33, cache_write_tokens=22, reasoning_tokens=7)
EVENTS = (
    Began("msg_01S", "claude-5-S-model", 11),
    Used(Tokens(11, 1, cache_read_tokens=33, cache_write_tokens=22)),
    ThinkingDelta("S-thought é"),
    ThinkingDelta(signature="S-signature"),
    ThinkingDelta(redacted="S-redacted"),
    TextDelta('S-text says "error" and 日本'),
    ToolCallBegan(0, "toolu_S1", "S-tool"),
    ToolCallDelta(0, '{"path": "S-ar'),
    ToolCallDelta(0, 'gument"}'),
    ToolCallBegan(1, "toolu_S2", "S-silent"),
    ToolCallDelta(1, "{}"),
    Used(USED),
    Stopped("tool_use"),
)


def event(name, data):
    return f"event: {name}\ndata: {data}\n\n".encode()


def block(index, start):
    data = msgspec.json.encode({"index": index, "content_block": start}).decode()
    return event("content_block_start", data)


def change(index, **delta):
    data = msgspec.json.encode({"index": index, "delta": delta}).decode()
    return event("content_block_delta", data)


def reading(raw, size):
    reader = DIALECT.reader()
    events = tuple(event for chunk in chunks(raw, size) for event in reader.feed(chunk))
    return reader, events


def test_a_stream_is_read_the_same_wherever_it_is_cut():
    for size in (*range(1, 40), 97, 1000, len(STREAM)):
        reader, events = reading(STREAM, size)
        assert events == EVENTS
        assert reader.finished


def test_a_stream_cut_at_every_byte_is_never_finished():
    for cut in range(len(STREAM)):
        reader = DIALECT.reader()
        events = reader.feed(STREAM[:cut])
        assert not reader.finished
        assert events == EVENTS[: len(events)]
        assert events + reader.feed(STREAM[cut:]) == EVENTS


@pytest.mark.parametrize("name", recordings("messages_", "reasoning_messages"))
def test_the_real_engines_replies_are_read(name):
    _, raw = recorded(name)
    events = reading(raw, 50)[1] if "stream" in name else DIALECT.read_reply(raw)
    assert isinstance(events[0], Began)
    assert events[0].model == "tiny-qwen3"
    assert isinstance(events[-1], Stopped)
    assert isinstance(events[-2], Used)
    assert events[-2].tokens.output_tokens > 0


@pytest.mark.parametrize("name", [n for n in recordings("messages_") if "stream" in n])
def test_our_reading_of_the_real_streams_agrees_with_the_vendors(name):
    _, raw = recorded(name)
    message = anthropic_stream(raw)
    events = reading(raw, 50)[1]
    ours = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert ours == "".join(part.text for part in message.content if part.type == "text")
    calls = [event.id for event in events if isinstance(event, ToolCallBegan)]
    assert calls == [part.id for part in message.content if part.type == "tool_use"]
    used = events[-2].tokens
    assert used.output_tokens == message.usage.output_tokens
    assert used.input_tokens == message.usage.input_tokens
    assert used.cache_read_tokens == message.usage.cache_read_input_tokens


def test_a_whole_reply_says_the_same_as_its_stream():
    content = [
        {"type": "thinking", "thinking": "S-thought é", "signature": "S-signature"},
        {"type": "redacted_thinking", "data": "S-redacted"},
        {"type": "text", "text": 'S-text says "error" and 日本'},
        {"type": "tool_use", "id": "toolu_S1", "name": "S-tool", "input": {"path": "S-argument"}},
        {"type": "tool_use", "id": "toolu_S2", "name": "S-silent", "input": {}},
    ]
    usage = {
        "input_tokens": 11,
        "output_tokens": 44,
        "cache_read_input_tokens": 33,
        "cache_creation_input_tokens": 22,
        "output_tokens_details": {"thinking_tokens": 7},
    }
    whole = {
        "id": "msg_01S",
        "type": "message",
        "model": "claude-5-S-model",
        "content": content,
        "stop_reason": "tool_use",
        "usage": usage,
    }
    assert DIALECT.read_reply(msgspec.json.encode(whole)) == (
        EVENTS[0],
        ThinkingDelta("S-thought é", "S-signature"),
        *EVENTS[4:7],
        ToolCallDelta(0, '{"path":"S-argument"}'),
        *EVENTS[9:],
    )


def test_empty_words_make_no_events():
    raw = (
        block(0, {"type": "text", "text": ""})
        + change(0, type="text_delta", text="")
        + block(1, {"type": "thinking", "thinking": ""})
        + change(1, type="thinking_delta", thinking="")
        + change(1, type="signature_delta", signature="")
        + change(1, type="citations_delta", citation={})
    )
    assert reading(raw, 20)[1] == ()


def test_words_in_an_opening_block_count():
    raw = (
        block(0, {"type": "text", "text": "a"})
        + block(1, {"type": "thinking", "thinking": "b", "signature": "s"})
        + block(2, {"type": "redacted_thinking"})
    )
    assert reading(raw, 20)[1] == (
        TextDelta("a"),
        ThinkingDelta("b", "s"),
        ThinkingDelta(redacted=""),
    )


def test_arguments_in_an_opening_block_are_said_when_nothing_else_is():
    first = block(0, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}})
    second = block(1, {"type": "tool_use", "id": "b", "name": "f"})
    end = event("message_delta", '{"delta":{"stop_reason":"end_turn"}}')
    assert reading(first + second + end, 20)[1] == (
        ToolCallBegan(0, "a", "f"),
        ToolCallDelta(0, '{"x":1}'),
        ToolCallBegan(1, "b", "f"),
        ToolCallDelta(1, "{}"),
        Stopped("tool_use"),
    )


def test_a_stop_without_a_call_stays_as_it_was():
    end = event("message_delta", '{"delta":{"stop_reason":"stop_sequence","stop_sequence":"X"}}')
    assert reading(end, 20)[1] == (Stopped("stop_sequence", "X"),)
    assert reading(event("message_delta", '{"delta":{}}'), 20)[1] == ()


def test_a_second_beginning_is_no_second_beginning():
    start = STREAM[: STREAM.index(b"event: ping")]
    events = reading(start + start, 64)[1]
    assert [type(event) for event in events] == [Began, Used, Used]
    bare = event("message_start", '{"message":{"type":"message"}}')
    assert reading(bare, 64)[1] == (Began(),)


def test_an_error_ends_the_reading():
    fault = event("error", '{"error":{"type":"overloaded_error","message":"la\\nter"}}')
    reader, events = reading(fault + STREAM, 64)
    assert events == (Broke("overloaded", "la ter"),)
    assert not reader.finished
    whole = b'{"type":"error","error":{"type":"api_error","message":"dead"}}'
    assert DIALECT.read_reply(whole) == (Broke("unreadable", "dead"),)


def test_nothing_is_read_after_the_end():
    reader, events = reading(STREAM + STREAM, 64)
    assert events == EVENTS
    assert reader.finished


@pytest.mark.parametrize(
    "raw",
    [
        block(0, {"type": "server_tool_use", "id": "a", "name": "web_search"}),
        block(0, {"type": "tool_use", "id": "", "name": "f"}),
        block(0, {"type": "tool_use", "id": "a"}),
        block(0, {"type": "tool_use", "id": "a", "name": "f", "input": "{}"}),
        block(0, {"type": "text", "text": 5}),
        change(0, type="input_json_delta", partial_json="{}"),
        change(0, type="hologram_delta"),
        event("content_block_start", "{"),
        event("message_delta", "[]"),
    ],
)
def test_what_cannot_be_translated_is_an_error(raw):
    with pytest.raises(ValueError, match=r"translated|dialect|tool call"):
        DIALECT.reader().feed(raw)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"<html>",
        b'{"type":"message","content":[{"type":"server_tool_use"}]}',
        b'{"type":"message","content":["x"]}',
    ],
)
def test_a_whole_reply_that_cannot_be_read_is_an_error(body):
    with pytest.raises(ValueError, match=r"translated|dialect"):
        DIALECT.read_reply(body)


def test_a_whole_reply_may_say_little():
    assert DIALECT.read_reply(b'{"type":"message","content":[]}') == (Began(),)
