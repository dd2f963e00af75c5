"""A gateway in front of Vertex: official clients ask, a Vertex that believes nobody answers."""

import re
from collections.abc import Iterator

import anthropic
import httpx2
import openai
import pytest

from tests.doubles.fake_google import MACHINE, FakeGoogle, fake_google
from tests.doubles.fake_vertex import (
    AT,
    LOCATION,
    PROJECT,
    SAID,
    FakeVertex,
    fake_vertex,
    google_error,
)
from tests.doubles.gateway_folders import Template, started
from tests.doubles.running_gateway import RunningGateway

CLAUDE = "claude-opus-4-5@20251101"
QWEN = "qwen/qwen3-coder-480b-a35b-instruct-maas"
MISTRAL = "codestral-2"
ASKED = [{"role": "user", "content": "hello"}]
BETAS = "interleaved-thinking-2025-05-14,files-api-2025-04-14,S-canary"
# WHY: nothing of the environment may say who we are.
ELSEWHERE = ("GOOGLE_APPLICATION_CREDENTIALS=/nonexistent", "GCE_METADATA_HOST=127.0.0.1:1")


@pytest.fixture(scope="module")
def tokens() -> Iterator[FakeGoogle]:
    with fake_google() as running:
        yield running


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeVertex]:
    with fake_vertex() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    fake: FakeVertex, tokens: FakeGoogle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    template = Template(tmp_path_factory.mktemp("template"))
    names = {"claude": CLAUDE, "qwen": QWEN, "mistral": MISTRAL}
    backends = dict.fromkeys(names, ("vertex", fake.url, "frontier"))
    made = template.copy(
        tmp_path_factory.mktemp("vertex"), backends, tasks="code: [claude-model]\n"
    )
    models = made.folder / "models"
    settings = (
        f"project: {PROJECT}, location: {LOCATION}, private_endpoint: true, user_project: payer-1,"
        f' credentials: metadata, metadata_url: "{tokens.url}"'
    )
    fleet = (models / "backends.yaml").read_text()
    (models / "backends.yaml").write_text(
        fleet.replace("zone: frontier", f"zone: frontier, settings: {{{settings}}}")
    )
    catalogue = re.sub(r"settings: \{.*\}", "", (models / "catalog.yaml").read_text())
    for name, wire in names.items():
        catalogue = catalogue.replace(f"wire_model: {name}-model", f'wire_model: "{wire}"')
    (models / "catalog.yaml").write_text(catalogue)
    with started(made, "env", *ELSEWHERE):
        yield made


@pytest.fixture
def claude(gateway: RunningGateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        api_key=gateway.keys["website"],
        base_url=gateway.url,
        max_retries=0,
        http_client=httpx2.Client(trust_env=False),
    ) as client:
        yield client


@pytest.fixture
def chat(gateway: RunningGateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        api_key=gateway.keys["website"],
        base_url=f"{gateway.url}/v1",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    ) as client:
        yield client


def test_an_anthropic_client_is_answered_whole(fake: FakeVertex, claude) -> None:
    raw = claude.messages.with_raw_response.create(
        model="code", max_tokens=64, messages=ASKED, extra_headers={"anthropic-beta": BETAS}
    )
    said = raw.parse()
    assert (said.content[0].text, said.stop_reason) == (SAID, "end_turn")
    assert said.usage.output_tokens == 5
    path, headers, body = fake.seen[-1]
    assert path == f"{AT}/publishers/anthropic/models/{CLAUDE}:rawPredict"
    assert "model" not in body
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert headers["x-goog-user-project"] == "payer-1"
    assert headers["anthropic-beta"] == "interleaved-thinking-2025-05-14"
    assert raw.headers["x-perimeter-lost"] == "anthropic_beta"
    assert "anthropic-version" not in headers


def test_an_anthropic_client_is_answered_in_a_stream(fake: FakeVertex, claude) -> None:
    with claude.messages.stream(model="code", max_tokens=64, messages=ASKED) as stream:
        said = stream.get_final_message()
    assert said.content[0].text == SAID
    assert said.usage.output_tokens == 5
    path, _, body = fake.seen[-1]
    assert path == f"{AT}/publishers/anthropic/models/{CLAUDE}:streamRawPredict"
    assert body["stream"] is True


def test_an_openai_client_is_answered_by_claude(chat) -> None:
    whole = chat.chat.completions.create(model="code", messages=ASKED)
    assert whole.choices[0].message.content == SAID
    stream = chat.chat.completions.create(model="code", messages=ASKED, stream=True)
    words = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(words) == SAID


def test_a_count_goes_where_vertex_counts(fake: FakeVertex, claude) -> None:
    assert claude.messages.count_tokens(model="code", messages=ASKED).input_tokens == 12
    path, _, body = fake.seen[-1]
    assert path == f"{AT}/publishers/anthropic/models/count-tokens:rawPredict"
    assert body["model"] == CLAUDE


@pytest.mark.parametrize("stream", [False, True])
def test_an_open_model_is_asked_in_chat(fake: FakeVertex, chat, stream: bool) -> None:
    said = chat.chat.completions.create(model="qwen-model", messages=ASKED, stream=stream)
    text = (
        "".join(chunk.choices[0].delta.content or "" for chunk in said if chunk.choices)
        if stream
        else said.choices[0].message.content
    )
    assert text == SAID
    path, headers, body = fake.seen[-1]
    assert path == f"{AT}/endpoints/openapi/chat/completions"
    assert body["model"] == QWEN
    assert headers["x-goog-user-project"] == "payer-1"


def test_mistral_is_asked_in_its_own_words(fake: FakeVertex, chat) -> None:
    stream = chat.chat.completions.create(
        model="mistral-model",
        messages=ASKED,
        stream=True,
        seed=7,
        max_completion_tokens=9,
        logit_bias={"1": 1},
    )
    assert "".join(c.choices[0].delta.content or "" for c in stream if c.choices) == SAID
    path, _, body = fake.seen[-1]
    assert path == f"{AT}/publishers/mistralai/models/{MISTRAL}:streamRawPredict"
    assert (body["random_seed"], body["max_tokens"]) == (7, 9)
    assert not {"seed", "max_completion_tokens", "stream_options", "logit_bias"} & body.keys()


def test_an_anthropic_client_is_answered_by_an_open_model(claude) -> None:
    said = claude.messages.create(model="qwen-model", max_tokens=64, messages=ASKED)
    assert said.content[0].text == SAID


@pytest.mark.parametrize(
    ("status", "reply", "told"),
    [
        (400, google_error(400, "INVALID_ARGUMENT", "S-said"), "S-said"),
        (403, google_error(403, "PERMISSION_DENIED", "S-hidden"), "tried and failed"),
        (
            400,
            {"type": "error", "error": {"type": "invalid_request_error", "message": "S-said"}},
            "S-said",
        ),
        (404, google_error(404, "NOT_FOUND", "S-hidden"), "tried and failed"),
    ],
)
def test_an_error_of_vertex_is_told_in_the_clients_own_form(
    fake: FakeVertex, claude, status: int, reply, told: str
) -> None:
    fake.next.append((status, reply))
    with pytest.raises(anthropic.APIStatusError) as caught:
        claude.messages.create(model="code", max_tokens=64, messages=ASKED)
    assert caught.value.status_code == (400 if status == 400 else 502)
    assert told in str(caught.value)
    assert "S-hidden" not in str(caught.value)


def test_one_token_serves_every_request_of_a_backend(
    tokens: FakeGoogle, gateway: RunningGateway
) -> None:
    assert 1 <= len(tokens.asked) <= 3, "each of three backends fetches its own, once"
    log = gateway.log.read_text()
    assert log.count('"credential_served"') == 3
    assert MACHINE not in log
    assert "canary" not in log
