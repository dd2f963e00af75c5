"""Anthropic's client for Vertex against the gateway: model and project in the path."""

import anthropic
import httpx
import pytest
from anthropic import AnthropicVertex

from tests.doubles.running_gateway import running_gateway
from tests.doubles.scripted_engine import scripted_engine

HELLO = [{"role": "user", "content": "hello"}]
REGION = "europe-west4"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with (
        scripted_engine(name="frontier", host="127.0.2.1") as cloud,
        scripted_engine(name="home", host="127.0.1.1") as home,
        running_gateway(
            tmp_path_factory.mktemp("gateway"),
            {
                "cloud": ("scripted", cloud.url, "frontier"),
                "home": ("vllm", home.url, "on_prem"),
            },
        ) as running,
    ):
        yield running


def client(gateway, key: str) -> AnthropicVertex:
    return AnthropicVertex(
        base_url=f"{gateway.url}/v1",
        region=REGION,
        project_id="project",
        access_token=key,
        max_retries=0,
        timeout=30,
    )


@pytest.mark.parametrize("model", ["cloud-model", "home-model"])
def test_a_reply_whole_and_streamed(gateway, model) -> None:
    vertex = client(gateway, gateway.keys["website"])
    raw = vertex.messages.with_raw_response.create(model=model, max_tokens=64, messages=HELLO)
    name = raw.parse().content[0].text.split(":")[0]
    assert name in {"frontier", "home"}
    with vertex.messages.stream(model=model, max_tokens=64, messages=HELLO) as stream:
        assert stream.get_final_message().content[0].text.startswith(f"{name}: ")
    record = gateway.record(raw.headers["x-perimeter-record"])
    assert record["outcome"]["kind"] == "completed"


def test_a_count(gateway) -> None:
    vertex = client(gateway, gateway.keys["website"])
    counted = vertex.messages.count_tokens(model="cloud-model", messages=HELLO)
    assert counted.input_tokens > 0


def test_a_restricted_prompt_stays_at_home_and_a_refusal_is_in_the_clients_form(gateway) -> None:
    vertex = client(gateway, gateway.keys["payments"])
    reply = vertex.messages.create(model="code", max_tokens=64, messages=HELLO)
    assert reply.content[0].text.startswith("home:")
    with pytest.raises(anthropic.BadRequestError, match="Record"):
        vertex.messages.create(model="cloud-model", max_tokens=64, messages=HELLO)


def test_a_wrong_token_and_a_body_of_another_kind(gateway) -> None:
    with pytest.raises(anthropic.AuthenticationError):
        client(gateway, "ya29.x").messages.create(model="code", max_tokens=4, messages=HELLO)
    at = f"{gateway.url}/v1/projects/p/locations/l/publishers/anthropic/models/code:rawPredict"
    key = gateway.keys["website"]
    sent = httpx.post(at, json={"contents": []}, headers={"authorization": f"Bearer {key}"})
    assert sent.status_code == 400
    assert "anthropic_version" in sent.json()["error"]["message"]
