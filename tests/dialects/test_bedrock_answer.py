"""What we answer to a client of Converse: botocore reads every event, and each block is whole."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE as DIALECT
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
from gateway.translation import blocks
from tests.doubles.bedrock_vendor import (
    assert_reply_is_of_the_shape,
    parsed_stream,
    parsed_whole,
)
from tests.doubles.converse_grammar import assert_converse_grammar
from tests.doubles.goldens import assert_golden_json

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
TOKENS = Tokens(11, 44, 33, 22, 7)
MIXED = (
    Began(id="x", model="m", input_tokens=3),
    ThinkingDelta("S-thought é"),
    ThinkingDelta(signature="c2ln"),
    ThinkingDelta(redacted="cmVk"),
    TextDelta("S-text "),
    TextDelta("日本"),
    ToolCallBegan(0, "tooluse_S1", "S-tool"),
    ToolCallBegan(1, "functions.Bash:0", "S-silent tool"),
    ToolCallDelta(0, '{"path": '),
    ToolCallDelta(1, ""),
    ToolCallDelta(0, '"S-argument"}'),
    Stopped("tool_use"),
    Used(TOKENS),
)


def streamed(*events):
    writer = DIALECT.writer("asked", RECORD, True)
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def whole(*events):
    raw = DIALECT.write_reply(events, "asked", RECORD)
    assert_reply_is_of_the_shape(raw)
    return raw


def content(*events):
    return msgspec.json.decode(whole(*events))["output"]["message"]["content"]


def test_a_mixed_reply_is_as_agreed_and_the_same_whole_and_streamed():
    raw = streamed(*MIXED)
    found = assert_converse_grammar(raw)
    once = parsed_whole(whole(*MIXED))
    del once["ResponseMetadata"]
    assert found == once
    assert_golden_json("bedrock_converse/tools.reply.json", msgspec.json.decode(whole(*MIXED)))
    assert_golden_json("bedrock_converse/tools.stream.json", parsed_stream(raw))
    thought, hidden, text, call, silent = found["output"]["message"]["content"]
    said = {"text": "S-thought é", "signature": "c2ln"}
    assert thought["reasoningContent"]["reasoningText"] == said
    assert hidden["reasoningContent"]["redactedContent"] == b"red"
    assert text == {"text": "S-text 日本"}
    assert call["toolUse"] == {
        "toolUseId": "tooluse_S1",
        "name": "S-tool",
        "input": {"path": "S-argument"},
    }
    assert silent["toolUse"]["input"] == {}
    assert found["usage"] == {
        "inputTokens": 11,
        "outputTokens": 44,
        "totalTokens": 110,
        "cacheReadInputTokens": 33,
        "cacheWriteInputTokens": 22,
    }


def test_what_we_write_we_read_again():
    reader = DIALECT.reader()
    events = reader.feed(streamed(*MIXED))
    assert reader.finished
    assert DIALECT.write_reply(events, "asked", RECORD) == whole(*MIXED)
    assert DIALECT.hear(whole(*MIXED)).usage == Tokens(11, 44, 33, 22)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("end", "end_turn"),
        ("length", "max_tokens"),
        ("tool_use", "end_turn"),
        ("refusal", "content_filtered"),
        ("other:malformed_tool_use", "malformed_tool_use"),
        ("other:canary", "end_turn"),
    ],
)
def test_why_it_stopped_is_a_word_that_the_client_knows(reason, told):
    events = (TextDelta("x"), Stopped(reason))
    assert assert_converse_grammar(streamed(*events))["stopReason"] == told
    assert parsed_whole(whole(*events))["stopReason"] == told


def test_a_stop_sequence_is_told_where_clients_look_for_it():
    found = assert_converse_grammar(streamed(TextDelta("x"), Stopped("stop_sequence", "S-stop")))
    assert found["stopReason"] == "stop_sequence"
    assert found["additionalModelResponseFields"] == {
        "stop_sequence": "S-stop",
        "delta": {"stop_sequence": "S-stop"},
    }


def test_a_reply_that_calls_stops_to_call_whatever_the_engine_said():
    events = (ToolCallBegan(0, "a", "f"), Stopped("end"))
    assert parsed_whole(whole(*events))["stopReason"] == "tool_use"


def test_nothing_is_a_reply_too():
    found = assert_converse_grammar(streamed())
    assert found["output"]["message"]["content"] == []
    assert found["usage"] == {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    assert parsed_whole(whole())["stopReason"] == "end_turn"
    known = assert_converse_grammar(streamed(Began(input_tokens=9), TextDelta("")))
    assert known["usage"]["inputTokens"] == 9


def test_an_engines_ids_become_ones_that_the_client_may_send_back():
    _, call = content(TextDelta("x"), ToolCallBegan(0, "functions.Bash:0", "a name!"))
    assert call["toolUse"]["toolUseId"].startswith("functions_Bash_0_")
    assert call["toolUse"]["name"] == "a name!"
    DIALECT.peek({"messages": [{"role": "assistant", "content": [call]}]})
    (nameless,) = content(ToolCallBegan(3, "", "f"))
    assert nameless["toolUse"]["toolUseId"] == "tooluse_3"


def test_reasoning_that_is_no_base64_is_still_bytes_to_the_client():
    found = assert_converse_grammar(streamed(ThinkingDelta(redacted="gAAA_-x")))
    (block,) = found["output"]["message"]["content"]
    assert block["reasoningContent"]["redactedContent"] == b"gAAA_-x"


def test_calls_that_are_mixed_come_one_after_the_other():
    events = (
        ToolCallBegan(0, "a", "f"),
        ToolCallBegan(1, "b", "g"),
        ToolCallDelta(1, '{"n":'),
        TextDelta("late"),
        ToolCallDelta(0, '{"n":0}'),
        ToolCallDelta(1, "1}"),
        Stopped("tool_use"),
    )
    found = assert_converse_grammar(streamed(*events))["output"]["message"]["content"]
    assert [block["toolUse"]["input"] for block in found[:2]] == [{"n": 0}, {"n": 1}]
    assert found[2] == {"text": "late"}
    assert content(*events) == found


def test_unsigned_thoughts_and_signatures_without_words_are_blocks():
    events = (ThinkingDelta("a"), ThinkingDelta(signature="cw"), ThinkingDelta("b"), TextDelta("x"))
    found = assert_converse_grammar(streamed(*events))["output"]["message"]["content"]
    texts = [block["reasoningContent"]["reasoningText"] for block in found[:2]]
    assert texts == [{"text": "a", "signature": "cw"}, {"text": "b"}]
    assert content(*events) == found
    (alone,) = content(ThinkingDelta(signature="cw"))
    assert alone["reasoningContent"]["reasoningText"] == {"text": "", "signature": "cw"}


def test_arguments_are_whole_or_cut_by_the_length():
    began = ToolCallBegan(0, "a", "f")
    cut = (began, ToolCallDelta(0, '{"a": 1, "b"'), Stopped("length"))
    assert content(*cut)[0]["toolUse"]["input"] == {"a": 1}
    assert content(began, ToolCallDelta(0, "NaN"), Stopped("length"))[0]["toolUse"]["input"] == {}
    assert content(began, ToolCallDelta(0, " "))[0]["toolUse"]["input"] == {}
    for wrong in ("[1]", "NaN", '{"a"'):
        with pytest.raises(ValueError, match="not an object"):
            DIALECT.write_reply((began, ToolCallDelta(0, wrong)), "asked", RECORD)


def test_arguments_of_no_call_cannot_be_written():
    writer = DIALECT.writer("asked", RECORD, True)
    with pytest.raises(ValueError, match="has not begun"):
        writer.write(ToolCallDelta(0, "{}"))
    with pytest.raises(ValueError, match="has not begun"):
        DIALECT.write_reply((ToolCallDelta(0, "{}"),), "asked", RECORD)


def test_a_reply_that_broke_has_no_end():
    writer = DIALECT.writer("asked", RECORD, True)
    assert writer.write(TextDelta("x"))
    assert writer.write(Broke("overloaded", "x")) == b""
    assert writer.write(TextDelta("y")) == b""
    assert writer.close() == b""


def test_what_waits_is_bounded(monkeypatch):
    monkeypatch.setattr(blocks, "HELD_BYTES_MAX", 10)
    writer = DIALECT.writer("asked", RECORD, True)
    writer.write(ToolCallBegan(0, "a", "f"))
    writer.write(TextDelta("12345"))
    writer.write(ToolCallBegan(1, "b", "f"))
    with pytest.raises(ValueError, match="wait for their turn"):
        writer.write(TextDelta("123456"))
    writer = DIALECT.writer("asked", RECORD, True)
    writer.write(ToolCallBegan(0, "a", "f"))
    with pytest.raises(ValueError, match="a block holds"):
        writer.write(ToolCallDelta(0, '"' + "1" * 11))
    assert DIALECT.writer("asked", RECORD, True).write(TextDelta("1" * 5))


def test_white_space_behind_the_last_bracket_belongs_to_no_call():
    """Engines end the arguments with a line feed, after the next call has begun."""
    began = (ToolCallBegan(0, "a", "f"), ToolCallDelta(0, '{"x":1}'), ToolCallBegan(1, "b", "f"))
    writer = DIALECT.writer("asked", RECORD, True)
    for event in began:
        writer.write(event)
    assert writer.write(ToolCallDelta(0, "\n")) == b""
    with pytest.raises(ValueError, match="has ended"):
        writer.write(ToolCallDelta(0, "}"))


def test_deep_arguments_are_no_object_and_break_nothing():
    began = ToolCallBegan(0, "a", "f")
    deep = '{"a":' * 100_000 + "}"
    writer = DIALECT.writer("asked", RECORD, True)
    writer.write(began)
    assert writer.write(ToolCallDelta(0, deep))


EVENTS = st.one_of(
    st.builds(TextDelta, st.text(max_size=4)),
    st.builds(ThinkingDelta, st.text(max_size=3), st.none() | st.just("c2ln")),
    st.builds(ThinkingDelta, redacted=st.just("cmVk")),
    st.builds(ToolCallDelta, st.integers(0, 2), st.sampled_from(['{"a"', ":1", "}", "{}", ""])),
)


@given(st.lists(EVENTS, max_size=30))
@settings(max_examples=60, deadline=None)
def test_whatever_an_engine_mixes_the_grammar_holds(events):
    opened = tuple(ToolCallBegan(number, f"id{number}", "f") for number in range(3))
    given_events = (*opened, *events, Stopped("length"))
    try:
        raw = streamed(*given_events)
    except ValueError:
        return
    try:
        assert_converse_grammar(raw)
    except msgspec.DecodeError:
        return
