import msgspec
import ollama
import pytest

from gateway.dialects.ollama_chat import OLLAMA_CHAT as DIALECT
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
from gateway.wire import ndjson
from tests.doubles.goldens import golden
from tests.doubles.vendor_readers import chunks, ollama_stream, ollama_whole

STREAM = golden("ollama_chat/tools.stream.txt")
WHOLE = golden("ollama_chat/tools.json")
USED = Tokens(1234, 567)
MADE_ID = "call_0_340421fb98fc"
EVENTS = (
    Began(model="qwen3:14b"),
    ThinkingDelta("S-thought é"),
    TextDelta('S-text says "done":true '),
    TextDelta("日本"),
    ToolCallBegan(0, MADE_ID, "S-tool"),
    ToolCallDelta(0, '{"path":"S-argument","done":true}'),
    ToolCallBegan(1, "call_S-id", "S-silent"),
    ToolCallDelta(1, "{}"),
    Used(USED),
    Stopped("tool_use"),
)
HEARD = Heard(USED, "tool_use", "qwen3:14b")


def line(**fields):
    return msgspec.json.encode({"model": "m", **fields}) + b"\n"


def words(text, **fields):
    return line(message={"role": "assistant", "content": text}, done=False, **fields)


def reading(raw, size=64):
    reader = DIALECT.reader()
    events = tuple(event for chunk in chunks(raw, size) for event in reader.feed(chunk))
    return reader, events


def test_the_golden_is_what_the_vendors_client_takes_for_a_reply():
    lines = ollama_stream(STREAM)
    assert [part.done for part in lines] == [False] * 4 + [True]
    assert lines[3].message.tool_calls[0].function.arguments["path"] == "S-argument"
    assert ollama_whole(WHOLE).message.thinking == "S-thought é"


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


def test_a_whole_reply_says_the_same_as_its_stream():
    text = TextDelta('S-text says "done":true 日本')
    assert DIALECT.read_reply(WHOLE) == (*EVENTS[:2], text, *EVENTS[4:])


def test_ids_are_the_same_for_the_same_reply_and_differ_between_replies():
    def made(**fields):
        calls = [{"function": {"name": "f", "arguments": {}}}] * 2
        raw = line(message={"tool_calls": calls}, done=True, **fields)
        return [e.id for e in DIALECT.read_reply(raw) if isinstance(e, ToolCallBegan)]

    first, later = made(created_at="2026-11-20T10:00:00Z"), made(created_at="2026-11-20T10:00:01Z")
    assert first == made(created_at="2026-11-20T10:00:00Z")
    assert len({*first, *later}) == 4
    assert made() == ["call_0", "call_1"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"done_reason": "stop"}, "end"),
        ({"done_reason": "length"}, "length"),
        ({"done_reason": "load"}, "other:load"),
        ({"done_reason": "<script>"}, "other:unknown"),
        ({"done_reason": "my_canary_prompt"}, "other:unknown"),
        ({"done_reason": ""}, "end"),
        ({}, "end"),
    ],
)
def test_a_reason_is_told_in_the_words_of_the_house(fields, reason):
    raw = line(message={"content": "a"}, done=True, **fields)
    assert DIALECT.read_reply(raw)[-1] == Stopped(reason)
    assert DIALECT.hear(raw).stop == reason


def test_a_cut_call_stays_a_cut():
    call = {"function": {"name": "f", "arguments": {}}}
    raw = line(message={"tool_calls": [call]}, done=True, done_reason="length")
    assert DIALECT.read_reply(raw)[-1] == Stopped("length")


@pytest.mark.parametrize(
    ("counts", "used"),
    [
        ({}, None),
        ({"eval_count": 5}, Tokens(0, 5)),
        ({"prompt_eval_count": 5}, Tokens(5, 0)),
        ({"prompt_eval_count": -5, "eval_count": 5}, Tokens(0, 5)),
    ],
)
def test_a_count_may_be_missing(counts, used):
    raw = line(message={"content": "a"}, done=True, **counts)
    assert [e.tokens for e in DIALECT.read_reply(raw) if isinstance(e, Used)] == [
        *([used] if used else [])
    ]
    assert DIALECT.hear(raw).usage == used


def test_an_error_line_ends_the_reading():
    reader, events = reading(words("a") + line(error="it broke") + STREAM)
    assert events == (Began(model="m"), TextDelta("a"), Broke("unreadable", "it broke"))
    assert not reader.finished
    assert DIALECT.read_reply(line(error="x")) == (Broke("unreadable", "x"),)
    with pytest.raises(ollama.ResponseError, match="it broke"):
        ollama_stream(words("a") + line(error="it broke"))


def test_nothing_is_read_after_the_end():
    reader, events = reading(STREAM + STREAM)
    assert events == EVENTS
    assert reader.finished


def test_an_end_without_a_message_is_an_end():
    assert reading(line(done=True))[1] == (Began(model="m"), Stopped("end"))


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\n",
        b"[]\n",
        b"{}\n",
        b'{"status":"success"}\n',
        b'{"message":"text","done":false}\n',
        b'{"message":{"tool_calls":[{"function":{"name":""}}]},"done":false}\n',
        b'{"message":{"tool_calls":[{"function":{"name":"a","arguments":"{}"}}]}}\n',
        b'{"done":"yes"}\n',
        b"\xff\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_what_cannot_be_read_is_an_error_without_its_words(raw):
    for listener in (DIALECT.reader(), DIALECT.tap(True)):
        with pytest.raises(ValueError, match="not what this dialect says"):
            listener.feed(raw)
    with pytest.raises(ValueError, match="dialect"):
        DIALECT.hear(raw)


def test_half_a_reply_is_not_a_whole_one():
    for raw in (words("a"), line(done=True)):
        with pytest.raises(ValueError, match="whole reply"):
            DIALECT.hear(raw)
        with pytest.raises(ValueError, match="whole reply"):
            DIALECT.read_reply(raw)


def test_a_stream_without_an_end_has_a_bound():
    for listener in (DIALECT.reader(), DIALECT.tap(True)):
        with pytest.raises(ValueError, match="larger"):
            listener.feed(b"x" * (ndjson.LINE_BYTES_MAX + 1))


def test_a_whole_reply_is_heard():
    assert DIALECT.hear(WHOLE) == HEARD
    error = line(error="model requires more system memory")
    assert DIALECT.hear(error).broke == (
        FailureKind.UNREADABLE,
        "model requires more system memory",
    )


def test_a_stream_passes_byte_for_byte_wherever_it_is_cut():
    for cut in range(len(STREAM)):
        tap = DIALECT.tap(True)
        out = tap.feed(STREAM[:cut])
        assert not tap.finished
        assert out + tap.feed(STREAM[cut:]) == STREAM
        assert tap.finished
        assert tap.content_seen
        assert tap.heard == HEARD


def test_content_is_seen_when_something_is_said():
    tap = DIALECT.tap(True)
    tap.feed(words(""))
    assert not tap.content_seen
    assert tap.heard == Heard(model="m")
    tap.feed(line(message={"thinking": "hm"}, done=False))
    assert tap.content_seen


def test_a_line_that_says_nothing_new_passes_unread():
    tap = DIALECT.tap(True)
    tap.feed(words("a"))
    assert tap.feed(b"not even JSON\n") == b"not even JSON\n"


def test_an_error_line_is_heard_and_not_forwarded():
    tap = DIALECT.tap(True)
    assert tap.feed(words("a") + line(error="server busy") + STREAM) == words("a")
    assert tap.heard == Heard(model="m", broke=(FailureKind.OVERLOADED, "server busy"))
    assert tap.feed(STREAM) == b""
    assert not tap.finished


def test_nothing_passes_after_the_end():
    tap = DIALECT.tap(True)
    assert tap.feed(STREAM + words("late")) == STREAM
    assert tap.heard == HEARD


def test_tags_of_thought_that_an_engine_leaves_in_its_text_stay_text_as_they_are():
    """Nobody can tell them from words about tags; a server that parses thoughts says so itself."""
    raw = words("<th") + words("ink>hm</thi") + words("nk>yes")
    for size in (1, 7, len(raw)):
        _, events = reading(raw, size)
        texts = [event.text for event in events if isinstance(event, TextDelta)]
        assert texts == ["<th", "ink>hm</thi", "nk>yes"]
