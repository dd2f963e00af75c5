from itertools import pairwise
from typing import Any

import msgspec
import pytest

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.dialect import Heard
from gateway.domain.money import Tokens
from gateway.domain.route import FailureKind
from gateway.wire.sse import EVENT_BYTES_MAX

DONE = b"data: [DONE]\n\n"


def event(*choices: dict[str, Any], **fields: Any) -> bytes:
    chunk = {"id": "c-1", "object": "chat.completion.chunk", "model": "qwen", "choices": choices}
    return b"data: " + msgspec.json.encode({**chunk, **fields}) + b"\n\n"


def a_choice(finish: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish}


ROLE = event(a_choice(role="assistant", content=""))
TEXT = event(a_choice(content="Hello"))
STOP = event(a_choice("stop"))
USAGE = event(
    usage={
        "prompt_tokens": 25,
        "completion_tokens": 4,
        "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 16},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
)
USED = Tokens(input_tokens=9, output_tokens=4, cache_read_tokens=16, reasoning_tokens=3)
STREAM = ROLE + b": keep-alive\n\n" + TEXT + STOP + USAGE + DONE


def test_a_stream_passes_byte_for_byte_and_is_heard() -> None:
    tap = OPENAI_CHAT.tap(True)

    assert tap.feed(STREAM) == STREAM
    assert tap.heard == Heard(usage=USED, stop="end", model="qwen")
    assert tap.content_seen
    assert tap.finished


def test_the_usage_event_is_removed_when_nobody_asked_for_it_and_nothing_else() -> None:
    tap = OPENAI_CHAT.tap(False)

    assert tap.feed(STREAM) == STREAM.replace(USAGE, b"")
    assert tap.heard.usage == USED


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("wanted", [True, False])
def test_the_cut_of_the_chunks_changes_nothing(end: bytes, wanted: bool) -> None:
    raw = STREAM.replace(b"\n", end)
    expected = raw if wanted else raw.replace(USAGE.replace(b"\n", end), b"")

    for places in [*([place] for place in range(len(raw))), list(range(len(raw)))]:
        tap = OPENAI_CHAT.tap(wanted)
        edges = [0, *places, len(raw)]
        assert b"".join(tap.feed(raw[a:b]) for a, b in pairwise(edges)) == expected
        assert tap.heard == Heard(usage=USED, stop="end", model="qwen")
        assert tap.finished


def test_spaces_after_the_colon_hide_nothing() -> None:
    spaced = (
        b'data: {"model": "qwen", "choices": [{"index": 0, "delta": {"content": "x"}, '
        b'"finish_reason": null}], "usage": null}\n\n'
        b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}\n\n'
        b'data: {"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 3}}\n\n'
        b'data: {"error": {"message": "out", "code": 503}}\n\n'
    )
    tap = OPENAI_CHAT.tap(True)
    tap.feed(spaced)

    assert tap.heard == Heard(Tokens(2, 3), "length", "qwen", (FailureKind.OVERLOADED, "out"))


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"reasoning": "x"},
        {"reasoning_content": "x"},
        {"refusal": "x"},
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]},
        {"function_call": {"name": "f"}},
        {"content": [{"type": "text", "text": "x"}]},
    ],
)
def test_real_content_is_seen(delta: dict[str, Any]) -> None:
    tap = OPENAI_CHAT.tap(True)
    tap.feed(ROLE)
    assert not tap.content_seen

    tap.feed(event(a_choice(**delta)))
    assert tap.content_seen


@pytest.mark.parametrize(
    "preamble",
    [
        ROLE,
        b": keep-alive\n\n",
        b"data:\n\n",
        event(a_choice(content=None)),
        event(a_choice(content="", reasoning="", tool_calls=[])),
        event(a_choice(content=None, tool_calls=None)),
        event({"index": 0, "finish_reason": None}),
        event({"index": 0, "delta": None}),
        event(prompt_filter_results=[{"index": 0}]),
        event(choices=None),
        STOP,
    ],
)
def test_a_preamble_passes_and_is_no_content(preamble: bytes) -> None:
    tap = OPENAI_CHAT.tap(False)

    assert tap.feed(preamble) == preamble
    assert not tap.content_seen
    assert not tap.finished


@pytest.mark.parametrize(
    "words",
    [
        '"usage":{"prompt_tokens":9}',
        '{"choices":[],"usage":{"prompt_tokens":9}}',
        '"finish_reason":"length"',
        '"error"',
        '{"error":{"message":"x","code":500}}',
        'data: {"error":{"message":"x"}}\n\n',
        "data: [DONE]\n\n",
        "[DONE]",
        "usage",
        "error",
        "finish_reason",
    ],
)
def test_words_in_the_text_confuse_nobody(words: str) -> None:
    tap = OPENAI_CHAT.tap(False)
    raw = ROLE + TEXT + event(a_choice(content=words)) + event(a_choice(reasoning=words))

    assert tap.feed(raw) == raw
    assert tap.heard == Heard(model="qwen")
    assert not tap.finished


def test_logprobs_of_the_word_usage_confuse_nobody() -> None:
    tokens = [{"token": word, "logprob": -1.0} for word in ("usage", "error", "finish_reason")]
    raw = TEXT + event({**a_choice(content="x"), "logprobs": {"content": tokens}})
    tap = OPENAI_CHAT.tap(False)

    assert tap.feed(raw) == raw
    assert tap.heard == Heard(model="qwen")


def test_usage_beside_text_is_heard_and_passes() -> None:
    raw = TEXT + event(a_choice(content="!"), usage={"prompt_tokens": 3, "completion_tokens": 1})
    tap = OPENAI_CHAT.tap(False)

    assert tap.feed(raw) == raw
    assert tap.heard.usage == Tokens(3, 1)


def test_the_last_usage_counts() -> None:
    tap = OPENAI_CHAT.tap(True)
    for output in (1, 2, 3):
        tap.feed(
            event(a_choice(content="x"), usage={"prompt_tokens": 3, "completion_tokens": output})
        )

    assert tap.heard.usage == Tokens(3, 3)


def test_one_of_several_choices_that_stops_is_heard_beside_one_that_goes_on() -> None:
    tap = OPENAI_CHAT.tap(True)
    tap.feed(TEXT + event(a_choice(content="x"), a_choice("length", index=1)))

    assert tap.heard.stop == "length"


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end"),
        ("length", "length"),
        ("tool_calls", "tool_use"),
        ("function_call", "tool_use"),
        ("content_filter", "refusal"),
        ("abort", "other:abort"),
        ("two words\n", "other:unknown"),
        ("my_canary_prompt", "other:unknown"),
    ],
)
def test_a_finish_reason_is_heard_in_our_words(finish: str, stop: str) -> None:
    tap = OPENAI_CHAT.tap(True)
    tap.feed(TEXT + event(a_choice(finish)))

    assert tap.heard.stop == stop


def test_a_stop_sequence_is_told_from_a_natural_end() -> None:
    tap = OPENAI_CHAT.tap(True)
    tap.feed(event({**a_choice("stop"), "stop_reason": "END"}))
    assert tap.heard.stop == "stop_sequence"

    tap = OPENAI_CHAT.tap(True)
    tap.feed(event({**a_choice("stop"), "stop_reason": 151645}))
    assert tap.heard.stop == "end"


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (b'{"error":{"message":"bad","code":400}}', FailureKind.REJECTED, "bad"),
        (b'{"error":{"message":"bad","code":"429"}}', FailureKind.RATE_LIMITED, "bad"),
        (b'{"error":{"message":"bad","type":"overloaded_error"}}', FailureKind.OVERLOADED, "bad"),
        (b'{"error":{"message":"bad","code":null}}', FailureKind.UNREADABLE, "bad"),
        (b'{"error":{"message":"bad","code":200}}', FailureKind.UNREADABLE, "bad"),
        (b'{"error":"bad"}', FailureKind.UNREADABLE, "bad"),
        (b'{"object":"error","message":"bad","code":503}', FailureKind.OVERLOADED, "bad"),
        (b'{"error":{"message":"bad"},"choices":[],"usage":null}', FailureKind.UNREADABLE, "bad"),
    ],
)
@pytest.mark.parametrize("begin", [b"", ROLE, ROLE + TEXT])
def test_an_error_inside_the_stream_is_heard_and_not_forwarded(
    begin: bytes, error: bytes, kind: FailureKind, said: str
) -> None:
    tap = OPENAI_CHAT.tap(True)

    assert tap.feed(begin + b"data: " + error + b"\n\n" + TEXT) == begin
    assert tap.feed(DONE) == b""
    assert tap.heard.broke == (kind, said)
    assert not tap.finished


def test_an_event_called_error_is_one_whatever_it_holds() -> None:
    tap = OPENAI_CHAT.tap(True)

    assert tap.feed(TEXT + b"event: error\ndata: oh no\n\n" + DONE) == TEXT
    assert tap.heard.broke == (FailureKind.UNREADABLE, "")


def test_what_was_heard_before_the_error_is_kept() -> None:
    tap = OPENAI_CHAT.tap(True)
    tap.feed(ROLE + TEXT + USAGE + b'data: {"error":{"message":"bad"}}\n\n')

    assert tap.heard == Heard(USED, None, "qwen", (FailureKind.UNREADABLE, "bad"))


def test_nothing_follows_the_end_mark() -> None:
    tap = OPENAI_CHAT.tap(True)

    assert tap.feed(TEXT + DONE + TEXT) == TEXT + DONE
    assert tap.feed(TEXT) == b""


@pytest.mark.parametrize(
    "raw",
    [
        b"data: <html>canary</html>\n\n",
        b"data: [1]\n\n",
        b"data: canary\n\n",
        b'data: {"choices":["canary"]}\n\n',
        b"data: " + b"[" * 10_000 + b"\n\n",
        TEXT + b'data: {"usage":{"canary"\n\n',
    ],
)
def test_what_is_no_chunk_cannot_be_read(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a chat completion") as caught:
        OPENAI_CHAT.tap(True).feed(raw)

    assert caught.value.__context__ is None


def test_an_endless_event_is_an_error() -> None:
    tap = OPENAI_CHAT.tap(True)

    with pytest.raises(ValueError, match=str(EVENT_BYTES_MAX)):
        tap.feed(b"data: " + b"x" * EVENT_BYTES_MAX)


@pytest.mark.parametrize(
    "usage",
    [
        "many",
        [],
        {"prompt_tokens": "9"},
        {"prompt_tokens": -9, "completion_tokens": True},
        {"prompt_tokens": None, "prompt_tokens_details": "x"},
        {"prompt_tokens": 0, "prompt_tokens_details": {"cached_tokens": 5.5}},
    ],
)
def test_odd_usage_is_no_reason_to_stop_a_stream(usage: Any) -> None:
    tap = OPENAI_CHAT.tap(True)
    raw = TEXT + event(usage=usage) + DONE

    assert tap.feed(raw) == raw
    assert tap.heard.usage in {None, Tokens()}


def test_more_cached_than_prompt_tokens_never_counts_below_nothing() -> None:
    tap = OPENAI_CHAT.tap(True)
    tap.feed(event(usage={"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}}))

    assert tap.heard.usage == Tokens(cache_read_tokens=5)
