"""OpenAI's own client asks a real vLLM through the gateway."""

from typing import Any

import msgspec
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.doubles.running_gateway import RunningGateway
from tests.live.engine import CONTEXT_TOKENS_MAX
from tests.live.node import (
    assert_answered_at_home,
    assert_refused_by_the_engine,
    openai_client,
    said,
)
from tests.live.questions import CHOICE, DESCRIPTION, NAMED, PARAMETERS, REQUIRED, SEED, Json

CHOICES = {"It is safe.", "It is not safe."}
FUNCTION = {"name": "weather", "description": DESCRIPTION, "parameters": PARAMETERS, "strict": True}
TOOLS = [{"type": "function", "function": FUNCTION}]
USAGE = {"include_usage": True}
OVERFLOWING = "word " * 10_000
TOO_LONG = "maximum context length is 8192"


def whole(gateway: RunningGateway, **fields: Any) -> tuple[ChatCompletion, Json]:
    """Return the reply and its settled record."""
    create = openai_client(gateway).chat.completions.with_raw_response.create
    raw = create(**({"model": "tiny", "messages": said(), "seed": SEED} | fields))
    return raw.parse(), gateway.record(raw.headers["x-perimeter-record"])


def streamed(gateway: RunningGateway, **fields: Any) -> tuple[list[ChatCompletionChunk], Json]:
    """Return the chunks and the settled record."""
    create = openai_client(gateway).chat.completions.with_raw_response.create
    raw = create(**({"model": "tiny", "messages": said(), "stream": True, "seed": SEED} | fields))
    chunks = list(raw.parse())
    return chunks, gateway.record(raw.headers["x-perimeter-record"])


def refused(gateway: RunningGateway, **fields: Any) -> tuple[openai.APIStatusError, Json]:
    """Return the error and the settled record."""
    with pytest.raises(openai.APIStatusError) as raised:
        openai_client(gateway).chat.completions.create(
            **({"model": "tiny", "messages": said()} | fields)
        )
    record_id = raised.value.response.headers["x-perimeter-record"]
    assert record_id in str(raised.value)
    return raised.value, gateway.record(record_id)


def texts(chunks: list[ChatCompletionChunk], index: int = 0) -> str:
    choices = [c for chunk in chunks for c in chunk.choices if c.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


def stops(chunks: list[ChatCompletionChunk]) -> list[str]:
    return [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason]


def test_a_whole_chat_is_answered_and_recorded(gateway: RunningGateway) -> None:
    reply, record = whole(gateway, extra_body=CHOICE)
    assert reply.choices[0].message.content in CHOICES
    assert reply.choices[0].finish_reason == "stop"
    assert record["outcome"]["stop"] == "end"
    assert_answered_at_home(
        record,
        input_tokens=reply.usage.prompt_tokens,
        output_tokens=reply.usage.completion_tokens,
    )


def test_a_streamed_chat_tells_its_usage_to_who_asks(gateway: RunningGateway) -> None:
    chunks, record = streamed(gateway, stream_options=USAGE, extra_body=CHOICE)
    assert texts(chunks) in CHOICES
    assert stops(chunks) == ["stop"]
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(usages) == 1
    assert chunks[-1].usage == usages[0]
    assert_answered_at_home(
        record,
        input_tokens=usages[0].prompt_tokens,
        output_tokens=usages[0].completion_tokens,
    )


def test_usage_is_recorded_even_when_nobody_asks_for_it(gateway: RunningGateway) -> None:
    chunks, record = streamed(gateway, max_tokens=5, extra_body={"ignore_eos": True})
    assert not any(chunk.usage for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)
    used = record["outcome"]["usage"]
    assert_answered_at_home(
        record, input_tokens=used["input_tokens"] + used["cache_read_tokens"], output_tokens=5
    )
    assert used["input_tokens"] > 0


@pytest.mark.parametrize("choice", [NAMED, REQUIRED], ids=["named", "required"])
def test_a_forced_tool_is_called(gateway: RunningGateway, choice: Json) -> None:
    reply, record = whole(gateway, tools=TOOLS, max_tokens=64, **choice)
    calls = reply.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["weather"]
    given = msgspec.json.decode(calls[0].function.arguments)
    assert set(given) == {"city", "unit"}
    assert given["city"] in {"Paris", "Oslo"}
    assert record["outcome"]["stop"] == "tool_use"


@pytest.mark.parametrize("choice", [NAMED, REQUIRED], ids=["named", "required"])
def test_a_forced_tool_is_streamed(gateway: RunningGateway, choice: Json) -> None:
    chunks, record = streamed(gateway, tools=TOOLS, max_tokens=64, **choice)
    deltas = [c.delta for chunk in chunks for c in chunk.choices]
    fragments = [fragment for delta in deltas for fragment in delta.tool_calls or []]
    arguments = "".join(f.function.arguments or "" for f in fragments)
    assert [f.function.name for f in fragments if f.id] == ["weather"]
    assert set(msgspec.json.decode(arguments)) == {"city", "unit"}
    assert record["outcome"]["kind"] == "completed"
    assert record["outcome"]["stop"] == ("tool_use" if choice is REQUIRED else "end")


def test_two_choices_come_whole(gateway: RunningGateway) -> None:
    reply, record = whole(gateway, n=2, max_tokens=6, extra_body={"ignore_eos": True})
    assert [choice.index for choice in reply.choices] == [0, 1]
    assert all(choice.message.content for choice in reply.choices)
    assert_answered_at_home(record, input_tokens=reply.usage.prompt_tokens, output_tokens=12)


def test_two_choices_are_streamed_side_by_side(gateway: RunningGateway) -> None:
    chunks, record = streamed(
        gateway, n=2, max_tokens=6, stream_options=USAGE, extra_body={"ignore_eos": True}
    )
    assert texts(chunks, 0)
    assert texts(chunks, 1)
    assert stops(chunks) == ["length", "length"]
    assert_answered_at_home(record, input_tokens=chunks[-1].usage.prompt_tokens, output_tokens=12)


def test_a_reply_that_is_too_long_for_its_limit_stops(gateway: RunningGateway) -> None:
    reply, record = whole(gateway, max_tokens=3, extra_body={"ignore_eos": True})
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 3
    assert record["outcome"]["stop"] == "length"


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
def test_a_prompt_that_is_too_long_is_a_bad_request(
    gateway: RunningGateway, is_stream: bool
) -> None:
    error, record = refused(gateway, messages=said(OVERFLOWING), stream=is_stream)
    assert isinstance(error, openai.BadRequestError)
    assert (error.type, error.code) == ("invalid_request_error", "invalid_request")
    assert TOO_LONG in str(error)
    assert error.response.headers["x-should-retry"] == "false"
    assert_refused_by_the_engine(record, "context_exceeded")


def test_a_reply_that_no_window_holds_is_refused_before_anything_is_sent(
    gateway: RunningGateway,
) -> None:
    error, record = refused(gateway, max_tokens=100_000)
    assert isinstance(error, openai.BadRequestError)
    assert error.code == "no_model_fits"
    assert record["attempts"] == []
    assert record["excluded"] == {"tiny@home": "context"}
    assert (record["outcome"]["kind"], record["outcome"]["status"]) == ("refused", 400)


def test_a_reply_that_the_engine_finds_too_long_is_a_bad_request(gateway: RunningGateway) -> None:
    error, record = refused(gateway, model="tiny-overstated", max_tokens=100_000)
    assert isinstance(error, openai.BadRequestError)
    assert "max_tokens=100000" in str(error)
    assert_refused_by_the_engine(record, "context_exceeded")


def test_a_reply_that_the_window_cuts_stops_for_length(gateway: RunningGateway) -> None:
    # WHY: vLLM 0.32 on the CPU dies of a seed with a prompt that it takes in more than one step.
    reply, record = whole(
        gateway,
        seed=openai.omit,
        messages=said("word " * 8_000),
        max_tokens=8_000,
        extra_body={"ignore_eos": True},
    )
    assert reply.usage.total_tokens == CONTEXT_TOKENS_MAX
    assert reply.choices[0].finish_reason == "length"
    assert record["outcome"]["stop"] == "length"
    assert_answered_at_home(
        record,
        input_tokens=reply.usage.prompt_tokens,
        output_tokens=reply.usage.completion_tokens,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1},
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "absent"}}},
    ],
    ids=["temperature", "tool"],
)
def test_what_the_engine_finds_wrong_is_a_bad_request(gateway: RunningGateway, wrong: Json) -> None:
    error, record = refused(gateway, **wrong)
    assert isinstance(error, openai.BadRequestError)
    assert error.response.headers["x-should-retry"] == "false"
    assert_refused_by_the_engine(record, "rejected")


def test_an_unknown_model_is_told_what_may_be_asked(gateway: RunningGateway) -> None:
    error, record = refused(gateway, model="tinny")
    assert isinstance(error, openai.NotFoundError)
    assert error.code == "model_not_found"
    assert "Did you mean tiny?" in str(error)
    assert "home-first" in str(error)
    assert (record["outcome"]["kind"], record["attempts"]) == ("refused", [])


def test_a_model_that_the_engine_lacks_is_the_engines_fault(gateway: RunningGateway) -> None:
    error, record = refused(gateway, model="tiny-absent")
    assert isinstance(error, openai.InternalServerError)
    assert error.status_code == 502
    assert "absent-model" not in str(error)
    assert [one["failure"] for one in record["outcome"]["tried"]] == ["unreadable"]


def test_a_model_can_be_asked_for_by_backend_and_wire_name(gateway: RunningGateway) -> None:
    reply, record = whole(gateway, model="home:tiny-qwen3", max_tokens=2)
    assert reply.model == "tiny-qwen3"
    assert record["outcome"]["served_by"] == "tiny@home"
