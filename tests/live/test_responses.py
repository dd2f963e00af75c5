"""OpenAI's own client asks a real vLLM for responses through the gateway; nothing is translated."""

from typing import Any

import openai
import pytest

from tests.doubles.running_gateway import RunningGateway
from tests.live.node import (
    CANARY,
    assert_answered_at_home,
    assert_refused_by_the_engine,
    openai_client,
)
from tests.live.questions import Json

ASKED = f"Is this change safe? {CANARY}"
ENDLESS = {"ignore_eos": True}


def asked(**fields: Any) -> Json:
    body = {"model": "tiny", "input": ASKED, "max_output_tokens": 6, "store": False}
    return body | {"extra_body": ENDLESS} | fields


def test_a_whole_response_is_answered_and_recorded(gateway: RunningGateway) -> None:
    raw = openai_client(gateway).responses.with_raw_response.create(**asked())
    reply = raw.parse()
    record = gateway.record(raw.headers["x-perimeter-record"])
    assert reply.output_text
    assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert (record["surface"], record["outcome"]["stop"]) == ("responses", "length")
    used = reply.usage
    assert_answered_at_home(record, input_tokens=used.input_tokens, output_tokens=6)


def test_a_response_is_streamed_and_recorded(gateway: RunningGateway) -> None:
    raw = openai_client(gateway).responses.with_raw_response.create(**asked(stream=True))
    events = list(raw.parse())
    record = gateway.record(raw.headers["x-perimeter-record"])
    assert events[0].type == "response.created"
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    final = events[-1].response
    assert text == final.output_text
    assert_answered_at_home(record, input_tokens=final.usage.input_tokens, output_tokens=6)


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
def test_a_prompt_that_is_too_long_is_a_bad_request(
    gateway: RunningGateway, is_stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        openai_client(gateway).responses.create(**asked(input="word " * 10_000, stream=is_stream))
    assert "maximum context length is 8192" in str(refused.value)
    record = gateway.record(refused.value.response.headers["x-perimeter-record"])
    assert_refused_by_the_engine(record, "context_exceeded")


def test_restricted_code_is_answered_at_home(gateway: RunningGateway) -> None:
    client = openai_client(gateway, "payments")
    assert client.responses.create(**asked(model="code")).model == "tiny-qwen3"
