import msgspec
import pytest

from gateway.dialects.gemini import GEMINI as DIALECT
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
from tests.doubles.goldens import golden, golden_json
from tests.doubles.google_client import google_stream, google_whole
from tests.doubles.vendor_readers import chunks

STREAM = golden("gemini/tools.stream.txt")
WHOLE = golden("gemini/tools.json")
SIGNATURE = "Uy1zaWduYXR1cmU="
EARLY = Used(Tokens(67, 0, cache_read_tokens=33))
USED = Tokens(67, 27, cache_read_tokens=33, reasoning_tokens=7)
ARGUMENTS = '{"path":"S-argument","finishReason":"STOP"}'


def reading(raw, size=64):
    reader = DIALECT.reader()
    events = tuple(event for piece in chunks(raw, size) for event in reader.feed(piece))
    return reader, events


def without_usage(events):
    return tuple(event for event in events if not isinstance(event, Used))


def chunk(**said):
    return b"data: " + msgspec.json.encode(said) + b"\r\n\r\n"


def candidate(*parts, **more):
    return {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}


def saying(*parts, **more):
    return chunk(candidates=[candidate(*parts, **more)])


END = saying(finishReason="STOP")


def test_a_stream_is_read_as_events():
    _, events = reading(STREAM)
    call = next(event for event in events if isinstance(event, ToolCallBegan))
    assert events == (
        Began("S-response_1", "gemini-3-S-model", 67),
        ThinkingDelta("S-thought é"),
        EARLY,
        TextDelta('S-text says "finishReason" '),
        EARLY,
        TextDelta("and 日本"),
        EARLY,
        ToolCallBegan(0, call.id, "S-tool", SIGNATURE),
        ToolCallDelta(0, ARGUMENTS),
        ToolCallBegan(1, "S-id_2", "S-silent"),
        ToolCallDelta(1, "{}"),
        EARLY,
        Stopped("tool_use"),
        Used(USED),
    )
    assert call.id.startswith("call_")


def test_a_stream_is_read_the_same_wherever_it_is_cut_and_however_its_lines_end():
    _, events = reading(STREAM)
    for end in (b"\r\n", b"\n", b"\r"):
        raw = STREAM.replace(b"\r\n", end)
        for size in (*range(1, 40), 97, 1000, len(raw)):
            reader, found = reading(raw, size)
            assert found == events
            assert reader.finished


def test_a_stream_cut_at_every_byte_is_never_finished():
    _, events = reading(STREAM)
    for cut in range(len(STREAM)):
        reader, tap = DIALECT.reader(), DIALECT.tap(True)
        found = reader.feed(STREAM[:cut])
        passed = tap.feed(STREAM[:cut])
        assert not reader.finished
        assert not tap.finished
        assert STREAM.startswith(passed)
        assert found == events[: len(found)]
        assert found + reader.feed(STREAM[cut:]) == events
        assert passed + tap.feed(STREAM[cut:]) == STREAM
        assert reader.finished
        assert tap.finished


def test_a_whole_reply_says_the_same_as_its_stream():
    whole = without_usage(DIALECT.read_reply(WHOLE))
    _, streamed = reading(STREAM)
    joined = [event for event in without_usage(streamed) if not isinstance(event, TextDelta)]
    assert [event for event in whole if not isinstance(event, TextDelta)] == joined
    heard = DIALECT.hear(WHOLE)
    assert (heard.usage, heard.stop, heard.model) == (USED, "tool_use", "gemini-3-S-model")


def test_our_reading_agrees_with_the_vendors_client():
    told = google_stream(STREAM)
    whole = google_whole(WHOLE)
    _, events = reading(STREAM)
    calls = [one for event in told for one in event.function_calls or []]
    assert [one.name for one in calls] == [one.name for one in whole.function_calls]
    assert [e.name for e in events if isinstance(e, ToolCallBegan)] == [one.name for one in calls]
    usage = told[-1].usage_metadata
    assert usage.prompt_token_count == USED.input_tokens + USED.cache_read_tokens
    assert usage.candidates_token_count + usage.thoughts_token_count == USED.output_tokens


def test_a_call_without_an_id_has_the_same_one_whenever_it_is_read_and_another_in_each_reply():
    def ids(raw):
        return [e.id for e in DIALECT.read_reply(raw) if isinstance(e, ToolCallBegan)]

    again = {**golden_json("gemini/tools.json"), "responseId": "S-response_2"}
    assert ids(WHOLE) == ids(WHOLE)
    assert ids(WHOLE)[0] != ids(msgspec.json.encode(again))[0]
    same = [{"functionCall": {"name": "f", "args": {}}}] * 2
    found = ids(msgspec.json.encode({"candidates": [candidate(*same, finishReason="STOP")]}))
    assert len(set(found)) == 2


def test_an_id_that_another_dialect_could_not_say_is_replaced():
    call = {"functionCall": {"name": "f", "id": "not/an id"}}
    _, events = reading(saying(call) + END)
    assert events[1].id.startswith("call_")


@pytest.mark.parametrize(
    ("reason", "read"),
    [
        ("STOP", "end"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "refusal"),
        ("RECITATION", "refusal"),
        ("PROHIBITED_CONTENT", "refusal"),
        ("MODEL_ARMOR", "refusal"),
        ("MALFORMED_FUNCTION_CALL", "other:malformed_function_call"),
        ("MISSING_THOUGHT_SIGNATURE", "other:missing_thought_signature"),
        ("OTHER", "other:other"),
        ("a word of the prompt", "other:unknown"),
    ],
)
def test_every_reason_to_stop_has_a_word_of_ours(reason, read):
    raw = saying({"text": "x"}, finishReason=reason)
    reader, events = reading(raw)
    assert events[-1] == Stopped(read)
    assert reader.finished
    tap = DIALECT.tap(True)
    assert tap.feed(raw) == raw
    assert (tap.heard.stop, tap.finished) == (read, True)


def test_a_prompt_that_is_blocked_is_a_refusal():
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}
    whole = msgspec.json.encode(blocked)
    assert DIALECT.hear(whole).stop == "refusal"
    assert Stopped("refusal") in DIALECT.read_reply(whole)
    reader, events = reading(chunk(**blocked))
    assert Stopped("refusal") in events
    assert reader.finished
    tap = DIALECT.tap(True)
    assert tap.feed(chunk(**blocked)) == chunk(**blocked)
    assert (tap.heard.stop, tap.finished, tap.content_seen) == ("refusal", True, False)


def test_a_reason_that_is_not_given_yet_ends_nothing():
    raw = saying({"text": "x"}, finishReason="FINISH_REASON_UNSPECIFIED")
    assert not reading(raw)[0].finished


def test_what_comes_after_the_reason_still_counts():
    late = chunk(usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": 6})
    _, events = reading(saying({"text": "x"}, finishReason="STOP") + late)
    assert events[-1] == Used(Tokens(5, 6))
    tap = DIALECT.tap(True)
    tap.feed(saying({"text": "x"}, finishReason="STOP"))
    assert tap.feed(late) == late
    assert (tap.heard.usage, tap.heard.stop) == (Tokens(5, 6), "end")


def test_tokens_that_a_tool_used_are_part_of_the_prompt():
    usage = {"promptTokenCount": 5, "toolUsePromptTokenCount": 7, "candidatesTokenCount": "many"}
    _, events = reading(chunk(candidates=[candidate(finishReason="STOP")], usageMetadata=usage))
    assert events[-1] == Used(Tokens(12, 0))


def test_of_several_candidates_the_first_is_read_and_all_must_end():
    other = {**candidate({"text": "other"}), "index": 1}
    raw = chunk(candidates=[candidate({"text": "one"}, finishReason="STOP"), other])
    _, events = reading(raw)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["one"]
    tap = DIALECT.tap(True)
    tap.feed(raw)
    assert not tap.finished
    tap.feed(chunk(candidates=[{"index": 1, "finishReason": "MAX_TOKENS"}]))
    assert tap.finished
    assert tap.heard.stop == "length"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 503, "message": "S-said", "status": "UNAVAILABLE"}, "overloaded"),
        ({"message": "S-said", "status": "RESOURCE_EXHAUSTED"}, "rate_limited"),
        ({"message": "S-said"}, "unreadable"),
        ({"code": 400, "message": "S-said: input token count (9) exceeds"}, "context_exceeded"),
    ],
)
def test_an_error_inside_a_stream_breaks_it(error, kind):
    raw = saying({"text": "x"}, finishReason="STOP") + chunk(error=error)
    reader, events = reading(raw + saying({"text": "more"}))
    assert events[-1] == Broke(kind, error["message"])
    assert not reader.finished
    tap = DIALECT.tap(True)
    assert b"error" not in tap.feed(raw)
    assert tap.heard.broke == (kind, error["message"])
    assert tap.feed(saying({"text": "more"})) == b""
    whole = msgspec.json.encode({"error": error})
    assert DIALECT.hear(whole).broke == (kind, error["message"])
    assert DIALECT.read_reply(b"[" + whole + b"]") == (Broke(kind, error["message"]),)


@pytest.mark.parametrize("error", [5, "text", ["x"], {"code": "x", "message": 5}])
def test_an_error_of_an_odd_form_is_one_all_the_same(error):
    assert reading(chunk(error=error))[1] == (Broke("unreadable", ""),)


@pytest.mark.parametrize(
    "raw",
    [
        b"<html><body>Bad gateway</body></html>",
        b"{}",
        b"null",
        b"[]",
        b"[{},{}]",
        b"[" * 5000,
        b'{"candidates":5}',
        b'{"candidates":[{"content":"x"}]}',
    ],
)
def test_what_is_no_reply_cannot_be_read(raw):
    for read in (DIALECT.hear, DIALECT.read_reply):
        with pytest.raises(ValueError, match="not") as refused:
            read(raw)
        assert "Bad" not in str(refused.value)


def test_a_stream_of_something_else_cannot_be_read():
    for reading_it in (DIALECT.reader(), DIALECT.tap(True)):
        with pytest.raises(ValueError, match="not what this dialect says"):
            reading_it.feed(b"data: <html>\r\n\r\n")


def test_comments_and_unknown_chunks_pass_and_say_nothing():
    raw = b": ping\r\n\r\n" + chunk(candidates=[{"index": None}], news={"a": 1})
    reader, events = reading(raw)
    assert events == (Began("", "", 0),)
    tap = DIALECT.tap(True)
    assert tap.feed(raw) == raw
    assert not tap.content_seen
    assert not reader.finished


@pytest.mark.parametrize(
    "part",
    [
        {"functionCall": {"name": "f", "args": "text"}},
        {"functionCall": {"args": {}}},
        {"functionCall": {"name": "f", "partialArgs": [{}]}},
        {"functionCall": {"name": "f", "willContinue": True}},
        {"inlineData": {"mimeType": "image/png", "data": "AA"}},
        {"fileData": {"fileUri": "gs://x"}},
    ],
)
def test_a_part_that_no_other_dialect_can_say_is_an_error(part):
    with pytest.raises(ValueError, match=r"call|part"):
        reading(saying(part))


def test_blank_parts_say_nothing():
    _, events = reading(saying({"text": ""}, {"thought": True}, {"text": 5}))
    assert events == (Began("", "", 0),)


def test_a_tap_sees_content_in_words_calls_and_pictures():
    for part in ({"text": "x"}, {"functionCall": {"name": "f"}}, {"inlineData": {"data": "A"}}):
        tap = DIALECT.tap(True)
        tap.feed(saying({"text": ""}))
        assert not tap.content_seen
        tap.feed(saying(part))
        assert tap.content_seen
