import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES as DIALECT
from gateway.domain.dialect import Heard
from gateway.domain.money import Tokens
from gateway.domain.route import FailureKind
from gateway.wire import sse
from tests.doubles.goldens import golden, recorded, recordings
from tests.doubles.vendor_readers import chunks

STREAM = golden("anthropic_messages/thinking_tools.stream.txt")
START = STREAM[: STREAM.index(b"event: ping")]
HEARD = Heard(
    usage=Tokens(
        input_tokens=11,
        output_tokens=44,
        cache_read_tokens=33,
        cache_write_tokens=22,
        reasoning_tokens=7,
    ),
    stop="tool_use",
    model="claude-5-S-model",
)


def event(name, data):
    return f"event: {name}\ndata: {data}\n\n".encode()


def fault(kind, message="it broke"):
    return event("error", f'{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}')


def tapped(raw, size):
    tap = DIALECT.tap(True)
    return tap, b"".join(tap.feed(chunk) for chunk in chunks(raw, size))


def test_a_stream_passes_byte_for_byte_wherever_it_is_cut():
    for size in range(1, len(STREAM) + 1, 1 if len(STREAM) < 200 else 7):
        tap, out = tapped(STREAM, size)
        assert out == STREAM
        assert tap.heard == HEARD
        assert tap.finished
        assert tap.content_seen


def test_a_stream_cut_at_every_byte_passes_whole_events_and_never_looks_finished():
    for cut in range(len(STREAM)):
        tap = DIALECT.tap(True)
        out = tap.feed(STREAM[:cut])
        assert STREAM.startswith(out)
        assert out == b"" or out.endswith(b"\n\n")
        assert tap.finished is (cut == len(STREAM))
        rest = tap.feed(STREAM[cut:])
        assert out + rest == STREAM
        assert tap.heard == HEARD


STREAMED = [name for name in recordings("messages_", "reasoning_messages") if "stream" in name]


@pytest.mark.parametrize("name", STREAMED)
def test_the_real_engines_streams_pass_unchanged(name):
    status, raw = recorded(name)
    assert status == 200
    tap, out = tapped(raw, 33)
    assert out == raw
    assert tap.finished
    assert tap.content_seen
    assert tap.heard.model == "tiny-qwen3"
    assert tap.heard.usage.output_tokens > 0
    assert tap.heard.stop in {"end", "length", "tool_use", "stop_sequence"}


def test_content_begins_with_a_change_or_with_a_block_that_is_not_empty():
    def seen(block):
        tap = DIALECT.tap(True)
        tap.feed(START)
        assert not tap.content_seen
        tap.feed(event("ping", '{"type":"ping"}'))
        data = f'{{"type":"content_block_start","index":0,"content_block":{block}}}'
        tap.feed(event("content_block_start", data))
        return tap.content_seen

    assert not seen('{"type":"text","text":""}')
    assert not seen('{"type":"thinking","thinking":""}')
    assert seen('{"type":"text","text":"a"}')
    assert seen('{"type":"thinking","thinking":"a"}')
    assert seen('{"type":"tool_use","id":"a","name":"b","input":{}}')
    assert seen('{"type":"redacted_thinking","data":"x"}')


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        ("overloaded_error", FailureKind.OVERLOADED),
        ("rate_limit_error", FailureKind.RATE_LIMITED),
        ("timeout_error", FailureKind.TIMED_OUT),
        ("invalid_request_error", FailureKind.REJECTED),
        ("internal_error", FailureKind.UNREADABLE),
        ("anything", FailureKind.UNREADABLE),
    ],
)
def test_an_error_event_is_heard_and_not_forwarded(kind, meant):
    tap = DIALECT.tap(True)
    assert tap.feed(START + fault(kind)) == START
    assert tap.heard.broke == (meant, "it broke")
    assert (tap.heard.model, tap.heard.usage.input_tokens) == ("claude-5-S-model", 11)
    assert not tap.finished


def test_a_context_error_in_a_stream_is_told_apart():
    tap = DIALECT.tap(True)
    tap.feed(fault("BadRequestError", "This model's maximum context length is 5 tokens."))
    assert tap.heard.broke[0] is FailureKind.CONTEXT_EXCEEDED


def test_a_broken_stream_never_ends_well():
    tap = DIALECT.tap(True)
    end = event("message_stop", '{"type":"message_stop"}')
    assert tap.feed(START + fault("api_error") + end) == START
    assert tap.feed(end) == b""
    assert not tap.finished


def test_an_error_without_a_name_is_still_an_error():
    tap = DIALECT.tap(True)
    assert tap.feed(b'data: {"error":{"message":"dead"}}\n\n') == b""
    assert tap.heard.broke == (FailureKind.UNREADABLE, "dead")


def test_comments_and_unknown_events_pass():
    raw = b": keep-alive\n\n" + event("novelty", "{}") + b"data: {}\n\n"
    tap, out = tapped(raw, 5)
    assert out == raw
    assert not tap.content_seen


def test_nothing_follows_the_end_mark():
    tap = DIALECT.tap(True)
    assert tap.feed(STREAM + STREAM) == STREAM
    assert tap.heard == HEARD


def test_a_second_delta_without_a_reason_keeps_the_first():
    again = event(
        "message_delta", '{"type":"message_delta","delta":{},"usage":{"output_tokens":50}}'
    )
    end = STREAM.index(b"event: message_stop")
    tap = DIALECT.tap(True)
    tap.feed(STREAM[:end] + again)
    assert (tap.heard.stop, tap.heard.usage.output_tokens) == ("tool_use", 50)


@pytest.mark.parametrize(
    "raw",
    [
        event("message_start", "nonsense"),
        event("message_start", '{"type":"message_start"}'),
        event("message_delta", '{"delta":5}'),
        event("content_block_start", '{"content_block":{}}'),
        event("error", "nonsense"),
        event("message_start", "[" * 100_000),
    ],
)
def test_an_event_that_matters_and_cannot_be_read_is_an_error_without_its_words(raw):
    with pytest.raises(ValueError, match="not what this dialect says"):
        DIALECT.tap(True).feed(raw)


def test_a_stream_without_an_end_has_a_bound():
    tap = DIALECT.tap(True)
    assert tap.feed(b"x" * sse.EVENT_BYTES_MAX) == b""
    with pytest.raises(ValueError, match="larger"):
        tap.feed(b"x")


@pytest.mark.parametrize(
    "name",
    [n for n in recordings("messages_", "reasoning_messages") if "stream" not in n],
)
def test_a_whole_reply_of_the_real_engine_is_heard(name):
    heard = DIALECT.hear(recorded(name)[1])
    assert heard.model == "tiny-qwen3"
    assert heard.usage.output_tokens > 0
    assert heard.stop in {"end", "length", "tool_use", "stop_sequence"}
    assert heard.broke is None


@pytest.mark.parametrize(
    ("said", "stop"),
    [
        ("end_turn", "end"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop_sequence"),
        ("tool_use", "tool_use"),
        ("refusal", "refusal"),
        ("pause_turn", "other:pause_turn"),
        ("<script>", "other:unknown"),
        ("my_canary_prompt", "other:unknown"),
    ],
)
def test_a_reason_is_told_in_the_words_of_the_house(said, stop):
    body = f'{{"type":"message","content":[],"stop_reason":"{said}"}}'.encode()
    assert DIALECT.hear(body) == Heard(stop=stop)


def test_an_error_under_status_200_is_heard():
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"later"}}'
    assert DIALECT.hear(body) == Heard(broke=(FailureKind.OVERLOADED, "later"))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"type":"message"}', b'{"type":"x","content":[]}', b"\xff"],
)
def test_what_is_no_message_is_not_taken_for_one(body):
    with pytest.raises(ValueError, match="dialect"):
        DIALECT.hear(body)


def test_counts_below_zero_count_for_nothing():
    body = b'{"type":"message","content":[],"usage":{"input_tokens":-5,"output_tokens":3}}'
    assert DIALECT.hear(body).usage == Tokens(0, 3)
