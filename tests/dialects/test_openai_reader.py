from itertools import pairwise
from typing import Any

import msgspec
import pytest

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.dialect import Heard
from gateway.domain.event import (
    Began,
    Broke,
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

DONE = b"data: [DONE]\n\n"
BEGAN = Began("c-1", "qwen")


def event(*choices: dict[str, Any], **fields: Any) -> bytes:
    chunk = {"id": "c-1", "object": "chat.completion.chunk", "model": "qwen", "choices": choices}
    return b"data: " + msgspec.json.encode({**chunk, **fields}) + b"\n\n"


def a_choice(finish: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


def a_call(index: int | None, call_id: str | None, name: str | None, arguments: Any) -> Any:
    return {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}


def events_of(*events: bytes) -> list[Event]:
    return list(OPENAI_CHAT.reader().feed(b"".join(events)))


def test_a_stream_becomes_events_in_order() -> None:
    reader = OPENAI_CHAT.reader()
    events = reader.feed(
        event(a_choice(role="assistant", content=""))
        + b": keep-alive\n\n"
        + event(a_choice(content="Good "))
        + event(a_choice(content="day"))
        + event(a_choice("stop"))
        + event(usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})
        + DONE
    )

    assert events == (
        BEGAN,
        TextDelta("Good "),
        TextDelta("day"),
        Stopped("end"),
        Used(Tokens(5, 2)),
    )
    assert reader.finished


def test_everything_in_one_chunk_is_taken_apart() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    chunk = event(
        a_choice(
            "tool_calls",
            role="assistant",
            reasoning="Hm.",
            content="I look.",
            tool_calls=[a_call(0, "a", "f", '{"x":1}'), a_call(1, "b", "g", "")],
        ),
        usage=usage,
    )

    assert events_of(chunk) == [
        BEGAN,
        ThinkingDelta("Hm."),
        TextDelta("I look."),
        ToolCallBegan(0, "a", "f"),
        ToolCallDelta(0, '{"x":1}'),
        ToolCallBegan(1, "b", "g"),
        Stopped("tool_use"),
        Used(Tokens(5, 2)),
    ]


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_has_two_names_and_counts_once(name: str) -> None:
    assert events_of(event(a_choice(**{name: "Hm."}))) == [BEGAN, ThinkingDelta("Hm.")]
    both = event(a_choice(reasoning="Hm.", reasoning_content="Hm."))
    assert events_of(both) == [BEGAN, ThinkingDelta("Hm.")]


def test_an_empty_list_of_calls_is_no_call() -> None:
    assert events_of(event(a_choice("stop", content="x", tool_calls=[]), usage=None)) == [
        BEGAN,
        TextDelta("x"),
        Stopped("end"),
    ]


def test_interleaved_fragments_find_their_call() -> None:
    events = events_of(
        event(a_choice(tool_calls=[a_call(0, "a", "f", ""), a_call(1, "b", "g", "")])),
        event(a_choice(tool_calls=[a_call(1, None, None, "{1")])),
        event(a_choice(tool_calls=[a_call(0, None, None, "{0"), a_call(1, "", "", "}1")])),
        event(a_choice(tool_calls=[a_call(0, "a", "f", "}0")])),
    )

    assert events == [
        BEGAN,
        ToolCallBegan(0, "a", "f"),
        ToolCallBegan(1, "b", "g"),
        ToolCallDelta(1, "{1"),
        ToolCallDelta(0, "{0"),
        ToolCallDelta(1, "}1"),
        ToolCallDelta(0, "}0"),
    ]


def test_calls_of_an_engine_that_counts_wrongly_are_told_apart_by_id() -> None:
    for index in (0, None):
        events = events_of(
            event(a_choice(tool_calls=[a_call(index, "a", "f", "{}")])),
            event(a_choice(tool_calls=[a_call(index, "b", "f", "{")])),
            event(a_choice(tool_calls=[a_call(index, None, None, "}")])),
        )

        assert events == [
            BEGAN,
            ToolCallBegan(0, "a", "f"),
            ToolCallDelta(0, "{}"),
            ToolCallBegan(1, "b", "f"),
            ToolCallDelta(1, "{"),
            ToolCallDelta(1, "}"),
        ]


def test_indexes_that_do_not_start_at_nothing_are_counted_anew() -> None:
    events = events_of(event(a_choice(tool_calls=[a_call(4, "a", "f", "{}")])))

    assert events[1:] == [ToolCallBegan(0, "a", "f"), ToolCallDelta(0, "{}")]


def test_a_call_without_id_is_given_one() -> None:
    events = events_of(event(a_choice(tool_calls=[a_call(0, None, "f", {"x": [1]})])))

    assert events[1:] == [ToolCallBegan(0, "call_c-1_0", "f"), ToolCallDelta(0, '{"x":[1]}')]


def test_a_reply_that_calls_a_tool_stops_for_it() -> None:
    events = events_of(
        event(a_choice(tool_calls=[a_call(0, "a", "f", "{}")])), event(a_choice("stop"))
    )

    assert events[-1] == Stopped("tool_use")


def test_a_call_that_was_cut_stopped_for_length() -> None:
    events = events_of(
        event(a_choice(tool_calls=[a_call(0, "a", "f", '{"x')])), event(a_choice("length"))
    )

    assert events[-1] == Stopped("length")


def test_a_refusal_is_words_and_a_refusal() -> None:
    assert events_of(event(a_choice(refusal="No.")), event(a_choice("stop"))) == [
        BEGAN,
        TextDelta("No."),
        Stopped("refusal"),
    ]


def test_a_stop_sequence_is_named() -> None:
    events = events_of(event({**a_choice("stop"), "stop_reason": "END"}))

    assert events == [BEGAN, Stopped("stop_sequence", "END")]


def test_only_the_first_choice_is_read() -> None:
    events = events_of(
        event(a_choice(index=1, content="other")), event(a_choice(content="x"), a_choice(index=1))
    )

    assert events == [BEGAN, TextDelta("x")]


def test_the_cut_of_the_chunks_changes_nothing() -> None:
    raw = b"".join(
        [
            event(a_choice(role="assistant", content="")),
            event(a_choice(content="é\n")),
            event(a_choice(tool_calls=[a_call(0, "a", "f", '{"x":')])),
            event(a_choice("tool_calls", tool_calls=[a_call(0, None, None, "1}")])),
            event(usage={"prompt_tokens": 1}),
            DONE,
        ]
    )
    whole = OPENAI_CHAT.reader().feed(raw)

    for places in [*([place] for place in range(len(raw))), list(range(len(raw)))]:
        reader = OPENAI_CHAT.reader()
        found: list[Event] = []
        for begin, end in pairwise([0, *places, len(raw)]):
            found += reader.feed(raw[begin:end])
        assert tuple(found) == whole
        assert reader.finished


@pytest.mark.parametrize(
    "raw",
    [
        b'data: {"error":{"message":"bad","code":503}}\n\n',
        b'event: error\ndata: {"error":{"message":"bad","code":503}}\n\n',
        b'data: {"object":"error","message":"bad","code":503}\n\n',
    ],
)
def test_an_error_ends_the_reply(raw: bytes) -> None:
    reader = OPENAI_CHAT.reader()
    text = event(a_choice(content="x"))

    assert reader.feed(text + raw + text + DONE) == (
        BEGAN,
        TextDelta("x"),
        Broke(FailureKind.OVERLOADED, "bad"),
    )
    assert reader.feed(DONE) == ()
    assert not reader.finished


def test_nothing_is_read_after_the_end_mark() -> None:
    assert events_of(event(a_choice(content="x")), DONE, event(a_choice(content="y"))) == [
        BEGAN,
        TextDelta("x"),
    ]


def test_a_stream_without_end_mark_is_not_finished() -> None:
    reader = OPENAI_CHAT.reader()
    reader.feed(event(a_choice("stop", content="x")))

    assert not reader.finished


@pytest.mark.parametrize(
    "raw",
    [
        b"data: <html>canary</html>\n\n",
        b'data: {"choices":[{"delta":"canary"}]}\n\n',
        event(a_choice(content=["canary"])),
        event(a_choice(reasoning=7)),
        event(a_choice(function_call={"name": "canary"})),
        event(a_choice(audio={"data": "canary"})),
        event(a_choice(tool_calls=[a_call(0, "a", None, "canary")])),
        event(a_choice(tool_calls=[{"index": 0, "id": "canary"}])),
        event(a_choice(tool_calls=[a_call(0, "a", "f", ["canary"])])),
    ],
)
def test_what_cannot_be_read_is_an_error_without_a_word_of_it(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[a-z ]+$") as caught:
        OPENAI_CHAT.reader().feed(raw)

    assert "canary" not in str(caught.value)


def a_reply(message: dict[str, Any], **fields: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    reply = {"id": "c-1", "object": "chat.completion", "model": "qwen", "choices": [choice]}
    return msgspec.json.encode({**reply, **fields})


def test_a_whole_reply_becomes_events() -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}]
    body = a_reply(
        {"content": "I look.", "reasoning": "Hm.", "tool_calls": calls, "function_call": None},
        usage={"prompt_tokens": 5, "completion_tokens": 2},
    )

    assert OPENAI_CHAT.read_reply(body) == (
        BEGAN,
        ThinkingDelta("Hm."),
        TextDelta("I look."),
        ToolCallBegan(0, "a", "f"),
        ToolCallDelta(0, '{"x":1}'),
        Stopped("tool_use"),
        Used(Tokens(5, 2)),
    )
    assert OPENAI_CHAT.hear(body) == Heard(Tokens(5, 2), "tool_use", "qwen")


def test_several_calls_of_a_whole_reply_are_counted() -> None:
    calls = [{"id": name, "function": {"name": name, "arguments": "{}"}} for name in "abc"]
    events = OPENAI_CHAT.read_reply(a_reply({"content": None, "tool_calls": calls}))

    begun = [event for event in events if isinstance(event, ToolCallBegan)]
    assert [(call.index, call.id) for call in begun] == [(0, "a"), (1, "b"), (2, "c")]


def test_a_reply_without_usage_is_heard_all_the_same() -> None:
    assert OPENAI_CHAT.hear(a_reply({"content": "x"}, model=None)) == Heard(stop="end")


def test_a_reply_that_never_stopped_has_no_stop() -> None:
    body = msgspec.json.encode({"choices": [{"message": {"content": "x"}}]})

    assert OPENAI_CHAT.hear(body) == Heard()
    assert OPENAI_CHAT.read_reply(body) == (Began(), TextDelta("x"))


@pytest.mark.parametrize("read", [OPENAI_CHAT.read_reply, OPENAI_CHAT.hear])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":null}',
        b'{"choices":[{"delta":{"content":"x"}}]}',
        b'{"choices":[{"message":"canary"}]}',
        b'{"type":"message","content":[{"type":"text","text":"canary"}]}',
    ],
)
def test_what_is_no_whole_reply_cannot_be_read(read: Any, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a (whole )?chat completion"):
        read(body)


def test_an_error_with_a_good_status_is_heard() -> None:
    body = b'{"error":{"message":"bad","code":429}}'

    assert OPENAI_CHAT.hear(body) == Heard(broke=(FailureKind.RATE_LIMITED, "bad"))
    assert OPENAI_CHAT.read_reply(body) == (Broke(FailureKind.RATE_LIMITED, "bad"),)
