import msgspec
import ollama
import pytest

from gateway.dialects.ollama_chat import OLLAMA_CHAT as DIALECT
from gateway.domain import errors
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
from gateway.translation import calls
from tests.doubles.goldens import golden
from tests.doubles.vendor_readers import ollama_stream, ollama_whole

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
USED = Used(Tokens(5, 7, cache_read_tokens=3, cache_write_tokens=2))


def streamed(*events, record=RECORD):
    writer = DIALECT.writer("asked", record, True)
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def both(*events):
    """Write whole and as a stream; the vendor's client must see the same reply."""
    lines = ollama_stream(streamed(*events))
    whole = ollama_whole(DIALECT.write_reply(events, "asked", RECORD))
    assert all(line.model == "asked" for line in lines)
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert "".join(line.message.content or "" for line in lines) == whole.message.content
    thoughts = "".join(line.message.thinking or "" for line in lines)
    assert thoughts == (whole.message.thinking or "")
    calls = [call for line in lines for call in line.message.tool_calls or ()]
    assert calls == list(whole.message.tool_calls or ())
    assert lines[-1].done_reason == whole.done_reason
    assert lines[-1].eval_count == whole.eval_count
    return whole


def test_a_reply_of_thoughts_words_and_calls():
    reply = both(
        Began(),
        ThinkingDelta("hm"),
        ThinkingDelta(signature="s"),
        TextDelta("He"),
        TextDelta("llo"),
        ToolCallBegan(0, "a", "Read"),
        ToolCallDelta(0, '{"path"'),
        ToolCallBegan(1, "", "Now"),
        ToolCallDelta(0, ': "x"}'),
        Stopped("tool_use"),
        USED,
    )
    assert (reply.message.thinking, reply.message.content) == ("hm", "Hello")
    assert [(call.function.name, call.function.arguments) for call in reply.message.tool_calls] == [
        ("Read", {"path": "x"}),
        ("Now", {}),
    ]
    assert reply.done_reason == "stop"
    assert (reply.prompt_eval_count, reply.eval_count) == (10, 7)
    assert reply.created_at == "2024-12-03T21:28:14.618000Z"


def test_a_call_keeps_its_id():
    raw = streamed(ToolCallBegan(0, "mine", "f"), Stopped("end"))
    assert msgspec.json.decode(raw.splitlines()[0])["message"]["tool_calls"][0]["id"] == "mine"


def test_calls_are_counted():
    raw = streamed(ToolCallBegan(0, "a", "f"), ToolCallBegan(1, "b", "g"), Stopped("tool_use"))
    calls = msgspec.json.decode(raw.splitlines()[0])["message"]["tool_calls"]
    assert [call["function"]["index"] for call in calls] == [0, 1]


def test_counts_and_times_are_whole_numbers_or_unsaid():
    reply = both(TextDelta("a"), Stopped("end"))
    said = (reply.total_duration, reply.load_duration, reply.eval_duration, reply.eval_count)
    assert said == (None, None, None, None)
    assert both(TextDelta("a"), Used(Tokens(0, 0)), Stopped("end")).prompt_eval_count == 0


def test_a_golden_reply_is_written_again():
    events = DIALECT.reader().feed(golden("ollama_chat/tools.stream.txt"))
    again = DIALECT.reader().feed(streamed(*events))
    assert again == (Began(model="asked"), *events[1:])


def test_a_record_without_a_time_makes_lines_without_one():
    for record in ("r", "", "f" * 12):
        assert ollama_stream(streamed(TextDelta("a"), record=record))[0].created_at is None


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("end", "stop"),
        ("length", "length"),
        ("stop_sequence", "stop"),
        ("refusal", "refusal"),
        ("other:load", "load"),
    ],
)
def test_a_reason_is_said_in_the_vendors_words(reason, said):
    assert both(TextDelta("a"), Stopped(reason)).done_reason == said


def test_a_reply_may_say_little():
    reply = both(TextDelta(""), ThinkingDelta(""))
    assert (reply.message.content, reply.done_reason, reply.eval_count) == ("", "stop", None)


def test_a_call_is_said_even_when_nobody_says_stop():
    assert both(ToolCallBegan(0, "a", "f")).message.tool_calls


def test_a_broken_reply_never_ends_well():
    raw = streamed(TextDelta("a"), Broke("unreadable", "dead"))
    assert b'"done":true' not in raw


def test_a_cut_call_is_read_as_far_as_it_goes():
    for text, read in (('{"a": 1, "b": "x', {"a": 1}), ("3E25", {}), ("nonsense", {})):
        reply = both(ToolCallBegan(0, "a", "f"), ToolCallDelta(0, text), Stopped("length"))
        assert reply.message.tool_calls[0].function.arguments == read


@pytest.mark.parametrize("text", ["3E25", "[1]", '{"a": 1', "nonsense", '{"a":NaN}'])
def test_a_whole_call_whose_arguments_are_no_object_is_an_error(text):
    events = (ToolCallBegan(0, "a", "f"), ToolCallDelta(0, text), Stopped("tool_use"))
    with pytest.raises(ValueError, match="not an object"):
        streamed(*events)
    with pytest.raises(ValueError, match="not an object"):
        DIALECT.write_reply(events, "asked", RECORD)


def test_arguments_of_a_call_that_never_began_are_an_error():
    with pytest.raises(ValueError, match="not begun"):
        streamed(ToolCallDelta(0, "{}"))


def test_what_waits_has_a_bound(monkeypatch):
    monkeypatch.setattr(calls, "HELD_BYTES_MAX", 8)
    with pytest.raises(ValueError, match="more than 8"):
        streamed(ToolCallBegan(0, "a", "f"), ToolCallDelta(0, "123456789"))


def test_an_error_is_one_that_the_client_understands():
    error = errors.Denied("It is so.")
    reply = DIALECT.refusal(error, RECORD)
    assert (reply.status, reply.content_type) == (400, "application/json")
    with pytest.raises(ollama.ResponseError, match=f"It is so. Record {RECORD}.") as raised:
        ollama_whole(reply.body, reply.status)
    assert raised.value.status_code == 400
    assert DIALECT.refusal(error, "").body == b'{"error":"It is so."}'


def test_a_broken_stream_ends_with_an_error_line():
    raw = streamed(TextDelta("a"), Broke("unreadable", "dead"))
    last = DIALECT.stream_error(errors.AllFailed("The engine broke off."), RECORD)
    with pytest.raises(ollama.ResponseError, match="broke off"):
        ollama_stream(raw + last)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.REJECTED),
        (403, FailureKind.REJECTED),
        (404, FailureKind.REJECTED),
        (408, FailureKind.TIMED_OUT),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.UNREADABLE),
        (502, FailureKind.UNREACHABLE),
        (503, FailureKind.OVERLOADED),
        (504, FailureKind.UNREACHABLE),
        (529, FailureKind.OVERLOADED),
        (302, FailureKind.UNREADABLE),
        (599, FailureKind.UNREADABLE),
    ],
)
def test_a_status_is_a_kind_of_failure(status, kind):
    body = b'{"error":"model \'x\' not found"}'
    assert DIALECT.failure(status, body) == (kind, "model 'x' not found")


NESTED = (
    '{"error":{"code":400,"message":"request (8889 tokens) exceeds the available context size '
    '(4096 tokens), try increasing it","type":"exceed_context_size_error","n_ctx":4096}}'
)


@pytest.mark.parametrize(
    "said",
    [
        "the input length exceeds the context length",
        "the prompt is longer than the context length currently available to the model",
        NESTED,
    ],
)
def test_a_prompt_that_is_too_long_is_told_apart(said):
    body = msgspec.json.encode({"error": said})
    kind, words = DIALECT.failure(400, body)
    assert kind is FailureKind.CONTEXT_EXCEEDED
    assert "{" not in words
    assert DIALECT.failure(500, body)[0] is FailureKind.CONTEXT_EXCEEDED
    assert DIALECT.failure(503, body)[0] is FailureKind.OVERLOADED
    assert DIALECT.hear(body).broke == (kind, words)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"<html>", ""),
        (b"", ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
        (b"[]", ""),
        (b'{"error":5}', ""),
        (b'{"error":{"message":"m"}}', "m"),
        (b'{"error":"404"}', "404"),
        (b'{"error":"a\\u001b[31mb"}', "a [31mb"),
    ],
)
def test_an_error_in_another_form_is_read_or_left_unsaid(raw, said):
    assert DIALECT.failure(404, raw) == (FailureKind.REJECTED, said)


def test_an_engines_words_are_few():
    body = msgspec.json.encode({"error": "x" * 900})
    assert len(DIALECT.failure(400, body)[1]) == 500


def test_a_busy_server_inside_a_reply_is_overloaded():
    for said in (
        "server busy, please try again.  maximum pending requests exceeded",
        "SERVER BUSY",
    ):
        body = msgspec.json.encode({"error": said})
        assert DIALECT.hear(body).broke[0] is FailureKind.OVERLOADED
