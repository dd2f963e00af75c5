"""Ollama's native generation: what is asked, what passes, what is read and what is written."""

import msgspec
import ollama
import pytest

from gateway.dialects.ollama_generate import OLLAMA_GENERATE
from gateway.domain.completion import Completion
from gateway.domain.conversation import Media, Sampling
from gateway.domain.dialect import Heard
from gateway.domain.errors import AllFailed, CannotExpress, Malformed
from gateway.domain.event import Began, Broke, Stopped, TextDelta, ThinkingDelta, Used
from gateway.domain.money import Tokens
from gateway.domain.route import FailureKind
from tests.doubles.fleets import an_offering
from tests.doubles.vendor_readers import chunks

OFFERING = an_offering("coder", "ollama", "on_prem", wire_model="qwen2.5-coder:14b")
RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
ASKED = {"model": "coder", "prompt": "def add("}
SPENT = Tokens(9, 4)
FIXED = {"truncate": False, "shift": False}
HEAD = {"model": "qwen2.5-coder:14b", "created_at": "2026-01-01T00:00:00Z"}
END = {"done": True, "done_reason": "length", "prompt_eval_count": 9, "eval_count": 4}
EVENTS = (
    Began(model="qwen2.5-coder:14b"),
    ThinkingDelta("hm"),
    TextDelta("a, "),
    TextDelta("b)"),
    Used(SPENT),
    Stopped("length"),
)


def line(**said: object) -> bytes:
    return msgspec.json.encode({**HEAD, **said}) + b"\n"


STREAM = b"".join(
    [
        line(response="", thinking="hm", done=False),
        line(response="a, ", done=False),
        line(response="b)", done=False),
        line(response="", context=[1, 2], **END),
    ]
)
WHOLE = line(response="a, b)", thinking="hm", **END)


def test_a_request_streams_unless_told_otherwise() -> None:
    ask = OLLAMA_GENERATE.peek(ASKED)
    assert (ask.model, ask.stream, ask.needs, ask.output_tokens_max) == (
        "coder",
        True,
        {"template"},
        None,
    )
    assert OLLAMA_GENERATE.peek({**ASKED, "raw": True}).needs == frozenset()
    body = {**ASKED, "stream": False, "suffix": "x", "images": ["iVBOR"]}
    ask = OLLAMA_GENERATE.peek({**body, "options": {"num_predict": 5}})
    assert (ask.stream, ask.needs, ask.output_tokens_max) == (False, {"fim", "images"}, 5)
    assert OLLAMA_GENERATE.peek({**ASKED, "options": {"num_predict": -1}}).output_tokens_max is None


@pytest.mark.parametrize("empty", [{}, {"prompt": ""}], ids=str)
def test_an_empty_prompt_loads_the_model_and_is_answered_whole(empty) -> None:
    body = {"model": "coder", **empty, "keep_alive": -1}
    assert not OLLAMA_GENERATE.peek(body).stream
    assert OLLAMA_GENERATE.rewrite(body, OFFERING, False)["stream"] is False
    loaded = line(response="", done=True, done_reason="load")
    assert OLLAMA_GENERATE.hear(loaded) == Heard(None, "other:load", "qwen2.5-coder:14b")
    with pytest.raises(CannotExpress, match="nothing to load"):
        OLLAMA_GENERATE.read(body)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"prompt": 1},
        {"suffix": ["canary"]},
        {"images": "canary"},
        {"options": {"num_predict": "canary"}},
        {"options": []},
        {"format": "canary"},
        {"stream": "canary"},
        {"template": "{{ .Canary }}"},
        {"context": [1, 2]},
        {"raw": True, "system": "canary"},
        {"think": 1},
    ],
    ids=str,
)
def test_a_field_of_a_wrong_kind_is_named_and_not_repeated(wrong) -> None:
    with pytest.raises(Malformed) as caught:
        OLLAMA_GENERATE.peek({**ASKED, **wrong})
    assert next(iter(wrong)) in str(caught.value)
    assert "anary" not in str(caught.value)


def test_an_ollama_server_keeps_its_window_and_cuts_nothing() -> None:
    body = {**ASKED, "raw": True, "options": {"num_ctx": 1, "seed": 2}, "context": []}
    assert OLLAMA_GENERATE.rewrite(body, OFFERING, True) == {
        **body,
        **FIXED,
        "model": "qwen2.5-coder:14b",
        "stream": True,
        "options": {"num_ctx": 8192, "seed": 2},
    }


@pytest.mark.parametrize(
    ("more", "said", "lost"),
    [
        ({}, Completion("def add(", is_chat=True), ()),
        ({"raw": True}, Completion("def add("), ()),
        ({"suffix": "\n"}, Completion("def add(", "\n"), ()),
        (
            {"system": "be brief", "images": ["iVBORw0", "AAAA"]},
            Completion(
                "def add(",
                is_chat=True,
                system="be brief",
                images=(Media("image/png", "iVBORw0"), Media("application/octet-stream", "AAAA")),
            ),
            (),
        ),
        (
            {"raw": True, "format": "json", "think": True},
            Completion("def add(", answer_schema={}, thinking="medium"),
            (),
        ),
        (
            {"raw": True, "format": {"type": "object"}, "think": False},
            Completion("def add(", answer_schema={"type": "object"}, thinking="off"),
            (),
        ),
        ({"raw": True, "format": "", "think": "low"}, Completion("def add(", thinking="low"), ()),
        ({"raw": True, "think": "canary"}, Completion("def add(", thinking="high"), ()),
        (
            {
                "raw": True,
                "options": {"num_predict": 5, "stop": ["\n"], "min_p": 0.1, "my_canary": 1},
                "keep_alive": 0,
                "my_canary": 1,
            },
            Completion("def add(", sampling=Sampling(output_tokens_max=5, stop=("\n",))),
            ("keep_alive", "unknown_field", "min_p"),
        ),
    ],
    ids=str,
)
def test_a_text_is_read_and_what_is_lost_is_named(more, said, lost) -> None:
    assert OLLAMA_GENERATE.read({**ASKED, **more}) == (said, lost)


def test_a_text_to_go_on_with_is_put_into_no_template() -> None:
    sampling = Sampling(5, 0.5, 0.9, 3, 0, 0.1, 0.2, ("\n\n",))
    body, lost = OLLAMA_GENERATE.write(Completion("a", sampling=sampling), OFFERING, True)
    assert body == {
        "model": "qwen2.5-coder:14b",
        "prompt": "a",
        "stream": True,
        "raw": True,
        "think": False,
        **FIXED,
        "options": {
            "num_predict": 5,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 3,
            "seed": 0,
            "frequency_penalty": 0.1,
            "presence_penalty": 0.2,
            "stop": ["\n\n"],
            "num_ctx": 8192,
        },
    }
    assert lost == ()


def test_a_text_to_fill_in_is_left_to_the_template_of_the_model() -> None:
    body, _ = OLLAMA_GENERATE.write(Completion("a", "b"), OFFERING, False)
    assert body["suffix"] == "b"
    assert "raw" not in body


@pytest.mark.parametrize(
    ("thinking", "said", "lost"),
    [
        (None, False, ()),
        ("off", False, ()),
        ("minimal", "low", ()),
        ("medium", "medium", ()),
        ("max", "high", ("effort",)),
    ],
)
def test_a_question_is_written_with_all_that_goes_with_it(thinking, said, lost) -> None:
    images = (Media("image/png", "iVBOR"), Media("application/pdf", "AAAA"))
    wanted = Completion("Why?", "", True, "be brief", images, Sampling(), {}, thinking)
    body, losses = OLLAMA_GENERATE.write(wanted, OFFERING, False)
    assert body == {
        "model": "qwen2.5-coder:14b",
        "prompt": "Why?",
        "stream": False,
        "system": "be brief",
        "images": ["iVBOR"],
        "format": "json",
        "think": said,
        **FIXED,
        "options": {"num_ctx": 8192},
    }
    assert losses == ("documents", *lost)
    shaped = Completion("Why?", answer_schema={"type": "object"})
    assert OLLAMA_GENERATE.write(shaped, OFFERING, False)[0]["format"] == {"type": "object"}


def test_a_whole_reply_is_heard_and_read() -> None:
    assert OLLAMA_GENERATE.hear(WHOLE) == Heard(SPENT, "length", "qwen2.5-coder:14b")
    assert OLLAMA_GENERATE.read_reply(WHOLE) == (
        *EVENTS[:2],
        TextDelta("a, b)"),
        *EVENTS[4:],
    )


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_stream_is_read_however_it_is_cut(size) -> None:
    reader = OLLAMA_GENERATE.reader()
    events = [event for part in chunks(STREAM, size) for event in reader.feed(part)]
    assert tuple(events) == EVENTS
    assert reader.finished
    assert reader.feed(STREAM) == ()


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_stream_passes_to_the_byte(size) -> None:
    tap = OLLAMA_GENERATE.tap(True)
    assert b"".join(tap.feed(part) for part in chunks(STREAM, size)) == STREAM
    assert (tap.content_seen, tap.finished) == (True, True)
    assert tap.heard == Heard(SPENT, "length", "qwen2.5-coder:14b")
    assert tap.feed(STREAM) == b""


@pytest.mark.parametrize("both", [OLLAMA_GENERATE.hear, OLLAMA_GENERATE.read_reply])
@pytest.mark.parametrize(
    "raw",
    [b"", b"<html>", b"{}", line(response="a", done=False), line(done=True), b'{"response": 1}'],
)
def test_what_is_no_reply_is_not_read(both, raw) -> None:
    with pytest.raises(ValueError, match="dialect"):
        both(raw)


def test_a_stream_that_breaks_never_ends() -> None:
    raw = line(response="a", done=False) + b'{"error": "server busy"}\n' + STREAM
    reader, tap = OLLAMA_GENERATE.reader(), OLLAMA_GENERATE.tap(True)
    assert reader.feed(raw)[-1] == Broke("overloaded", "server busy")
    assert reader.feed(raw) == ()
    assert not reader.finished
    assert tap.feed(raw) == line(response="a", done=False)
    assert tap.heard.broke == (FailureKind.OVERLOADED, "server busy")
    assert not tap.finished
    error = b'{"error": "server busy"}'
    assert OLLAMA_GENERATE.hear(error).broke == (FailureKind.OVERLOADED, "server busy")
    assert OLLAMA_GENERATE.read_reply(error) == (Broke("overloaded", "server busy"),)


@pytest.mark.parametrize(
    ("reason", "stop"), [("stop", "end"), (None, "end"), ("unload", "other:unload")]
)
def test_a_reason_is_one_of_closed_words(reason, stop) -> None:
    assert OLLAMA_GENERATE.hear(line(response="", done=True, done_reason=reason)).stop == stop
    odd = line(response="", done=True, done_reason="my canary")
    assert OLLAMA_GENERATE.hear(odd).stop == "other:unknown"


def test_the_official_client_reads_what_is_written() -> None:
    raw = OLLAMA_GENERATE.write_reply(EVENTS, "asked", RECORD)
    whole = ollama.GenerateResponse.model_validate_json(raw)
    assert (whole.response, whole.thinking, whole.done_reason) == ("a, b)", "hm", "length")
    assert (whole.prompt_eval_count, whole.eval_count, whole.model) == (9, 4, "asked")
    assert whole.created_at.endswith("Z")
    writer = OLLAMA_GENERATE.writer("asked", RECORD, True)
    said = b"".join([*(writer.write(event) for event in EVENTS), writer.close()])
    told = [ollama.GenerateResponse.model_validate_json(one) for one in said.splitlines()]
    assert "".join(one.response for one in told) == "a, b)"
    assert [one.done for one in told] == [False, False, False, True]
    assert told[-1].eval_count == 4


def test_a_reply_that_says_little_is_written_all_the_same() -> None:
    said = msgspec.json.decode(OLLAMA_GENERATE.write_reply((), "asked", "no-id"))
    assert said == {"model": "asked", "response": "", "done": True, "done_reason": "stop"}
    writer = OLLAMA_GENERATE.writer("asked", "no-id", False)
    assert writer.write(TextDelta("")) == writer.write(ThinkingDelta("")) == b""
    used = Used(Tokens(1, 2, cache_read_tokens=3))
    end = msgspec.json.decode(OLLAMA_GENERATE.write_reply((used,), "asked", "no-id"))
    assert end["prompt_eval_count"] == 4


def test_a_reply_that_broke_is_not_written_whole() -> None:
    with pytest.raises(ValueError, match="broke"):
        OLLAMA_GENERATE.write_reply((Broke("unreadable", ""),), "asked", RECORD)


def test_errors_are_ollamas() -> None:
    form = OLLAMA_GENERATE.refusal(AllFailed("no"), RECORD)
    assert msgspec.json.decode(form.body) == {"error": f"no. Record {RECORD}."}
    assert OLLAMA_GENERATE.stream_error(AllFailed("no"), RECORD).endswith(b"\n")
