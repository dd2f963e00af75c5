"""A gateway in front of Vertex: official clients ask, a Vertex that believes nobody answers."""

import re
from collections.abc import Iterator

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.doubles import gemini_answers
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
GEMINI = "gemini-3-pro"
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
    names = {"claude": CLAUDE, "qwen": QWEN, "mistral": MISTRAL, "gemini": GEMINI}
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


@pytest.fixture
def google(gateway: RunningGateway) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=gateway.url, api_version="v1beta")
    with genai.Client(api_key=gateway.keys["website"], http_options=options) as client:
        yield client


GEMINI_AT = f"{AT}/publishers/google/models/{GEMINI}"
LOOK = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="look",
            parameters_json_schema={"type": "object", "properties": {"path": {"type": "string"}}},
        )
    ]
)


def test_a_client_of_googles_is_answered_by_gemini_in_its_own_words(fake, google) -> None:
    whole = google.models.generate_content(model="gemini-model", contents="hello")
    assert whole.text == SAID
    path, headers, body = fake.seen[-1]
    assert path == f"{GEMINI_AT}:generateContent"
    assert body == {"contents": [{"parts": [{"text": "hello"}], "role": "user"}]}
    assert headers["x-goog-user-project"] == "payer-1"
    told = list(google.models.generate_content_stream(model="gemini-model", contents="hello"))
    assert "".join(one.text or "" for one in told) == SAID
    assert told[-1].candidates[0].finish_reason is types.FinishReason.STOP
    assert fake.seen[-1][0] == f"{GEMINI_AT}:streamGenerateContent?alt=sse"
    assert google.models.count_tokens(model="gemini-model", contents="hello").total_tokens == 12
    assert fake.seen[-1][0] == f"{GEMINI_AT}:countTokens"


def test_a_signature_of_geminis_comes_back_to_it(fake, google) -> None:
    chat = google.chats.create(
        model="gemini-model",
        config=types.GenerateContentConfig(
            tools=[LOOK],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        ),
    )
    assert chat.send_message("hello").function_calls[0].args == {"path": "S-path"}
    answer = types.Part.from_function_response(name="look", response={"output": "S-seen"})
    assert chat.send_message(answer).text == SAID
    call = fake.seen[-1][2]["contents"][1]["parts"][0]
    assert call["thoughtSignature"] == gemini_answers.SIGNATURE


def test_clients_of_others_are_answered_by_gemini(fake, claude, chat) -> None:
    said = claude.messages.create(model="gemini-model", max_tokens=64, messages=ASKED)
    assert (said.content[0].text, said.stop_reason) == (SAID, "end_turn")
    with claude.messages.stream(model="gemini-model", max_tokens=64, messages=ASKED) as stream:
        assert stream.get_final_message().usage.output_tokens == 5
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    events = chat.chat.completions.create(
        model="gemini-model", messages=ASKED, tools=[tool], stream=True
    )
    calls = [one for e in events if e.choices for one in e.choices[0].delta.tool_calls or []]
    assert calls[0].function.name == "look"
    history = [
        *ASKED,
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "look", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "S-seen"},
    ]
    again = chat.chat.completions.with_raw_response.create(
        model="gemini-model", messages=history, tools=[tool]
    )
    assert again.parse().choices[0].message.content == SAID
    assert "thought_signature_injected" in again.headers["x-perimeter-lost"]
    assert claude.messages.count_tokens(model="gemini-model", messages=ASKED).input_tokens == 12


def test_what_identifies_stays_and_what_would_act_is_refused(fake, google) -> None:
    seen = len(fake.seen)
    search = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
    with pytest.raises(errors.ClientError) as refused:
        google.models.generate_content(model="gemini-model", contents="hello", config=search)
    assert "google_search" in refused.value.message
    assert len(fake.seen) == seen


def test_an_error_of_geminis_is_told_in_googles_form(fake, google) -> None:
    fake.next.append((400, google_error(400, "INVALID_ARGUMENT", "S-said")))
    with pytest.raises(errors.ClientError) as refused:
        google.models.generate_content(model="gemini-model", contents="hello")
    assert "S-said" in refused.value.message


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
    assert 1 <= len(tokens.asked) <= 4, "each of four backends fetches its own, once"
    log = gateway.log.read_text()
    assert log.count('"credential_served"') == 4
    assert MACHINE not in log
    assert "canary" not in log
