"""What Bedrock answers; botocore accepts every reply and event that stands here."""

import msgspec
import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE as DIALECT
from gateway.dialects.openai_chat import OPENAI_CHAT
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
from tests.doubles.bedrock_vendor import (
    assert_events_are_of_the_shape,
    assert_reply_is_of_the_shape,
    parsed_stream,
    parsed_whole,
)
from tests.doubles.event_frames import event, fault, message
from tests.doubles.message_grammar import assert_grammar
from tests.doubles.vendor_readers import anthropic_stream, anthropic_whole, chunks

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
USAGE = {
    "inputTokens": 11,
    "outputTokens": 44,
    "totalTokens": 110,
    "cacheReadInputTokens": 33,
    "cacheWriteInputTokens": 22,
}
TOKENS = Tokens(11, 44, 33, 22)


def delta(at, **said):
    return event("contentBlockDelta", contentBlockIndex=at, delta=said)


def opens(at, call_id, name, **more):
    call = {"toolUseId": call_id, "name": name, **more}
    return event("contentBlockStart", contentBlockIndex=at, start={"toolUse": call})


def closes(at):
    return event("contentBlockStop", contentBlockIndex=at)


BEGINS = event("messageStart", role="assistant")
STOPS = event("messageStop", stopReason="tool_use")
META = event("metadata", usage=USAGE, metrics={"latencyMs": 5})
TALK = [
    BEGINS,
    delta(0, reasoningContent={"text": "S-thought é"}),
    delta(0, reasoningContent={"signature": "c2ln"}),
    closes(0),
    delta(1, reasoningContent={"redactedContent": "cmVk"}),
    closes(1),
    delta(2, text="S-text says "),
    delta(2, text='"end" 日本'),
    closes(2),
    opens(3, "tooluse_S1", "S-tool"),
    delta(3, toolUse={"input": ""}),
    delta(3, toolUse={"input": '{"path": '}),
    delta(3, toolUse={"input": '"S-argument"}'}),
    closes(3),
    opens(4, "tooluse_S2", "S-silent"),
    closes(4),
    STOPS,
    META,
]
STREAM = b"".join(TALK)
THOUGHT = {"text": "S-thought é", "signature": "c2ln"}
WHOLE = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": THOUGHT}},
                {"reasoningContent": {"redactedContent": "cmVk"}},
                {"text": 'S-text says "end" 日本'},
                {"text": ""},
                {"toolUse": {"toolUseId": "tooluse_S1", "name": "S-tool",
                             "input": {"path": "S-argument"}}},
                {"toolUse": {"toolUseId": "tooluse_S2", "name": "S-silent", "input": {}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": USAGE,
    "metrics": {"latencyMs": 5},
}  # fmt: skip
EVENTS = (
    Began(),
    ThinkingDelta("S-thought é"),
    ThinkingDelta("", "c2ln"),
    ThinkingDelta(redacted="cmVk"),
    TextDelta("S-text says "),
    TextDelta('"end" 日本'),
    ToolCallBegan(0, "tooluse_S1", "S-tool"),
    ToolCallDelta(0, '{"path": '),
    ToolCallDelta(0, '"S-argument"}'),
    ToolCallBegan(1, "tooluse_S2", "S-silent"),
    ToolCallDelta(1, "{}"),
    Stopped("tool_use"),
    Used(TOKENS),
)


def read(*parts):
    reader = DIALECT.reader()
    return tuple(event for part in parts for event in reader.feed(part)), reader


def whole(**changed):
    return msgspec.json.encode({**WHOLE, **changed})


def spoken(*blocks, **changed):
    output = {"message": {"role": "assistant", "content": list(blocks)}}
    return whole(output=output, stopReason="end_turn", **changed)


def test_a_stream_is_read_wherever_it_is_cut():
    assert_events_are_of_the_shape(STREAM)
    assert len(parsed_stream(STREAM)) == len(TALK)
    for size in (1, 7, 64, len(STREAM)):
        events, reader = read(*chunks(STREAM, size))
        assert events == EVENTS
        assert reader.finished


def test_nothing_has_ended_before_the_usage_is_told():
    events, reader = read(*TALK[:-1])
    assert events[-1] == Stopped("tool_use")
    assert not reader.finished
    assert reader.feed(META) == (Used(TOKENS),)
    assert reader.finished
    assert reader.feed(delta(9, text="late")) == ()


def test_usage_without_a_stop_ends_nothing():
    events, reader = read(BEGINS, delta(0, text="half"), META)
    assert events[-1] == Used(TOKENS)
    assert not reader.finished


def test_a_whole_reply_says_the_same():
    raw = whole()
    assert_reply_is_of_the_shape(raw)
    assert parsed_whole(raw)["stopReason"] == "tool_use"
    heard = DIALECT.hear(raw)
    assert (heard.usage, heard.stop, heard.broke) == (TOKENS, "tool_use", None)
    streamed = ANTHROPIC_MESSAGES.write_reply(EVENTS, "asked", RECORD)
    assert ANTHROPIC_MESSAGES.write_reply(DIALECT.read_reply(raw), "asked", RECORD) == streamed


def test_the_answer_reaches_an_anthropic_client():
    reader, writer = DIALECT.reader(), ANTHROPIC_MESSAGES.writer("asked", RECORD, True)
    events = [one for chunk in chunks(STREAM, 50) for one in reader.feed(chunk)]
    raw = b"".join([*(writer.write(one) for one in events), writer.close()])
    assert_grammar(raw)
    streamed = anthropic_stream(raw)
    complete = anthropic_whole(
        ANTHROPIC_MESSAGES.write_reply(DIALECT.read_reply(whole()), "asked", RECORD)
    )
    assert streamed == complete
    thought, hidden, text, call, silent = streamed.content
    assert (thought.thinking, thought.signature, hidden.data) == ("S-thought é", "c2ln", "cmVk")
    assert text.text == 'S-text says "end" 日本'
    assert [(one.id, one.name, one.input) for one in (call, silent)] == [
        ("tooluse_S1", "S-tool", {"path": "S-argument"}),
        ("tooluse_S2", "S-silent", {}),
    ]
    usage = streamed.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens) == (11, 33)
    assert (usage.cache_creation_input_tokens, usage.output_tokens) == (22, 44)


def test_the_answer_reaches_an_openai_client():
    raw = OPENAI_CHAT.write_reply(DIALECT.read_reply(whole()), "asked", RECORD)
    said = msgspec.json.decode(raw)
    assert said["choices"][0]["finish_reason"] == "tool_calls"
    assert said["usage"]["prompt_tokens"] == 11 + 22 + 33
    assert [call["id"] for call in said["choices"][0]["message"]["tool_calls"]] == [
        "tooluse_S1",
        "tooluse_S2",
    ]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("end_turn", "end"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "refusal"),
        ("content_filtered", "refusal"),
        ("malformed_tool_use", "other:malformed_tool_use"),
        ("Odd\nreason", "other:unknown"),
    ],
)
def test_every_reason_to_stop_is_told(reason, told):
    events, _ = read(BEGINS, delta(0, text="x"), event("messageStop", stopReason=reason), META)
    assert Stopped(told) in events
    raw = whole(stopReason=reason, output={"message": {"role": "assistant", "content": []}})
    assert DIALECT.read_reply(raw)[-1] == Stopped(told)
    assert DIALECT.hear(raw).stop == told


@pytest.mark.parametrize(
    ("extra", "sequence"),
    [
        ({"stop_sequence": "END"}, "END"),
        ({"delta": {"stop_sequence": "END"}}, "END"),
        ({"stop_sequence": None}, None),
        ({"delta": {}}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_stop_sequence_is_found_where_bedrock_tells_it(extra, sequence):
    told = {"stopReason": "stop_sequence", "additionalModelResponseFields": extra}
    assert read(BEGINS, event("messageStop", **told))[0][-1] == Stopped("stop_sequence", sequence)
    assert DIALECT.read_reply(whole(**told))[-1] == Stopped("stop_sequence", sequence)


def test_a_reply_that_calls_stops_to_call_and_an_open_call_is_closed():
    events, _ = read(BEGINS, opens(0, "a", "f"), event("messageStop", stopReason="end_turn"))
    assert events[-2:] == (ToolCallDelta(0, "{}"), Stopped("tool_use"))
    call = {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}
    assert DIALECT.read_reply(spoken(call))[-1] == Stopped("tool_use")


def test_what_adds_nothing_is_passed_over():
    events, _ = read(
        message(b"{}", event_type="initial-response", message_type="event"),
        message(b"", message_type="event"),
        event("aNewKind", something=1),
        event("contentBlockStart", contentBlockIndex=0, start={}),
        delta(0, text=""),
        delta(0, citation={"title": "t"}),
        delta(0, reasoningContent={"text": ""}),
        delta(0, reasoningContent={}),
        closes(0),
    )
    assert events == ()
    assert DIALECT.read_reply(
        spoken({"reasoningContent": {}}, {"reasoningContent": {"reasoningText": {"text": ""}}})
    )[1:-2] == ()  # fmt: skip


def test_a_reply_may_leave_out_usage_and_reason():
    body = msgspec.json.encode({"output": {"message": {"content": [{"text": "x"}]}}})
    assert DIALECT.read_reply(body) == (Began(), TextDelta("x"))
    heard = DIALECT.hear(body)
    assert (heard.usage, heard.stop) == (None, None)
    negative = {"inputTokens": -1, "outputTokens": -1, "cacheReadInputTokens": -1}
    assert DIALECT.hear(whole(usage=negative)).usage == Tokens()


@pytest.mark.parametrize(
    ("name", "said", "kind"),
    [
        ("throttlingException", "slow", FailureKind.RATE_LIMITED),
        ("serviceUnavailableException", "later", FailureKind.OVERLOADED),
        ("internalServerException", "oops", FailureKind.UNREADABLE),
        ("modelStreamErrorException", "oops", FailureKind.UNREADABLE),
        ("validationException", "bad field", FailureKind.REJECTED),
        ("validationException", "Input is too long for it", FailureKind.CONTEXT_EXCEEDED),
    ],
)
def test_an_exception_inside_a_stream_breaks_it(name, said, kind):
    raw = fault(name, said)
    assert_events_are_of_the_shape(raw)
    assert parsed_stream(raw)[0]["Error"]["Message"] == said
    events, reader = read(BEGINS, raw, delta(0, text="more"), STOPS, META)
    assert events == (Began(), Broke(kind.value, said))
    assert not reader.finished


def test_an_error_of_the_service_breaks_a_stream():
    raw = message(
        b"", message_type="error", error_code="ModelTimeoutException", error_message="too\nslow"
    )
    assert read(raw)[0] == (Broke(FailureKind.TIMED_OUT.value, "too slow"),)
    bare = message(b"not json", message_type="exception")
    assert read(bare)[0] == (Broke(FailureKind.UNREADABLE.value, ""),)


@pytest.mark.parametrize(
    "parts",
    [
        [message(b"{}", event_type="messageStop")],
        [message(b"{}", message_type="news")],
        [message(b"<html>", event_type="messageStop", message_type="event")],
        [event("contentBlockDelta", delta={"text": "no index"})],
        [delta(0, image={"source": {}})],
        [delta(0, toolUse={"input": "x"})],
        [opens(0, "a", "f", type="server_tool_use")],
        [opens(0, "", "f")],
        [opens(0, "a", "")],
        [opens(0, "a", "f"), opens(0, "b", "g")],
        [event("contentBlockStart", contentBlockIndex=0, start={"image": {"format": "png"}})],
        [event("metadata", usage="x")],
        [b"HTTP/1.1 200 OK\r\n\r\n<html>an engine that answers HTML</html>"],
        [BEGINS[:-1] + b"\x00"],
    ],
)
def test_what_cannot_be_read_is_an_error_that_repeats_nothing(parts):
    with pytest.raises(ValueError, match=r".") as caught:
        read(*parts)
    assert "html" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"output":{}}',
        b'{"Output":{}}',
        b'{"output":{"message":{"content":"x"}}}',
        b"[" * 5000,
    ],
)
def test_a_reply_that_is_none_is_an_error(body):
    for function in (DIALECT.hear, DIALECT.read_reply):
        with pytest.raises(ValueError, match=r"\w"):
            function(body)


@pytest.mark.parametrize("block", [{}, {"image": {}}, {"toolUse": {"name": "f"}}])
def test_a_block_that_cannot_be_translated_is_an_error(block):
    with pytest.raises(ValueError, match=r"\w"):
        DIALECT.read_reply(spoken(block))


@pytest.mark.parametrize(
    "body",
    [
        {"Output": {"__type": "com.amazon.coral#ThrottlingException", "message": "slow"}},
        {"__type": "ThrottlingException", "message": "slow"},
    ],
)
def test_an_error_under_status_200_is_an_error(body):
    raw = msgspec.json.encode(body)
    assert DIALECT.hear(raw).broke == (FailureKind.RATE_LIMITED, "slow")
    assert DIALECT.read_reply(raw) == (Broke("rate_limited", "slow"),)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "The model returned: bad", FailureKind.REJECTED),
        (400, "Input is too long for requested model.", FailureKind.CONTEXT_EXCEEDED),
        (400, "Too many tokens per day, quota", FailureKind.RATE_LIMITED),
        (400, "on-demand throughput isn't supported", FailureKind.UNREADABLE),
        (400, "The provided model identifier is invalid.", FailureKind.UNREADABLE),
        (403, "not authorized", FailureKind.UNREACHABLE),
        (404, "no model", FailureKind.UNREACHABLE),
        (408, "timed out", FailureKind.TIMED_OUT),
        (413, "too big", FailureKind.REJECTED),
        (424, "model error", FailureKind.UNREADABLE),
        (429, "Model is getting ready", FailureKind.RATE_LIMITED),
        (500, "oops", FailureKind.UNREADABLE),
        (503, "busy", FailureKind.OVERLOADED),
        (504, "gone", FailureKind.UNREACHABLE),
    ],
)
def test_a_failure_is_known_by_status_and_message(status, said, kind):
    for spelling in ("message", "Message"):
        body = msgspec.json.encode({spelling: said})
        assert DIALECT.failure(status, body) == (kind, said)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message": 5}', b"[" * 5000])
def test_a_failure_without_words_is_still_one(body):
    assert DIALECT.failure(400, body) == (FailureKind.REJECTED, "")


def test_the_engines_words_are_cut_and_printable():
    kind, said = DIALECT.failure(400, msgspec.json.encode({"message": "a\x00b" + "c" * 9999}))
    assert (kind, len(said), said[:3]) == (FailureKind.REJECTED, 500, "a b")
