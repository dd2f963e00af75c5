"""The recorded words of a real vLLM, judged by OpenAI's own types."""

from itertools import pairwise

import msgspec
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.event import (
    CONTENT,
    Began,
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.domain.money import Tokens
from gateway.domain.route import FailureKind
from tests.doubles.openai_grammar import calls_of, chunks_of, text_of
from tests.doubles.openai_scenarios import ASKED, RECORD
from tests.doubles.vllm_recordings import names, recording

CHATS = [*names("chat_"), *names("reasoning_chat")]
STREAMS = [name for name in CHATS if "event-stream" in recording(name).content_type]
WHOLES = [name for name in CHATS if name not in STREAMS]
ERRORS = names("error_")


def chunks(name: str) -> list[ChatCompletionChunk]:
    events = recording(name).body.strip().split(b"\n\n")
    assert events[-1] == b"data: [DONE]"
    return [
        ChatCompletionChunk.model_validate(msgspec.json.decode(event.removeprefix(b"data: ")))
        for event in events[:-1]
    ]


def said(events: tuple[Event, ...]) -> tuple[str, list[tuple[str, str, str]]]:
    """The text and the calls."""
    calls = {e.index: (e.id, e.name) for e in events if isinstance(e, ToolCallBegan)}
    arguments = {
        index: "".join(
            e.fragment for e in events if isinstance(e, ToolCallDelta) and e.index == index
        )
        for index in calls
    }
    text = "".join(e.text for e in events if isinstance(e, TextDelta))
    return text, [(*calls[index], arguments[index]) for index in calls]


def test_the_recordings_are_there() -> None:
    assert "chat_stream" in STREAMS
    assert "chat_tool_stream_auto" in STREAMS
    assert "chat_whole" in WHOLES
    assert "error_chat_overflow" in ERRORS


@pytest.mark.parametrize("name", STREAMS)
def test_a_real_stream_passes_the_tap_byte_for_byte(name: str) -> None:
    raw = recording(name).body
    raw = raw[: raw.index(b"data: [DONE]\n\n") + len(b"data: [DONE]\n\n")]
    real = chunks(name)
    stops = [c.finish_reason for chunk in real for c in chunk.choices if c.finish_reason]
    usages = [chunk.usage for chunk in real if chunk.usage]

    tap = OPENAI_CHAT.tap(True)
    assert b"".join(tap.feed(raw[a:b]) for a, b in pairwise(range(len(raw) + 1))) == raw
    assert tap.finished
    assert tap.heard.model == real[0].model
    assert tap.heard.broke is None
    assert bool(tap.heard.stop) == bool(stops)
    assert (tap.heard.usage is not None) == bool(usages)
    if tap.heard.usage and usages:
        heard = tap.heard.usage
        assert heard.input_tokens + heard.cache_read_tokens == usages[-1].prompt_tokens
        assert heard.output_tokens == usages[-1].completion_tokens


@pytest.mark.parametrize("name", STREAMS)
def test_only_the_usage_event_of_a_real_stream_is_removed(name: str) -> None:
    tap = OPENAI_CHAT.tap(False)
    out = tap.feed(recording(name).body)
    kept = [event for event in recording(name).body.split(b"\n\n") if b'"choices":[]' not in event]

    assert out.strip() == b"\n\n".join(kept).strip()


@pytest.mark.parametrize("name", STREAMS)
def test_content_of_a_real_stream_is_seen_when_it_comes_and_not_before(name: str) -> None:
    tap = OPENAI_CHAT.tap(True)
    reader = OPENAI_CHAT.reader()
    seen = False
    for event in recording(name).body.split(b"\n\n"):
        tap.feed(event + b"\n\n")
        seen = seen or any(isinstance(e, CONTENT) for e in reader.feed(event + b"\n\n"))
        assert tap.content_seen is seen


@pytest.mark.parametrize("name", STREAMS)
def test_a_real_stream_is_read_as_the_official_types_read_it(name: str) -> None:
    reader = OPENAI_CHAT.reader()
    events = reader.feed(recording(name).body)
    text, calls = said(events)
    deltas = [c.delta for chunk in chunks(name) for c in chunk.choices if c.index == 0]
    fragments = [fragment for delta in deltas for fragment in delta.tool_calls or []]

    assert reader.finished
    assert isinstance(events[0], Began)
    assert sum(isinstance(event, Stopped) for event in events) == 1
    assert text == "".join(delta.content or "" for delta in deltas)
    assert [(i, n) for i, n, _ in calls] == [(f.id, f.function.name) for f in fragments if f.id]
    for index, (_, _, arguments) in enumerate(calls):
        assert arguments == "".join(
            f.function.arguments or "" for f in fragments if f.index == index
        )


@pytest.mark.parametrize("name", STREAMS)
def test_a_real_stream_stops_for_the_reason_that_it_gives(name: str) -> None:
    events = OPENAI_CHAT.reader().feed(recording(name).body)
    reason = next(event.reason for event in events if isinstance(event, Stopped))
    real = [c.finish_reason for chunk in chunks(name) for c in chunk.choices if c.index == 0]
    called = any(isinstance(event, ToolCallBegan) for event in events)

    words = {"stop": "tool_use" if called else "end", "tool_calls": "tool_use", "length": "length"}
    assert reason == words[str(real[-1])]


@pytest.mark.parametrize("name", [name for name in CHATS if name.startswith("reasoning")])
def test_real_reasoning_is_thinking_and_no_text(name: str) -> None:
    body = recording(name).body
    events = OPENAI_CHAT.reader().feed(body) if name in STREAMS else OPENAI_CHAT.read_reply(body)

    assert any(isinstance(event, ThinkingDelta) for event in events)
    assert "think>" not in said(events)[0]


@pytest.mark.parametrize("name", WHOLES)
def test_a_real_reply_is_read_as_the_official_types_read_it(name: str) -> None:
    body = recording(name).body
    real = ChatCompletion.model_validate(msgspec.json.decode(body))
    events = OPENAI_CHAT.read_reply(body)
    message = real.choices[0].message
    calls = [call for call in message.tool_calls or [] if call.type == "function"]

    assert said(events) == (
        message.content or "",
        [(call.id, call.function.name, call.function.arguments) for call in calls],
    )
    heard = OPENAI_CHAT.hear(body)
    used = next(event.tokens for event in events if isinstance(event, Used))
    assert heard.usage == used
    assert heard.stop == next(event.reason for event in events if isinstance(event, Stopped))
    assert heard.model == real.model
    assert real.usage is not None
    assert used.input_tokens + used.cache_read_tokens == real.usage.prompt_tokens
    assert used.output_tokens == real.usage.completion_tokens


def test_a_real_stop_sequence_is_told_by_its_words() -> None:
    assert OPENAI_CHAT.hear(recording("chat_stop").body).stop == "stop_sequence"


def test_a_real_reply_to_a_named_tool_stops_for_it_although_it_says_stop() -> None:
    assert b'"finish_reason":"stop"' in recording("chat_tool_named").body
    assert OPENAI_CHAT.hear(recording("chat_tool_named").body).stop == "tool_use"


@pytest.mark.parametrize("name", CHATS)
def test_a_real_reply_read_and_written_again_says_the_same(name: str) -> None:
    found = recording(name)
    if name in STREAMS:
        events = OPENAI_CHAT.reader().feed(found.body)
    else:
        events = OPENAI_CHAT.read_reply(found.body)
    writer = OPENAI_CHAT.writer(ASKED, RECORD, True)
    stream = b"".join([*(writer.write(event) for event in events), writer.close()])
    body = OPENAI_CHAT.write_reply(events, ASKED, RECORD)
    ChatCompletion.model_validate(msgspec.json.decode(body))
    text, calls = said(events)

    assert text_of(chunks_of(stream)) == text
    assert calls_of(chunks_of(stream)) == [
        {"id": call_id, "name": tool, "arguments": arguments} for call_id, tool, arguments in calls
    ]
    assert said(OPENAI_CHAT.read_reply(body)) == (text, calls)


@pytest.mark.parametrize("name", [name for name in ERRORS if name.startswith("error_chat")])
def test_a_real_refusal_is_understood(name: str) -> None:
    found = recording(name)
    kind, words = OPENAI_CHAT.failure(found.status, found.body)

    expected = FailureKind.REJECTED
    if "overflow" in name or name == "error_chat_max_tokens":
        expected = FailureKind.CONTEXT_EXCEEDED
    elif "queue_full" in name:
        expected = FailureKind.OVERLOADED
    assert kind is expected
    assert words
    assert words.isprintable()


def test_tokens_that_were_written_to_vllms_own_cache_count_as_input() -> None:
    body = recording("chat_tool_named").body
    usage = msgspec.json.decode(body)["usage"]

    assert OPENAI_CHAT.hear(body).usage == Tokens(
        usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"],
        usage["completion_tokens"],
        usage["prompt_tokens_details"]["cached_tokens"],
    )
