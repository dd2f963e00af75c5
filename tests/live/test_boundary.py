"""Who answers: the label decides what may, the order of the names what does."""

from typing import Any

import openai
import pytest

from tests.doubles.running_gateway import RunningGateway
from tests.doubles.scripted_engine import RunningEngine
from tests.live.node import anthropic_client, openai_client, said
from tests.live.questions import Json

CHAT_PATH = "POST /v1/chat/completions"
OVERFLOWING = "word " * 10_000
SECRET = "glpat-" + "Zq8vT3mK5pX1wR7nB2cD"


def ask(gateway: RunningGateway, repo: str, model: str, **fields: Any) -> tuple[str, Json]:
    """Return who answered, as the reply itself tells, and the settled record."""
    create = openai_client(gateway, repo).chat.completions.with_raw_response.create
    raw = create(**({"model": model, "messages": said(), "max_tokens": 4} | fields))
    return raw.parse().model, gateway.record(raw.headers["x-perimeter-record"], repo)


def test_a_public_request_is_answered_by_preference(gateway: RunningGateway) -> None:
    for model, answered in (("code", "frontier-model"), ("home-first", "tiny-qwen3")):
        name, record = ask(gateway, "website", model)
        assert name == answered
        assert record["label"] == "public"
        assert record["decision"]["boundary"] == ["frontier", "on_prem"]
        assert len(record["candidates"]) == 2
        assert len(record["attempts"]) == 1


def test_a_restricted_request_is_answered_at_home(
    gateway: RunningGateway, frontier: RunningEngine
) -> None:
    seen = frontier.engine.served[CHAT_PATH]
    name, record = ask(gateway, "payments", "code")
    assert name == "tiny-qwen3"
    assert (record["label"], record["decision"]["boundary"]) == ("restricted", ["on_prem"])
    assert record["candidates"] == ["tiny@home"]
    assert list(record["excluded"]) == ["frontier-model@cloud"]
    assert record["outcome"]["zone"] == "on_prem"
    assert frontier.engine.served[CHAT_PATH] == seen


def test_a_restricted_message_is_answered_at_home(gateway: RunningGateway) -> None:
    client = anthropic_client(gateway, "payments")
    message = client.messages.create(model="code", max_tokens=4, messages=said())
    assert message.model == "tiny-qwen3"


def test_a_secret_in_a_public_prompt_is_answered_at_home(
    gateway: RunningGateway, frontier: RunningEngine
) -> None:
    seen = frontier.engine.served[CHAT_PATH]
    name, record = ask(gateway, "website", "code", messages=said(f"Why does {SECRET} fail?"))
    assert name == "tiny-qwen3"
    assert record["label"] == "restricted+secret"
    assert sum(record["findings"].values()) >= 1
    assert frontier.engine.served[CHAT_PATH] == seen


def test_a_restricted_request_for_the_frontier_is_refused(
    gateway: RunningGateway, frontier: RunningEngine
) -> None:
    seen = frontier.engine.served[CHAT_PATH]
    with pytest.raises(openai.BadRequestError) as refused:
        ask(gateway, "payments", "frontier-model")
    assert refused.value.code == "no_model_fits"
    record = gateway.record(refused.value.response.headers["x-perimeter-record"], "payments")
    assert (record["outcome"]["kind"], record["attempts"]) == ("refused", [])
    assert frontier.engine.served[CHAT_PATH] == seen


def test_a_public_prompt_that_is_too_long_for_home_is_answered_elsewhere(
    gateway: RunningGateway,
) -> None:
    name, record = ask(gateway, "website", "home-first", messages=said(OVERFLOWING))
    assert name == "frontier-model"
    assert [one["zone"] for one in record["attempts"]] == ["on_prem", "frontier"]
    assert [one["failure"] for one in record["outcome"]["tried"]] == ["context_exceeded", None]
    assert record["outcome"]["served_by"] == "frontier-model@cloud"


def test_a_restricted_prompt_that_is_too_long_for_home_goes_nowhere_else(
    gateway: RunningGateway, frontier: RunningEngine
) -> None:
    seen = frontier.engine.served[CHAT_PATH]
    with pytest.raises(openai.BadRequestError) as refused:
        ask(gateway, "payments", "home-first", messages=said(OVERFLOWING))
    assert "maximum context length" in str(refused.value)
    record = gateway.record(refused.value.response.headers["x-perimeter-record"], "payments")
    assert [one["zone"] for one in record["attempts"]] == ["on_prem"]
    assert record["outcome"]["kind"] == "failed"
    assert frontier.engine.served[CHAT_PATH] == seen


def test_a_model_that_the_engine_lacks_is_no_reason_to_fail(gateway: RunningGateway) -> None:
    name, record = ask(gateway, "website", "mistaken")
    assert name == "frontier-model"
    assert [one["failure"] for one in record["outcome"]["tried"]] == ["unreadable", None]
