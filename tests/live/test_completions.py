"""OpenAI's own client has a real vLLM go on with a text and fill one in, through the gateway."""

from typing import Any

import msgspec
import openai
import pytest

from tests.doubles.running_gateway import RunningGateway
from tests.live.node import (
    CANARY,
    assert_answered_at_home,
    assert_refused_by_the_engine,
    openai_client,
)
from tests.live.overheard import Overheard
from tests.live.questions import Json

ENDLESS = {"ignore_eos": True}


def asked(**fields: Any) -> Json:
    body = {"model": "tiny", "prompt": f"def add(  # {CANARY}", "max_tokens": 6}
    return body | {"extra_body": ENDLESS} | fields


def test_a_text_is_gone_on_with_and_recorded(gateway: RunningGateway) -> None:
    raw = openai_client(gateway).completions.with_raw_response.create(**asked())
    reply = raw.parse()
    record = gateway.record(raw.headers["x-perimeter-record"])
    assert reply.choices[0].text
    assert (reply.choices[0].finish_reason, record["outcome"]["stop"]) == ("length", "length")
    assert record["surface"] == "completions"
    assert_answered_at_home(record, input_tokens=reply.usage.prompt_tokens, output_tokens=6)


def test_a_text_is_streamed_and_recorded_though_nobody_asked_for_usage(
    gateway: RunningGateway,
) -> None:
    raw = openai_client(gateway).completions.with_raw_response.create(**asked(stream=True))
    chunks = list(raw.parse())
    record = gateway.record(raw.headers["x-perimeter-record"])
    assert all(chunk.usage is None for chunk in chunks)
    assert "".join(chunk.choices[0].text for chunk in chunks)
    assert record["outcome"]["usage"]["output_tokens"] == 6


def test_a_suffix_is_built_into_the_prompt(gateway: RunningGateway, post: Overheard) -> None:
    before = len(post.exchanges)
    fields = asked(model="tiny-overheard", suffix="\n    return a + b")
    reply = openai_client(gateway).completions.create(**fields)
    told = [one for one in post.exchanges[before:] if one.path == "/v1/completions"]
    sent = msgspec.json.decode(told[0].asked)
    assert reply.choices[0].text
    assert "suffix" not in sent
    prefix, suffix = f"def add(  # {CANARY}", "\n    return a + b"
    assert sent["prompt"] == f"<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"


def test_the_engine_itself_takes_no_suffix(gateway: RunningGateway) -> None:
    """Why the gateway builds the prompt; the catalogue claims here that the engine fills in."""
    with pytest.raises(openai.BadRequestError) as refused:
        openai_client(gateway).completions.create(**asked(model="tiny-overstated", suffix="x"))
    assert "suffix is only supported for models with FIM completion rendering" in str(refused.value)
    record = gateway.record(refused.value.response.headers["x-perimeter-record"])
    assert_refused_by_the_engine(record, "rejected")


def test_ids_of_tokens_are_gone_on_with_at_home(gateway: RunningGateway) -> None:
    reply = openai_client(gateway).completions.create(**asked(prompt=[5, 6, 7]))
    assert reply.usage.prompt_tokens == 3
