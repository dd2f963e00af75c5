"""An engine's responses, whole and streamed, as events; cut at every byte."""

import msgspec
import pytest

from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.dialect import Heard
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
from gateway.domain.route import FailureKind
from tests.doubles.openai_scenarios import ASKED, RECORD, REPLIES
from tests.doubles.responses_grammar import lumps_of
from tests.doubles.vendor_readers import chunks
from tests.doubles.vllm_recordings import recording

REAL = recording("responses_stream").body
REAL_WHOLE = recording("responses_whole").body
WORDS = " bud 200requeststartswith"


def event(kind: str, **fields: object) -> bytes:
    data = msgspec.json.encode({"type": kind, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def added(**item: object) -> bytes:
    return event("response.output_item.added", output_index=0, item=item)


def done(**item: object) -> bytes:
    return event("response.output_item.done", output_index=0, item=item)


def final(status: str = "completed", **fields: object) -> bytes:
    response = {"id": "resp_1", "status": status, "output": [], **fields}
    return event("response.completed", response=response)


def read(*lumps: bytes) -> tuple:
    reader = OPENAI_RESPONSES.reader()
    return tuple(found for lump in lumps for found in reader.feed(lump))


CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look"}


def test_vllms_stream_is_read_to_the_word() -> None:
    reader = OPENAI_RESPONSES.reader()
    events = reader.feed(REAL)
    assert reader.finished
    assert events[0] == Began("resp_b7a6bcc9e80f7c43", "tiny-qwen3")
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == WORDS
    assert events[-2:] == (Used(Tokens(13, 4)), Stopped("length"))
    assert len(lumps_of(REAL)) == 11


def test_vllms_whole_reply_is_read_and_heard() -> None:
    events = OPENAI_RESPONSES.read_reply(REAL_WHOLE)
    assert [type(e) for e in events] == [Began, TextDelta, Used, Stopped]
    assert OPENAI_RESPONSES.hear(REAL_WHOLE) == Heard(Tokens(13, 16), "length", "tiny-qwen3")


@pytest.mark.parametrize("name", REPLIES)
def test_a_stream_cut_at_every_byte_says_the_same(name: str) -> None:
    writer = OPENAI_RESPONSES.writer(ASKED, RECORD, True)
    raw = b"".join([*(writer.write(e) for e in REPLIES[name]), writer.close()])
    whole = read(raw)
    for size in (1, 7, 64):
        assert read(*chunks(raw, size)) == whole
    for cut in range(0, len(raw), 11):
        assert read(raw[:cut], raw[cut:]) == whole


@pytest.mark.parametrize("name", REPLIES)
def test_what_is_written_is_read_again_whole_and_streamed(name: str) -> None:
    told = REPLIES[name]
    writer = OPENAI_RESPONSES.writer(ASKED, RECORD, True)
    raw = b"".join([*(writer.write(e) for e in told), writer.close()])
    reply = OPENAI_RESPONSES.write_reply(told, ASKED, RECORD)
    for events in (read(raw), OPENAI_RESPONSES.read_reply(reply)):
        for kind in (TextDelta, ThinkingDelta):
            assert joined(events, kind) == joined(told, kind)
        began = [e for e in told if isinstance(e, ToolCallBegan)]
        assert [e for e in events if isinstance(e, ToolCallBegan)] == began
        for call in began:
            assert fragments(events, call.index) == (fragments(told, call.index) or "{}")
        assert [e for e in events if isinstance(e, Used)] == [
            e for e in told if isinstance(e, Used)
        ]


def joined(events: tuple, kind: type) -> str:
    return "".join(e.text for e in events if isinstance(e, kind))


def fragments(events: tuple, index: int) -> str:
    return "".join(e.fragment for e in events if isinstance(e, ToolCallDelta) and e.index == index)


def test_a_call_stops_for_its_tool_even_when_the_final_response_leaves_it_out() -> None:
    assert read(added(**CALL), final())[-1] == Stopped("tool_use")


def test_items_that_come_whole_are_read_whole() -> None:
    said = done(type="message", content=[{"type": "refusal", "refusal": "No."}, {"type": "x"}])
    assert read(said)[-1] == TextDelta("No.")
    thought = done(type="reasoning", summary=[{"type": "summary_text", "text": "Hm."}])
    assert read(thought)[-1] == ThinkingDelta("Hm.")
    called = read(done(**CALL, arguments='{"a":1}'))
    assert called[-2:] == (ToolCallBegan(0, "call_1", "look"), ToolCallDelta(0, '{"a":1}'))
    assert read(done(**CALL))[-1] == ToolCallBegan(0, "call_1", "look")


def test_of_reasoning_and_its_summary_only_one_is_told() -> None:
    first = event("response.reasoning_text.delta", output_index=0, delta="Raw.")
    second = event("response.reasoning_summary_text.delta", output_index=0, delta="Short.")
    assert read(first, second, first)[1:] == (ThinkingDelta("Raw."), ThinkingDelta("Raw."))


def test_an_empty_delta_and_an_unknown_event_say_nothing() -> None:
    empty = event("response.output_text.delta", output_index=0, delta="")
    assert read(empty, event("response.invented", delta="x"), b": keep-alive\n\n") == (Began(),)


def test_a_call_without_an_id_gets_one() -> None:
    assert read(added(type="function_call", name="x"))[-1] == ToolCallBegan(0, "call_0", "x")
    assert read(added(type="function_call", id="fc", name="x"))[-1].id == "fc"


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "length"),
        ({"reason": "content_filter"}, "refusal"),
        ({"reason": "steered"}, "other:steered"),
        ({"reason": "not a word"}, "other:unknown"),
        (None, "other:unknown"),
    ],
)
def test_an_incomplete_reply_says_why(details: object, reason: str) -> None:
    assert read(final("incomplete", incomplete_details=details))[-1] == Stopped(reason)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "end"),
        ({"status": "cancelled"}, "other:cancelled"),
        ({"output": [{"type": "message", "content": [{"type": "refusal"}]}]}, "refusal"),
        ({"output": [{"type": "message"}, {"type": "custom_tool_call"}]}, "tool_use"),
    ],
)
def test_a_reply_that_ended_says_how(fields: dict, reason: str) -> None:
    assert read(final(**fields))[-1] == Stopped(reason)


def test_a_final_event_without_a_response_ends_the_stream() -> None:
    assert read(event("response.completed")) == (Began(), Stopped("end"))


@pytest.mark.parametrize("usage", [None, [], {"input_tokens": -1, "output_tokens": True}])
def test_odd_usage_makes_no_good_reply_unreadable(usage: object) -> None:
    assert all(e == Used(Tokens()) for e in read(final(usage=usage)) if isinstance(e, Used))


BROKEN = {
    "failed": event(
        "response.failed", response={"error": {"code": "server_error", "message": "b"}}
    ),
    "failed quietly": final("failed"),
    "error in a response": event("response.in_progress", response={"error": {"message": "b"}}),
    "error event": event("error", message="b", code="server_error"),
    "error line": b'event: error\ndata: {"error":{"message":"b","code":500}}\n\n',
    "bare error": b"event: error\ndata: boom\n\n",
}


@pytest.mark.parametrize("lump", BROKEN.values(), ids=BROKEN)
def test_an_error_ends_the_reply_and_nothing_follows(lump: bytes) -> None:
    reader = OPENAI_RESPONSES.reader()
    events = reader.feed(lump + final())
    assert [type(e) for e in events] == [Broke]
    assert events[0].code == FailureKind.UNREADABLE
    assert not reader.finished


UNREADABLE = {
    "no json": b"data: nonsense\n\n",
    "no type": b"data: {}\n\n",
    "a type that is none": b'data: {"type":1}\n\n',
    "an item of its own": added(type="web_search_call", id="ws"),
    "a custom call": done(type="custom_tool_call", call_id="c", name="x", input="y"),
    "no name": added(type="function_call", call_id="c"),
    "a name that is none": added(type="function_call", call_id="c", name=7),
    "a lone fragment": event("response.function_call_arguments.delta", output_index=3, delta="{"),
    "no text": event("response.output_text.delta", output_index=0, delta=7),
    "an html page": b"data: <html></html>\n\n",
}


@pytest.mark.parametrize("lump", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_an_error_without_its_words(lump: bytes) -> None:
    with pytest.raises(ValueError, match=r"\A(?!.*nonsense)") as caught:
        read(lump)
    assert "html" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"output":null}',
        b'{"output":[],"status":"queued"}',
        b"[" * 9999,
    ],
)
def test_what_is_no_whole_reply_is_an_error(body: bytes) -> None:
    for function in (OPENAI_RESPONSES.read_reply, OPENAI_RESPONSES.hear):
        with pytest.raises(ValueError, match="not a"):
            function(body)


def test_a_whole_reply_that_failed_is_broken() -> None:
    body = (
        b'{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow"},"output":[]}'
    )
    assert OPENAI_RESPONSES.read_reply(body) == (Broke(FailureKind.RATE_LIMITED, "slow"),)
    assert OPENAI_RESPONSES.hear(body).broke == (FailureKind.RATE_LIMITED, "slow")


def test_a_model_that_is_no_text_is_none() -> None:
    assert OPENAI_RESPONSES.hear(b'{"output":[],"model":7}').model == ""
