"""OpenAI's completions: what is asked, what passes, what is read and what is written."""

import msgspec
import pytest

from gateway.dialects.openai_completions import MISTRAL_FIM, OPENAI_COMPLETIONS
from gateway.domain.completion import Completion
from gateway.domain.conversation import Media, Sampling
from gateway.domain.dialect import Heard
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.event import Began, Broke, Stopped, TextDelta, Used
from gateway.domain.money import Tokens
from gateway.domain.request import Operation
from gateway.domain.route import FailureKind
from tests.doubles.fleets import an_offering
from tests.doubles.vendor_readers import chunks
from tests.doubles.vllm_recordings import recording

OFFERING = an_offering("coder", "vllm", "on_prem", wire_model="Qwen/Qwen3-Coder")
RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
ASKED = {"model": "coder", "prompt": "def add("}
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
SPENT = Tokens(input_tokens=9, output_tokens=4)
EVENTS = (
    Began("cmpl-1", "Qwen/Qwen3-Coder"),
    TextDelta("a, "),
    TextDelta("b)"),
    Stopped("length"),
    Used(SPENT),
)


def chunk(*choices: object, **more: object) -> bytes:
    head = {"id": "cmpl-1", "object": "text_completion", "model": "Qwen/Qwen3-Coder"}
    return msgspec.json.encode({**head, "choices": choices, **more})


def choice(text: object, finish: str | None = None, **more: object) -> dict[str, object]:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish, **more}


def sse(*events: bytes) -> bytes:
    return b"".join(b"data: " + event + b"\n\n" for event in events)


WHOLE = chunk(choice("a, b)", "length"), usage=USAGE)
STREAM = sse(
    chunk(choice("a, "), usage=None),
    chunk(choice("b)"), usage=None),
    chunk(choice("", "length"), usage=None),
    chunk(usage=USAGE),
    b"[DONE]",
)


def test_a_request_asks_for_the_rest_of_a_text() -> None:
    ask = OPENAI_COMPLETIONS.peek(ASKED)
    assert (ask.model, ask.stream, ask.usage_wanted, ask.needs) == (
        "coder",
        False,
        True,
        frozenset(),
    )
    assert OPENAI_COMPLETIONS.operation is Operation.COMPLETE
    body = {**ASKED, "stream": True, "suffix": "\n", "max_tokens": 5}
    ask = OPENAI_COMPLETIONS.peek(body)
    assert (ask.stream, ask.usage_wanted, ask.output_tokens_max) == (True, False, 5)
    assert ask.needs == {"fim"}
    body |= {"stream_options": {"include_usage": True}, "suffix": "", "max_tokens": 0}
    ask = OPENAI_COMPLETIONS.peek(body)
    assert (ask.usage_wanted, ask.needs, ask.output_tokens_max) == (True, frozenset(), None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"prompt": None},
        {"prompt": []},
        {"prompt": ["a", "b"]},
        {"prompt": [[1], [2]]},
        {"prompt": [[]]},
        {"prompt": [1, -1]},
        {"prompt": [1, "canary"]},
        {"prompt": 1},
        {"n": 9},
        {"n": 0},
        {"best_of": 9},
        {"logprobs": 21},
        {"max_tokens": -1},
        {"suffix": 1},
        {"suffix": "canary", "echo": True},
        {"suffix": "canary", "prompt": [1]},
        {"stop": [1]},
        {"stream": "yes"},
        {"stream_options": {"include_usage": "yes"}},
    ],
    ids=str,
)
def test_a_field_of_a_wrong_kind_is_named_and_not_repeated(wrong) -> None:
    with pytest.raises(Malformed) as caught:
        OPENAI_COMPLETIONS.peek({**ASKED, **wrong})
    assert next(iter(wrong)) in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("prompt", ["a", ["a"]], ids=str)
def test_one_text_may_stand_in_a_list(prompt) -> None:
    body = {**ASKED, "prompt": prompt}
    assert OPENAI_COMPLETIONS.unseen(body) == ()
    assert OPENAI_COMPLETIONS.read(body)[0] == Completion("a")


@pytest.mark.parametrize("prompt", [[1, 2], [[1, 2]]], ids=str)
def test_ids_of_tokens_pass_to_an_engine_of_the_dialect_and_nowhere_else(prompt) -> None:
    body = {**ASKED, "prompt": prompt}
    OPENAI_COMPLETIONS.peek(body)
    assert OPENAI_COMPLETIONS.unseen(body) == ("prompt",)
    assert OPENAI_COMPLETIONS.rewrite(body, OFFERING, False)["prompt"] == prompt
    with pytest.raises(CannotExpress, match="ids of tokens"):
        OPENAI_COMPLETIONS.read(body)


def test_what_passes_asks_for_usage_in_a_stream() -> None:
    body = {**ASKED, "stream": True, "stream_options": {"include_obfuscation": False}}
    assert OPENAI_COMPLETIONS.rewrite(body, OFFERING, True) == {
        **body,
        "model": "Qwen/Qwen3-Coder",
        "stream_options": {"include_obfuscation": False, "include_usage": True},
    }
    assert OPENAI_COMPLETIONS.rewrite(ASKED, OFFERING, True)["stream"] is True
    assert OPENAI_COMPLETIONS.rewrite(ASKED, OFFERING, False) == {
        **ASKED,
        "model": "Qwen/Qwen3-Coder",
    }


@pytest.mark.parametrize("name", ["prompt_embeds", "cache_salt", "vllm_xargs", "logits_processors"])
def test_what_reaches_past_the_prompt_is_refused(name) -> None:
    with pytest.raises(CannotExpress, match=name):
        OPENAI_COMPLETIONS.rewrite({**ASKED, name: "x"}, OFFERING, False)


def test_a_text_is_read_with_its_settings_and_what_is_lost_is_named() -> None:
    body = {
        **ASKED,
        "suffix": "\n",
        "max_tokens": 5,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "seed": 0,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "stop": "\n\n",
        "n": 1,
        "best_of": 2,
        "echo": False,
        "logprobs": 0,
        "user": "ada",
        "my_canary": "x",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    said, lost = OPENAI_COMPLETIONS.read(body)
    sampling = Sampling(5, 0.5, 0.9, 3, 0, 0.1, 0.2, ("\n\n",))
    assert said == Completion("def add(", "\n", sampling=sampling)
    assert lost == ("best_of", "logprobs", "user", "unknown_field")
    assert OPENAI_COMPLETIONS.read({**ASKED, "stop": ["a", "b"]})[0].sampling.stop == ("a", "b")


def test_a_text_is_written_with_its_settings() -> None:
    sampling = Sampling(5, 0.5, 0.9, 3, 0, 0.1, 0.2, ("\n\n",))
    assert OPENAI_COMPLETIONS.write(Completion("a", "b", sampling=sampling), OFFERING, True) == (
        {
            "model": "Qwen/Qwen3-Coder",
            "prompt": "a",
            "stream": True,
            "max_tokens": 5,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 3,
            "seed": 0,
            "frequency_penalty": 0.1,
            "presence_penalty": 0.2,
            "stop": ["\n\n"],
            "suffix": "b",
            "stream_options": {"include_usage": True},
        },
        (),
    )


def test_what_a_completion_cannot_say_is_lost_by_name() -> None:
    image = Media("image/png", "iVBOR")
    wanted = Completion("a", "b", False, "be brief", (image,), Sampling(), {}, "low")
    body, lost = OPENAI_COMPLETIONS.write(wanted, OFFERING, False)
    assert body == {
        "model": "Qwen/Qwen3-Coder",
        "prompt": "a",
        "stream": False,
        "suffix": "b",
    }
    assert lost == ("system", "images", "format", "thinking")
    assert OPENAI_COMPLETIONS.write(Completion("a", thinking="off"), OFFERING, False)[1] == ()


def test_a_question_is_no_text_to_go_on_with() -> None:
    with pytest.raises(CannotExpress, match="raw: true"):
        OPENAI_COMPLETIONS.write(Completion("Why?", is_chat=True), OFFERING, False)


def test_mistral_gets_its_own_words_and_nothing_that_it_refuses() -> None:
    sampling = Sampling(output_tokens_max=5, seed=7, presence_penalty=0.5, stop=("x",))
    body, lost = MISTRAL_FIM.write(Completion("a", "b", sampling=sampling), OFFERING, True)
    assert body == {
        "model": "Qwen/Qwen3-Coder",
        "prompt": "a",
        "suffix": "b",
        "stream": True,
        "max_tokens": 5,
        "stop": ["x"],
        "random_seed": 7,
    }
    assert lost == ("presence_penalty",)
    assert "random_seed" not in MISTRAL_FIM.write(Completion("a"), OFFERING, False)[0]
    assert MISTRAL_FIM.family != OPENAI_COMPLETIONS.family


def test_a_whole_reply_is_heard_and_read() -> None:
    assert OPENAI_COMPLETIONS.hear(WHOLE) == Heard(SPENT, "length", "Qwen/Qwen3-Coder")
    assert OPENAI_COMPLETIONS.read_reply(WHOLE) == (
        EVENTS[0],
        TextDelta("a, b)"),
        Stopped("length"),
        Used(SPENT),
    )


def test_mistrals_replies_are_in_the_form_of_a_chat() -> None:
    message = {"index": 0, "message": {"content": "a, b)"}, "finish_reason": "stop"}
    events = MISTRAL_FIM.read_reply(chunk(message, usage=USAGE))
    assert events[1:] == (TextDelta("a, b)"), Stopped("end"), Used(SPENT))
    deltas = sse(
        chunk({"index": 0, "delta": {"role": "assistant", "content": ""}}),
        chunk({"index": 0, "delta": {"content": "a"}}),
        chunk({"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}, usage=USAGE),
        b"[DONE]",
    )
    reader = MISTRAL_FIM.reader()
    assert reader.feed(deltas)[1:] == (TextDelta("a"), Stopped("end"), Used(SPENT))
    assert reader.finished


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"finish_reason": "stop"}, Stopped("end")),
        ({"finish_reason": "stop", "stop_reason": "\n"}, Stopped("stop_sequence", "\n")),
        ({"finish_reason": "content_filter"}, Stopped("refusal")),
        ({"finish_reason": "repetition"}, Stopped("other:repetition")),
        ({"finish_reason": "my canary"}, Stopped("other:unknown")),
    ],
    ids=str,
)
def test_a_reason_is_one_of_closed_words(more, reason) -> None:
    raw = chunk({**choice("x"), **more})
    assert OPENAI_COMPLETIONS.read_reply(raw)[-1] == reason


def test_what_came_from_a_cache_is_counted_once() -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 8}}
    raw = chunk(choice("x", "stop"), usage=usage)
    assert OPENAI_COMPLETIONS.hear(raw).usage == Tokens(1, 4, cache_read_tokens=8)


@pytest.mark.parametrize("both", [OPENAI_COMPLETIONS.hear, OPENAI_COMPLETIONS.read_reply])
@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b"{}", chunk(), chunk({"index": 0})])
def test_what_is_no_reply_is_not_read(both, raw) -> None:
    with pytest.raises(ValueError, match="completion"):
        both(raw)


def test_text_that_is_none_is_not_read() -> None:
    with pytest.raises(ValueError, match="not text"):
        OPENAI_COMPLETIONS.reader().feed(sse(chunk(choice(7))))


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_stream_is_read_however_it_is_cut(size) -> None:
    reader = OPENAI_COMPLETIONS.reader()
    events = [event for part in chunks(STREAM, size) for event in reader.feed(part)]
    assert tuple(events) == EVENTS
    assert reader.finished
    assert reader.feed(STREAM) == ()


ERROR = b'{"error":{"message":"no more","code":503}}'


@pytest.mark.parametrize(
    "broken", [sse(ERROR), b"event: error\ndata: " + ERROR + b"\n\n"], ids=["data", "event"]
)
def test_a_stream_that_breaks_never_ends(broken) -> None:
    raw = sse(chunk(choice("a"))) + broken + sse(b"[DONE]")
    reader = OPENAI_COMPLETIONS.reader()
    assert reader.feed(raw)[-1] == Broke(FailureKind.OVERLOADED, "no more")
    assert not reader.finished
    tap = OPENAI_COMPLETIONS.tap(True)
    assert tap.feed(raw) == sse(chunk(choice("a")))
    assert tap.heard.broke == (FailureKind.OVERLOADED, "no more")
    assert not tap.finished


def test_an_error_in_place_of_a_reply_is_one() -> None:
    assert OPENAI_COMPLETIONS.hear(ERROR).broke == (FailureKind.OVERLOADED, "no more")
    assert OPENAI_COMPLETIONS.read_reply(ERROR) == (Broke("overloaded", "no more"),)


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream_passes_to_the_byte_but_for_usage_that_nobody_asked_for(size, wanted) -> None:
    tap = OPENAI_COMPLETIONS.tap(wanted)
    out = b"".join(tap.feed(part) for part in chunks(STREAM, size))
    without = STREAM.replace(sse(chunk(usage=USAGE)), b"")
    assert out == (STREAM if wanted else without)
    assert (tap.content_seen, tap.finished) == (True, True)
    assert tap.heard == Heard(SPENT, "length", "Qwen/Qwen3-Coder")
    assert tap.feed(STREAM) == b""


def test_a_comment_in_a_stream_passes_and_is_no_content() -> None:
    tap, reader = OPENAI_COMPLETIONS.tap(True), OPENAI_COMPLETIONS.reader()
    assert tap.feed(b": ping\n\n") == b": ping\n\n"
    assert not tap.content_seen
    assert reader.feed(b": ping\n\n") == ()


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_real_vllms_stream_is_read_and_passes_to_the_byte(size) -> None:
    raw = recording("completions_stream").body
    tap, reader = OPENAI_COMPLETIONS.tap(True), OPENAI_COMPLETIONS.reader()
    assert b"".join(tap.feed(part) for part in chunks(raw, size)) == raw
    assert tap.heard == Heard(Tokens(1, 4), "length", "tiny-qwen3")
    events = [event for part in chunks(raw, size) for event in reader.feed(part)]
    assert events[-2:] == [Stopped("length"), Used(Tokens(1, 4))]
    assert sum(isinstance(event, TextDelta) for event in events) == 4
    assert tap.finished
    assert reader.finished


def test_a_real_vllms_whole_reply_is_heard_and_read() -> None:
    raw = recording("completions_whole").body
    assert OPENAI_COMPLETIONS.hear(raw) == Heard(Tokens(1, 8), "length", "tiny-qwen3")
    began, text, stop, used = OPENAI_COMPLETIONS.read_reply(raw)
    assert (began.model, stop, used) == ("tiny-qwen3", Stopped("length"), Used(Tokens(1, 8)))
    assert text.text.startswith(" _")
