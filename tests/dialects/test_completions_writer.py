"""OpenAI's completions as a client of theirs hears them from any engine."""

import msgspec
import openai
import pytest
from openai._models import construct_type

from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.domain.errors import AllFailed
from gateway.domain.event import Began, Broke, Stopped, TextDelta, ThinkingDelta, Used
from gateway.domain.money import Tokens

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
EVENTS = (
    Began("cmpl-1", "Qwen/Qwen3-Coder"),
    TextDelta("a, "),
    TextDelta("b)"),
    Stopped("length"),
    Used(Tokens(input_tokens=9, output_tokens=4)),
)


def test_the_official_client_reads_what_is_written() -> None:
    raw = OPENAI_COMPLETIONS.write_reply(EVENTS, "asked", RECORD)
    whole = openai.types.Completion.model_validate_json(raw, strict=True)
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == ("a, b)", "length")
    assert (whole.model, whole.usage.total_tokens) == ("asked", 13)
    assert whole.id == f"cmpl-{RECORD}"
    assert whole.created > 1_700_000_000
    writer = OPENAI_COMPLETIONS.writer("asked", RECORD, True)
    said = b"".join([*(writer.write(event) for event in EVENTS), writer.close()])
    lumps = [lump.removeprefix(b"data: ") for lump in said.strip().split(b"\n\n")]
    assert lumps.pop() == b"[DONE]"
    # WHY: the SDK's own type forbids the null that OpenAI's streams have, and its client builds
    # chunks unchecked.
    told = [
        construct_type(type_=openai.types.Completion, value=msgspec.json.decode(lump))
        for lump in lumps
    ]
    assert "".join(one.choices[0].text for one in told if one.choices) == "a, b)"
    assert [one.choices[0].finish_reason for one in told if one.choices][-1] == "length"
    assert told[-1].usage.prompt_tokens == 9


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        (Stopped("stop_sequence", "\n"), {"finish_reason": "stop", "stop_reason": "\n"}),
        (Stopped("refusal"), {"finish_reason": "content_filter"}),
        (Stopped("other:load"), {"finish_reason": "stop", "stop_reason": "load"}),
        (None, {"finish_reason": "stop"}),
    ],
)
def test_a_reason_that_openai_has_no_word_for_stands_beside(stop, finish) -> None:
    events = (TextDelta("a"), *((stop,) if stop else ()))
    said = msgspec.json.decode(OPENAI_COMPLETIONS.write_reply(events, "asked", "no-id"))
    assert said["choices"][0].items() >= finish.items()
    assert said["created"] == 0
    assert "usage" not in said


def test_thoughts_are_not_dropped() -> None:
    events = (ThinkingDelta("hm"), ThinkingDelta(""), TextDelta(""), TextDelta("a"))
    said = msgspec.json.decode(OPENAI_COMPLETIONS.write_reply(events, "asked", "z" * 12))
    assert said["choices"][0]["reasoning"] == "hm"
    writer = OPENAI_COMPLETIONS.writer("asked", RECORD, False)
    streamed = b"".join(writer.write(event) for event in events)
    assert streamed.count(b"data: ") == 2
    assert b'"reasoning":"hm"' in streamed
    assert b'"usage"' not in writer.close()


def test_a_reply_that_broke_is_not_written_whole() -> None:
    with pytest.raises(ValueError, match="broke"):
        OPENAI_COMPLETIONS.write_reply((Broke("unreadable", ""),), "asked", RECORD)


def test_errors_are_openais() -> None:
    form = OPENAI_COMPLETIONS.refusal(AllFailed("no"), RECORD)
    assert msgspec.json.decode(form.body)["error"]["code"] == "backend_failed"
    assert b"[DONE]" not in OPENAI_COMPLETIONS.stream_error(AllFailed("no"), RECORD)
