"""Anthropic's own client asks a real vLLM through the gateway; nothing is translated."""

from typing import Any

import anthropic
import pytest
from anthropic.types import Message

from tests.doubles.running_gateway import RunningGateway
from tests.live.node import (
    anthropic_client,
    assert_answered_at_home,
    assert_refused_by_the_engine,
    said,
)
from tests.live.questions import ANY, DESCRIPTION, FORCED, FORMAT, PARAMETERS, Json

TOOL = {"name": "weather", "description": DESCRIPTION, "input_schema": PARAMETERS, "strict": True}
VERDICTS = {'{"verdict":"safe"}', '{"verdict":"unsafe"}'}
OVERFLOWING = "word " * 10_000
TOO_LONG = "maximum context length is 8192"
ENDLESS = {"ignore_eos": True}


def body(extra: Json | None = None, **fields: Any) -> Json:
    # WHY: the client knows neither vLLM's own fields nor the temperature any more.
    more = {"extra_body": {"temperature": 0} | (extra or {})}
    return {"model": "tiny", "messages": said(), "max_tokens": 32} | more | fields


def whole(gateway: RunningGateway, **fields: Any) -> tuple[Message, Json]:
    """Return the message and its settled record."""
    raw = anthropic_client(gateway).messages.with_raw_response.create(**body(**fields))
    return raw.parse(), gateway.record(raw.headers["x-perimeter-record"])


def streamed(gateway: RunningGateway, **fields: Any) -> tuple[Message, list[Any], Json]:
    """Return the message that the client puts together, the events, and the settled record."""
    with anthropic_client(gateway).messages.stream(**body(**fields)) as stream:
        events = list(stream)
        record_id = stream.response.headers["x-perimeter-record"]
        return stream.get_final_message(), events, gateway.record(record_id)


def refused(gateway: RunningGateway, **fields: Any) -> tuple[anthropic.APIStatusError, Json]:
    """Return the error and the settled record."""
    with pytest.raises(anthropic.APIStatusError) as raised:
        anthropic_client(gateway).messages.create(**body(**fields))
    error = raised.value
    record_id = error.response.headers["x-perimeter-record"]
    assert record_id in str(error)
    assert error.request_id == record_id
    return error, gateway.record(record_id)


def assert_usage_recorded(record: Json, message: Message) -> None:
    used = message.usage
    assert_answered_at_home(
        record,
        input_tokens=used.input_tokens + (used.cache_read_input_tokens or 0),
        output_tokens=used.output_tokens,
    )
    assert record["outcome"]["usage"]["cache_read_tokens"] == (used.cache_read_input_tokens or 0)


def test_a_whole_message_is_answered_and_recorded(gateway: RunningGateway) -> None:
    message, record = whole(gateway, extra=FORMAT)
    assert message.content[0].text in VERDICTS
    assert message.stop_reason == "end_turn"
    assert (record["outcome"]["stop"], record["surface"]) == ("end", "messages")
    assert_usage_recorded(record, message)


def test_a_message_is_streamed_and_recorded(gateway: RunningGateway) -> None:
    message, events, record = streamed(gateway, extra=FORMAT)
    assert message.content[0].text in VERDICTS
    assert message.stop_reason == "end_turn"
    assert (events[0].type, events[-1].type) == ("message_start", "message_stop")
    assert record["outcome"]["stop"] == "end"
    assert_usage_recorded(record, message)


@pytest.mark.parametrize("choice", [FORCED, ANY], ids=["named", "any"])
def test_a_forced_tool_is_used(gateway: RunningGateway, choice: Json) -> None:
    message, record = whole(gateway, tools=[TOOL], max_tokens=64, **choice)
    used = next(block for block in message.content if block.type == "tool_use")
    assert (used.name, set(used.input)) == ("weather", {"city", "unit"})
    assert message.stop_reason == "tool_use"
    assert record["outcome"]["stop"] == "tool_use"
    assert_usage_recorded(record, message)


@pytest.mark.parametrize("choice", [FORCED, ANY], ids=["named", "any"])
def test_a_forced_tool_is_streamed(gateway: RunningGateway, choice: Json) -> None:
    message, _, record = streamed(gateway, tools=[TOOL], max_tokens=64, **choice)
    used = next(block for block in message.content if block.type == "tool_use")
    assert (used.name, set(used.input)) == ("weather", {"city", "unit"})
    assert record["outcome"]["stop"] == "tool_use"
    assert_usage_recorded(record, message)


def test_a_reply_that_is_too_long_for_its_limit_stops(gateway: RunningGateway) -> None:
    message, record = whole(gateway, max_tokens=3, extra=ENDLESS)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 3)
    assert record["outcome"]["stop"] == "length"


def test_a_stream_that_is_too_long_for_its_limit_stops(gateway: RunningGateway) -> None:
    message, _, record = streamed(gateway, max_tokens=3, extra=ENDLESS)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 3)
    assert record["outcome"]["stop"] == "length"


def test_a_stop_sequence_is_told_by_its_words(gateway: RunningGateway) -> None:
    message, record = whole(gateway, stop_sequences=["ver"], extra=FORMAT)
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "ver")
    assert record["outcome"]["stop"] == "stop_sequence"


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
def test_a_prompt_that_is_too_long_is_a_bad_request(
    gateway: RunningGateway, is_stream: bool
) -> None:
    error, record = refused(gateway, messages=said(OVERFLOWING), stream=is_stream)
    assert isinstance(error, anthropic.BadRequestError)
    assert error.body["error"]["type"] == "invalid_request_error"
    assert TOO_LONG in error.body["error"]["message"]
    assert error.response.headers["x-should-retry"] == "false"
    assert_refused_by_the_engine(record, "context_exceeded")


def test_a_reply_that_no_window_holds_is_refused_before_anything_is_sent(
    gateway: RunningGateway,
) -> None:
    error, record = refused(gateway, max_tokens=100_000, stream=True)
    assert isinstance(error, anthropic.BadRequestError)
    assert record["attempts"] == []
    assert record["excluded"] == {"tiny@home": "context"}
    assert (record["outcome"]["kind"], record["outcome"]["error"]) == ("refused", "no_model_fits")


def test_a_reply_that_the_engine_finds_too_long_is_a_bad_request(gateway: RunningGateway) -> None:
    error, record = refused(gateway, model="tiny-overstated", max_tokens=100_000, stream=True)
    assert isinstance(error, anthropic.BadRequestError)
    assert "100000" in error.body["error"]["message"]
    assert_refused_by_the_engine(record, "context_exceeded")


def test_an_unknown_model_is_told_what_may_be_asked(gateway: RunningGateway) -> None:
    error, record = refused(gateway, model="tinny")
    assert isinstance(error, anthropic.NotFoundError)
    assert error.body["error"]["type"] == "not_found_error"
    assert "Did you mean tiny?" in error.body["error"]["message"]
    assert (record["outcome"]["kind"], record["attempts"]) == ("refused", [])


def test_a_model_that_the_engine_lacks_is_the_engines_fault(gateway: RunningGateway) -> None:
    error, record = refused(gateway, model="tiny-absent")
    assert error.status_code == 502
    assert error.body["error"]["type"] == "api_error"
    assert "absent-model" not in str(error)
    assert [one["failure"] for one in record["outcome"]["tried"]] == ["unreadable"]


def test_a_prompt_is_counted_by_the_engine_that_would_answer_it(gateway: RunningGateway) -> None:
    client = anthropic_client(gateway)
    raw = client.messages.with_raw_response.count_tokens(model="tiny", messages=said())
    message, _ = whole(gateway)
    assert raw.parse().input_tokens == message.usage.input_tokens
    record = gateway.record(raw.headers["x-perimeter-record"])
    assert [one["zone"] for one in record["attempts"]] == ["on_prem"]
    assert record["outcome"]["kind"] == "completed"
