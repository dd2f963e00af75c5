import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from gateway.translation import blocks
from tests.doubles.goldens import assert_golden, golden, recorded, recordings
from tests.doubles.message_grammar import assert_grammar, events_of
from tests.doubles.vendor_readers import anthropic_stream, anthropic_whole

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
USED = Used(Tokens(5, 7, cache_read_tokens=3, cache_write_tokens=2, reasoning_tokens=1))


def streamed(*events, close=True):
    writer = DIALECT.writer("asked", RECORD, True)
    out = b"".join(writer.write(event) for event in events)
    return out + writer.close() if close else out


def whole(*events):
    return anthropic_whole(DIALECT.write_reply(events, "asked", RECORD))


def content(message):
    return [block.model_dump(exclude_none=True) for block in message.content]


def both(*events):
    """Write whole and as a stream; the vendor's SDK must see the same message."""
    raw = streamed(*events)
    assert_grammar(raw)
    message = anthropic_stream(raw)
    assert message == whole(*events)
    return message


def test_a_reply_of_words():
    message = both(Began("engine", "qwen", 5), TextDelta("He"), TextDelta("llo"), USED)
    assert message.id == "msg_01938e6c7c1a7abc8def0123456789ab"
    assert message.model == "asked"
    assert (message.role, message.type) == ("assistant", "message")
    assert content(message) == [{"type": "text", "text": "Hello"}]
    assert message.stop_reason == "end_turn"
    usage = message.usage
    assert (usage.input_tokens, usage.output_tokens) == (5, 7)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (3, 2)
    assert usage.output_tokens_details.thinking_tokens == 1


def test_the_start_tells_the_input_as_far_as_it_is_known():
    start = events_of(streamed(Began(input_tokens=5), close=False))[0]
    assert start["message"]["usage"]["input_tokens"] == 5
    assert start["message"]["usage"]["output_tokens"] == 0
    message = both(Began(input_tokens=5), TextDelta("a"), Stopped("end"))
    assert (message.usage.input_tokens, message.usage.output_tokens) == (5, 0)


def test_usage_after_the_stop_counts_and_the_last_one_wins():
    message = both(Used(Tokens(1, 1)), TextDelta("a"), Stopped("end"), USED)
    assert message.usage.output_tokens == 7


def test_input_that_is_known_late_is_told_at_the_end():
    """The beginning invents no number; who adds up the events has the true ones."""
    writer = DIALECT.writer("asked", RECORD, True)
    said = b"".join(writer.write(one) for one in (Began(), TextDelta("a"), Stopped("end"), USED))
    events = events_of(said + writer.close())
    start = next(one for one in events if one["type"] == "message_start")
    assert start["message"]["usage"]["input_tokens"] == 0
    end = next(one for one in events if one["type"] == "message_delta")["usage"]
    assert (end["input_tokens"], end["output_tokens"]) == (5, 7)
    assert (end["cache_read_input_tokens"], end["cache_creation_input_tokens"]) == (3, 2)
    message = both(Began(), TextDelta("a"), Stopped("end"), USED)
    assert message.usage.input_tokens == 5
    assert message.usage.cache_read_input_tokens == 3


def test_a_reply_of_thoughts_words_and_calls():
    message = both(
        Began(),
        ThinkingDelta("I "),
        ThinkingDelta("think"),
        ThinkingDelta(signature="sig"),
        ThinkingDelta("more"),
        ThinkingDelta(redacted="dark"),
        TextDelta("so"),
        ToolCallBegan(0, "call_0", "Read"),
        ToolCallDelta(0, '{"path"'),
        ToolCallDelta(0, ': "a"}'),
        ToolCallBegan(1, "call_1", "Now"),
        TextDelta("after"),
        Stopped("end"),
    )
    assert content(message) == [
        {"type": "thinking", "thinking": "I think", "signature": "sig"},
        {"type": "thinking", "thinking": "more", "signature": ""},
        {"type": "redacted_thinking", "data": "dark"},
        {"type": "text", "text": "so"},
        {"type": "tool_use", "id": "call_0", "name": "Read", "input": {"path": "a"}},
        {"type": "tool_use", "id": "call_1", "name": "Now", "input": {}},
        {"type": "text", "text": "after"},
    ]
    assert message.stop_reason == "tool_use"


def test_a_signature_without_words_is_still_a_thought():
    message = both(ThinkingDelta(signature="sig"), TextDelta("a"))
    assert content(message)[0] == {"type": "thinking", "thinking": "", "signature": "sig"}


def test_a_call_without_arguments_says_an_empty_object():
    raw = streamed(ToolCallBegan(0, "a", "Now"), ToolCallDelta(0, ""), Stopped("tool_use"))
    deltas = [e["delta"] for e in events_of(raw) if e["type"] == "content_block_delta"]
    assert deltas == [{"type": "input_json_delta", "partial_json": "{}"}]


def test_interleaved_calls_become_one_block_after_the_other():
    events = (
        ToolCallBegan(0, "a", "f"),
        ToolCallDelta(0, '{"x":'),
        ToolCallBegan(1, "b", "g"),
        ToolCallDelta(1, '{"y":'),
        ToolCallDelta(0, "1}"),
        ToolCallBegan(2, "c", "h"),
        ToolCallDelta(1, "2}"),
        ToolCallDelta(2, '{"z":3}'),
        Stopped("tool_use"),
    )
    message = both(*events)
    assert [(block.id, block.input) for block in message.content] == [
        ("a", {"x": 1}),
        ("b", {"y": 2}),
        ("c", {"z": 3}),
    ]


def test_a_call_that_is_complete_makes_room_at_once():
    writer = DIALECT.writer("asked", RECORD, True)
    writer.write(ToolCallBegan(0, "a", "f"))
    writer.write(ToolCallDelta(0, '{"x":{"y":1}'))
    assert writer.write(ToolCallBegan(1, "b", "g")) == b""
    assert writer.write(TextDelta("later")) == b""
    freed = events_of(writer.write(ToolCallDelta(0, "}\n")))
    assert [event["type"] for event in freed] == [
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
    ]
    assert writer.write(ToolCallDelta(0, " \n")) == b""
    with pytest.raises(ValueError, match="has ended"):
        writer.write(ToolCallDelta(0, "{}"))


def test_broken_arguments_keep_the_others_waiting_until_the_stop():
    for broken in ("}", '"}', '{"a":}', "[1]", ""):
        writer = DIALECT.writer("asked", RECORD, True)
        writer.write(ToolCallBegan(0, "a", "f"))
        writer.write(ToolCallDelta(0, broken))
        assert writer.write(TextDelta("late")) == b""
        names = [event["type"] for event in events_of(writer.write(Stopped("end")))]
        assert names[-4:] == [
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
        ]


def test_arguments_of_a_call_that_never_began_are_an_error():
    with pytest.raises(ValueError, match="not begun"):
        streamed(ToolCallDelta(0, "{}"))
    with pytest.raises(ValueError, match="not begun"):
        whole(ToolCallDelta(0, "{}"))


def test_what_waits_has_a_bound(monkeypatch):
    monkeypatch.setattr(blocks, "HELD_BYTES_MAX", 8)
    with pytest.raises(ValueError, match="holds more"):
        streamed(ToolCallBegan(0, "a", "f"), ToolCallDelta(0, '{"123456789'))
    with pytest.raises(ValueError, match="wait"):
        streamed(
            ToolCallBegan(0, "a", "f"),
            ToolCallBegan(1, "b", "g"),
            ToolCallDelta(1, "12345678"),
            ToolCallBegan(2, "c", "h"),
            ToolCallDelta(2, "1"),
        )
    words = [TextDelta("12345678")] * 9
    assert assert_grammar(streamed(*words))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("end", "end_turn"),
        ("length", "max_tokens"),
        ("stop_sequence", "stop_sequence"),
        ("refusal", "refusal"),
        ("other:pause_turn", "pause_turn"),
    ],
)
def test_a_reason_is_said_in_the_vendors_words(reason, said):
    message = both(TextDelta("a"), Stopped(reason, "X" if reason == "stop_sequence" else None))
    assert message.stop_reason == said
    assert message.stop_sequence == ("X" if reason == "stop_sequence" else None)


def test_a_reply_says_that_a_tool_must_run_if_and_only_if_it_calls_one():
    call = (ToolCallBegan(0, "a", "f"), ToolCallDelta(0, "{}"))
    for reason in ("end", "tool_use"):
        assert both(*call, Stopped(reason)).stop_reason == "tool_use"
        assert both(TextDelta("a"), Stopped(reason)).stop_reason == "end_turn"


def test_a_reason_that_nobody_knows_is_never_a_good_end():
    events = assert_grammar(streamed(TextDelta("a"), Stopped("other:repetition")))
    assert events[-2]["delta"]["stop_reason"] == "repetition"


def test_a_call_makes_the_end_a_tool_use_but_a_cut_stays_a_cut():
    call = (ToolCallBegan(0, "a", "f"), ToolCallDelta(0, "{}"))
    assert both(*call, Stopped("end")).stop_reason == "tool_use"
    assert both(*call).stop_reason == "tool_use"
    assert both(*call, Stopped("length")).stop_reason == "max_tokens"


@pytest.mark.parametrize(
    ("text", "read"),
    [('{"a": 1, "b": "x', {"a": 1}), ("3E25", {}), ("nonsense", {}), ("  ", {}), ('{"a":1}', None)],
)
def test_a_cut_call_is_read_as_far_as_it_goes(text, read):
    message = whole(ToolCallBegan(0, "a", "f"), ToolCallDelta(0, text), Stopped("length"))
    assert message.content[0].input == ({"a": 1} if read is None else read)


@pytest.mark.parametrize(
    "text", ["3E25", "Infinity", "[1]", '{"a": 1', '"x"', "nonsense", '{"a":NaN}']
)
def test_a_whole_call_whose_arguments_are_no_object_is_an_error(text):
    with pytest.raises(ValueError, match="not an object"):
        whole(ToolCallBegan(0, "a", "f"), ToolCallDelta(0, text), Stopped("tool_use"))


def test_ids_that_clients_refuse_are_respelled():
    message = both(
        ToolCallBegan(0, "functions.Bash:0", "Bash"),
        ToolCallDelta(0, "{}"),
        ToolCallBegan(1, "", "Bash"),
        Stopped("tool_use"),
    )
    assert [block.id for block in message.content] == ["functions_Bash_0_a97d1507", "toolu_1"]


def test_an_empty_reply_is_a_message_without_content():
    assert content(both()) == []
    assert content(both(Began(), TextDelta(""), ThinkingDelta(""), Stopped("end"))) == []


def test_a_broken_reply_never_ends_well():
    raw = streamed(Began(), TextDelta("a"), Broke("unreadable", "dead"), TextDelta("b"))
    events = assert_grammar(raw, ended=False)
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
    ]


def test_a_stream_begins_once():
    raw = streamed(Began(), Began(), TextDelta("a"))
    assert raw.count(b"message_start") == 2
    assert_grammar(raw)


def test_a_call_begins_once():
    began = ToolCallBegan(0, "a", "f")
    message = both(began, began, ToolCallDelta(0, '{"x":1}'), began, Stopped("tool_use"))
    assert [block.input for block in message.content] == [{"x": 1}]


def test_blank_words_are_words():
    assert content(both(TextDelta("\n\n"), TextDelta("a"))) == [{"type": "text", "text": "\n\na"}]


def test_a_stream_is_written_as_agreed():
    reader = DIALECT.reader()
    events = reader.feed(golden("anthropic_messages/thinking_tools.stream.txt"))
    raw = streamed(*events)
    assert_golden("anthropic_messages/thinking_tools.written.stream.txt", raw)
    message = both(*events)
    assert message == anthropic_stream(raw)
    for sentinel in ("thought", "signature", "redacted", "text", "tool", "silent"):
        assert f"S-{sentinel}" in raw.decode()
    assert message.content[3].input == {"path": "S-argument"}
    assert [block.id for block in message.content[3:]] == ["toolu_S1", "toolu_S2"]
    for count in (11, 22, 33, 44, 7):
        assert f":{count}" in raw.decode()


@pytest.mark.parametrize("name", recordings("messages_", "reasoning_messages"))
def test_the_real_engines_replies_are_written_again(name):
    _, raw = recorded(name)
    if "stream" in name:
        events = DIALECT.reader().feed(raw)
        again = streamed(*events)
        assert_grammar(again)
        assert content(anthropic_stream(again)) == content(anthropic_stream(raw))
    else:
        message = whole(*DIALECT.read_reply(raw))
        given = msgspec.json.decode(raw)
        assert content(message) == given["content"]
        assert message.stop_reason == given["stop_reason"]
        assert message.usage.output_tokens == given["usage"]["output_tokens"]


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=5)
OBJECTS = st.dictionaries(WORDS, st.one_of(WORDS, st.integers(0, 9), st.none()), max_size=3)


@st.composite
def replies(draw):
    """Calls with fragments in any order, with words and thoughts anywhere between."""
    pending = []
    for index, arguments in enumerate(draw(st.lists(OBJECTS, max_size=4))):
        text = msgspec.json.encode(arguments).decode()
        cut = draw(st.integers(0, len(text)))
        lumps = [ToolCallDelta(index, text[:cut]), ToolCallDelta(index, text[cut:])]
        pending.append([ToolCallBegan(index, f"call_{index}", "f"), *lumps])
    words = st.one_of(
        st.builds(TextDelta, WORDS),
        st.builds(ThinkingDelta, WORDS),
        st.builds(ThinkingDelta, st.just(""), WORDS),
        st.builds(ThinkingDelta, redacted=WORDS),
    )
    events = [Began()]
    begun = 0
    while pending or draw(st.booleans()):
        lane = draw(st.integers(0, len(pending)))
        if lane == len(pending):
            events.append(draw(words))
            continue
        if isinstance(pending[lane][0], ToolCallBegan):
            lane = next(i for i, p in enumerate(pending) if isinstance(p[0], ToolCallBegan))
            begun += 1
        events.append(pending[lane].pop(0))
        pending = [lump for lump in pending if lump]
    return (*events, USED, Stopped("end"))


@settings(max_examples=60, deadline=None)
@given(replies())
def test_whatever_the_order_the_grammar_holds_and_nothing_is_lost(events):
    message = both(*events)
    said = [event.text for event in events if isinstance(event, TextDelta)]
    assert "".join(block.text for block in message.content if block.type == "text") == "".join(said)
    calls = [event.index for event in events if isinstance(event, ToolCallBegan)]
    arguments = {
        index: "".join(
            e.fragment for e in events if isinstance(e, ToolCallDelta) and e.index == index
        )
        for index in calls
    }
    assert [block.input for block in message.content if block.type == "tool_use"] == [
        msgspec.json.decode(arguments[index]) for index in calls
    ]
