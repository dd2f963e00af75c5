import msgspec
import pytest
from google.genai import types

from gateway.dialects.gemini import GEMINI as DIALECT
from gateway.dialects.gemini import GEMINI_ARRAY
from gateway.dialects.gemini.signatures import REDACTED, SIGNED, UNSIGNED, unwrapped
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
from gateway.translation.limits import HELD_BYTES_MAX
from tests.doubles.goldens import assert_golden
from tests.doubles.google_client import google_chat, google_stream, google_whole
from tests.doubles.vendor_readers import chunks

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
USED = Tokens(11, 44, cache_read_tokens=33, cache_write_tokens=22, reasoning_tokens=7)
EVENTS = {
    "text": (
        Began("x", "y", 11),
        TextDelta("S-text é"),
        TextDelta(" and 日本"),
        Stopped("end"),
        Used(USED),
    ),
    "tools": (
        Began("x", "y"),
        ThinkingDelta("S-thought"),
        ThinkingDelta(" goes on"),
        ThinkingDelta(signature="S-signature"),
        ThinkingDelta(redacted="S-redacted"),
        TextDelta("S-text"),
        ToolCallBegan(0, "S-id_1", "S-tool"),
        ToolCallDelta(0, '{"path": "S-ar'),
        ToolCallBegan(1, "S-id_2", "S-silent", "S-bound"),
        ToolCallDelta(0, 'gument"}'),
        Used(USED),
        Stopped("tool_use"),
    ),
    "length": (
        TextDelta("S-text"),
        ToolCallBegan(0, "S-id", "S-tool"),
        ToolCallDelta(0, '{"path": "S-ar'),
        Stopped("length"),
        Used(Tokens(1, 2)),
    ),
    "refusal": (Began(), TextDelta("S-no"), Stopped("refusal"), Used(Tokens(1, 2))),
    "nothing": (Began(), Stopped("end")),
    "paused": (TextDelta("S-text"), Stopped("other:malformed_function_call")),
}
STOPS = {
    "text": "STOP",
    "tools": "STOP",
    "length": "MAX_TOKENS",
    "refusal": "SAFETY",
    "nothing": "STOP",
    "paused": "MALFORMED_FUNCTION_CALL",
}


def streamed(events):
    writer = DIALECT.writer("asked", RECORD, True)
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def whole(events):
    return DIALECT.write_reply(events, "asked", RECORD)


def parts_of(raw):
    return [part for told in google_stream(raw) for part in told.candidates[0].content.parts]


@pytest.mark.parametrize("name", EVENTS)
def test_a_reply_is_written_as_agreed_and_the_vendors_types_take_all_of_it(name):
    raw, body = streamed(EVENTS[name]), whole(EVENTS[name])
    assert_golden(
        f"gemini/{name}.stream.txt" if name != "tools" else "gemini/tools.written.stream.txt", raw
    )
    assert_golden(f"gemini/{name}.reply.json", msgspec.json.format(body, indent=2) + b"\n")
    told, reply = google_stream(raw), google_whole(body)
    for last in (told[-1], reply):
        assert last.candidates[0].finish_reason == types.FinishReason(STOPS[name])
        assert (last.model_version, last.response_id) == ("asked", RECORD)
    words = "".join(part.text or "" for part in parts_of(raw) if not part.thought)
    assert words == "".join(
        p.text or "" for p in reply.candidates[0].content.parts if not p.thought
    )
    assert told[-1].usage_metadata == reply.usage_metadata


@pytest.mark.parametrize("name", EVENTS)
def test_the_vendors_chat_keeps_what_we_answer_in_its_history(name):
    assert [content.role for content in google_chat(streamed(EVENTS[name]))][:2] == [
        "user",
        "model",
    ]


def test_only_the_last_chunk_says_why_the_reply_ended():
    told = google_stream(streamed(EVENTS["tools"]))
    assert [one.candidates[0].finish_reason for one in told[:-1]] == [None] * (len(told) - 1)


def test_usage_counts_what_came_from_a_cache_as_part_of_the_prompt():
    usage = google_whole(whole(EVENTS["text"])).usage_metadata
    assert usage.prompt_token_count == 11 + 33 + 22
    assert usage.cached_content_token_count == 33
    assert (usage.candidates_token_count, usage.thoughts_token_count) == (37, 7)
    assert usage.total_token_count == 66 + 44
    assert DIALECT.hear(whole(EVENTS["text"])).usage == Tokens(
        33, 44, cache_read_tokens=33, reasoning_tokens=7
    )


def test_parallel_calls_are_said_whole_with_arguments_that_are_objects():
    for parts in (parts_of(streamed(EVENTS["tools"])), google_whole(whole(EVENTS["tools"])).parts):
        calls = [part.function_call for part in parts if part.function_call]
        assert [(one.id, one.name, one.args) for one in calls] == [
            ("S-id_1", "S-tool", {"path": "S-argument"}),
            ("S-id_2", "S-silent", {}),
        ]


def test_every_signature_is_base64_and_comes_back():
    parts = msgspec.json.decode(whole(EVENTS["tools"]))["candidates"][0]["content"]["parts"]
    signed = [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]
    assert unwrapped(signed[0], SIGNED) == "S-signature"
    assert unwrapped(signed[1], REDACTED) == "S-redacted"
    assert signed[2] == UNSIGNED
    assert unwrapped(signed[3], SIGNED) == "S-bound"
    assert unwrapped(signed[3], REDACTED) is None
    assert unwrapped("no base64!", SIGNED) is None
    assert [part["text"] for part in parts[:3]] == ["S-thought goes on", "", "S-text"]


def test_a_reply_that_is_cut_in_a_call_tells_as_much_as_can_be_read():
    for events in (
        EVENTS["length"],
        (
            *EVENTS["length"][:1],
            ToolCallBegan(0, "i", "f"),
            ToolCallDelta(0, "nonsense"),
            Stopped("length"),
        ),
    ):
        call = google_whole(whole(events)).function_calls[0]
        assert call.args in ({}, {"path": "S-ar"}, {"path": ""})
        streamed(events)


@pytest.mark.parametrize("fragment", ["nonsense", "[1]", '"text"', '{"a":'])
def test_arguments_that_are_no_object_are_an_error(fragment):
    events = (ToolCallBegan(0, "i", "f"), ToolCallDelta(0, fragment), Stopped("tool_use"))
    for write in (whole, streamed):
        with pytest.raises(ValueError, match="not an object"):
            write(events)


def test_arguments_outside_of_a_call_are_an_error():
    for events in ((ToolCallDelta(0, "{}"),), (*EVENTS["tools"], ToolCallDelta(5, "{}"))):
        with pytest.raises(ValueError, match="has not begun"):
            streamed(events)


def test_what_waits_has_a_bound():
    writer = DIALECT.writer("asked", RECORD, True)
    writer.write(ToolCallBegan(0, "i", "f"))
    with pytest.raises(ValueError, match="bytes of arguments"):
        writer.write(ToolCallDelta(0, "x" * (HELD_BYTES_MAX + 1)))


def test_a_reply_that_broke_has_no_end():
    writer = DIALECT.writer("asked", RECORD, True)
    assert writer.write(TextDelta("x"))
    assert writer.write(Broke("unreadable", "said")) == b""
    assert writer.close() == b""


def test_an_engines_own_word_is_not_told():
    raw = whole((TextDelta("x"), Stopped("other:unknown")))
    assert google_whole(raw).candidates[0].finish_reason == types.FinishReason.OTHER


def test_blank_events_say_nothing():
    writer = DIALECT.writer("asked", RECORD, True)
    for event in (Began("x", "y", 5), TextDelta(""), ThinkingDelta(), Used(USED), Stopped("end")):
        assert writer.write(event) == b""


@pytest.mark.parametrize("name", EVENTS)
def test_who_does_not_ask_for_events_gets_one_array(name):
    raw = streamed(EVENTS[name])
    for size in (1, 7, len(raw)):
        frame = GEMINI_ARRAY.frame()
        out = b"".join([*(frame.feed(piece) for piece in chunks(raw, size)), frame.end(b"")])
        told = [
            types.GenerateContentResponse.model_validate(one) for one in msgspec.json.decode(out)
        ]
        assert len(told) == raw.count(b"data: ")


def test_an_array_ends_with_the_error_of_a_reply_that_broke():
    for before in (b"", b'data: {"a":1}\n\n'):
        frame = GEMINI_ARRAY.frame()
        out = frame.feed(b": ping\n\n" + before) + frame.end(b'{"error":{}}')
        assert msgspec.json.decode(out)[-1] == {"error": {}}
    assert GEMINI_ARRAY.frame().end(b"") == b"[]"
