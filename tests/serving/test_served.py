"""The gateway as clients meet it: official SDKs against a process with scripted engines."""

import anthropic
import openai
import pytest

from tests.doubles.running_gateway import RunningGateway, running_gateway
from tests.doubles.scripted_engine import scripted_engine

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with (
        scripted_engine(name="frontier", host="127.0.2.1") as cloud,
        scripted_engine(name="home", host="127.0.1.1") as home,
        scripted_engine(name="ollama", host="127.0.1.2") as local,
        running_gateway(
            tmp_path_factory.mktemp("gateway"),
            {
                "cloud": ("scripted", cloud.url, "frontier"),
                "home": ("vllm", home.url, "on_prem"),
                "local": ("ollama", local.url, "on_prem"),
            },
        ) as running,
    ):
        yield running


def openai_client(gateway: RunningGateway, repo: str = "website") -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=gateway.keys[repo], max_retries=0, timeout=30
    )


def anthropic_client(gateway: RunningGateway, repo: str = "website") -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=gateway.url, api_key=gateway.keys[repo], max_retries=0, timeout=30
    )


@pytest.mark.parametrize("model", ["cloud-model", "home-model", "local-model"])
def test_the_openai_client_works_on_every_engine(gateway, model) -> None:
    client = openai_client(gateway)
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    assert raw.parse().choices[0].message.content.split(":")[0] in {"frontier", "home", "ollama"}
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert gateway.record(raw.headers["x-perimeter-record"])["outcome"]["kind"] == "completed"


@pytest.mark.parametrize("model", ["cloud-model", "home-model", "local-model"])
def test_the_anthropic_client_works_on_every_engine(gateway, model) -> None:
    client = anthropic_client(gateway)
    whole = client.messages.create(model=model, max_tokens=64, messages=HELLO)
    name = whole.content[0].text.split(":")[0]
    assert name in {"frontier", "home", "ollama"}
    with client.messages.stream(model=model, max_tokens=64, messages=HELLO) as stream:
        final = stream.get_final_message()
    assert final.content[0].text.startswith(f"{name}: ")
    assert final.stop_reason == "end_turn"


@pytest.mark.parametrize("model", ["cloud-model", "home-model"])
def test_the_anthropic_client_counts_where_somebody_counts(gateway, model) -> None:
    client = anthropic_client(gateway)
    raw = client.messages.with_raw_response.count_tokens(model=model, messages=HELLO)
    assert raw.parse().input_tokens > 0
    record = gateway.record(raw.headers["x-perimeter-record"])
    assert record["outcome"]["kind"] == "completed"
    assert len(record["attempts"]) == 1
    with pytest.raises(anthropic.BadRequestError, match="cannot_count"):
        client.messages.count_tokens(model="local-model", messages=HELLO)


def test_a_restricted_prompt_is_counted_at_home_or_not_at_all(gateway) -> None:
    client = anthropic_client(gateway, "payments")
    raw = client.messages.with_raw_response.count_tokens(model="code", messages=HELLO)
    record = gateway.record(raw.headers["x-perimeter-record"], "payments")
    assert [attempt["zone"] for attempt in record["attempts"]] == ["on_prem"]
    with pytest.raises(anthropic.BadRequestError, match="Nothing that may"):
        client.messages.count_tokens(model="cloud-model", messages=HELLO)


def test_restricted_code_is_answered_at_home_only(gateway) -> None:
    reply = openai_client(gateway, "payments").chat.completions.create(model="code", messages=HELLO)
    assert reply.choices[0].message.content.startswith("home:")
    with pytest.raises(openai.BadRequestError) as refused:
        openai_client(gateway, "payments").chat.completions.create(
            model="cloud-model", messages=HELLO
        )
    assert refused.value.code == "no_model_fits"
    assert refused.value.response.headers["x-perimeter-record"] in str(refused.value)


def test_a_record_is_for_its_caller_alone(gateway) -> None:
    made = gateway.post("/v1/chat/completions", {"model": "code", "messages": HELLO})
    record = made.headers["x-perimeter-record"]
    assert gateway.record(record)["label"] == "public"
    with pytest.raises(openai.NotFoundError):
        openai_client(gateway, "payments").get(f"/records/{record}", cast_to=object)


def test_models_are_listed_in_both_forms(gateway) -> None:
    names = [model.id for model in openai_client(gateway).models.list()]
    assert names[0] == "code"
    assert {"cloud-model", "home-model", "local-model"} <= set(names)
    assert [model.id for model in anthropic_client(gateway).models.list()] == names
