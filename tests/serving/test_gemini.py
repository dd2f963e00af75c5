"""Google's surfaces as they are served: the official client against the gateway as a process."""

from collections.abc import Iterator

import msgspec
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

from tests.doubles.goldens import golden_json
from tests.doubles.raw_http import Field, Heard, ask, request
from tests.doubles.serving_house import JSON, House

AGENT = golden_json("gemini/agent.json")
# The engines here read no documents.
AGENT["contents"][0]["parts"].pop()
MODELS = ["cloud-model", "home-model", "local-model"]
VERTEX = "/v1beta1/projects/p/locations/eu/publishers/google/models"
HELLO = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


def client_of(house: House, repo: str = "website", version: str = "v1") -> genai.Client:
    options = types.HttpOptions(base_url=house.url, api_version=version, timeout=30_000)
    return genai.Client(api_key=house.gateway.keys[repo], http_options=options)


@pytest.fixture(params=["v1", "v1beta"])
def client(house: House, request: pytest.FixtureRequest) -> Iterator[genai.Client]:
    with client_of(house, version=request.param) as made:
        yield made


def key_of(house: House, repo: str = "website") -> Field:
    return ("x-goog-api-key", house.gateway.keys[repo])


def post(house: House, path: str, body: object, repo: str = "website") -> Heard:
    raw = msgspec.json.encode(body)
    return ask(house.url, request("POST", path, raw, (JSON, key_of(house, repo))))


@pytest.mark.parametrize("model", MODELS)
def test_the_official_client_works_whole_and_streamed(house, client, model) -> None:
    whole = client.models.generate_content(model=model, contents="hello")
    assert whole.text
    assert whole.candidates[0].finish_reason is types.FinishReason.STOP
    assert whole.usage_metadata.total_token_count > 0
    assert whole.model_version == model
    record = house.record(whole.response_id)
    assert (record["surface"], record["outcome"]["kind"]) == ("generate_content", "completed")
    told = list(client.models.generate_content_stream(model=model, contents="hello"))
    assert "".join(one.text or "" for one in told)
    assert told[-1].candidates[0].finish_reason is types.FinishReason.STOP
    assert told[-1].usage_metadata.total_token_count > 0


@pytest.mark.parametrize("model", MODELS)
def test_the_official_client_calls_its_tools(client, model) -> None:
    calls: list[str] = []

    def look(path: str) -> str:
        """Look at a path."""
        calls.append(path)
        return f"I saw {path}."

    config = types.GenerateContentConfig(
        tools=[look],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(maximum_remote_calls=2),
    )
    reply = client.models.generate_content(model=model, contents="mock:tool", config=config)
    assert len(calls) >= 1
    history = reply.automatic_function_calling_history
    assert any(part.function_response for turn in history for part in turn.parts)
    told = list(
        client.models.generate_content_stream(
            model=model,
            contents="mock:tool",
            config=types.GenerateContentConfig(
                tools=[look],
                automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            ),
        )
    )
    made = [call for one in told for call in one.function_calls or []]
    assert [call.name for call in made] == ["look"]
    assert isinstance(made[0].args, dict)


def test_the_official_client_of_vertex_works(house) -> None:
    key = Credentials(token=house.gateway.keys["website"])
    options = types.HttpOptions(base_url=house.url)
    with genai.Client(
        vertexai=True, project="p", location="eu", credentials=key, http_options=options
    ) as vertex:
        assert vertex.models.generate_content(model="local-model", contents="hello").text
        told = list(vertex.models.generate_content_stream(model="home-model", contents="hello"))
        assert told[-1].candidates[0].finish_reason is types.FinishReason.STOP


def test_a_chat_goes_on_with_what_was_thought(client) -> None:
    chat = client.chats.create(model="home-model")
    first = list(chat.send_message_stream("mock:think"))
    thoughts = [part for one in first for part in one.candidates[0].content.parts if part.thought]
    assert thoughts
    assert len(chat.get_history(curated=True)) > 1
    assert chat.send_message("and more").text


@pytest.mark.parametrize("model", MODELS)
def test_an_agents_request_is_answered_and_what_was_lost_is_told(house, model) -> None:
    heard = post(house, f"/v1beta/models/{model}:generateContent", AGENT)
    assert heard.status == 200, heard.body
    types.GenerateContentResponse.model_validate_json(heard.body)
    assert {"labels", "safety_settings"} <= set(heard.headers["x-perimeter-lost"].split(", "))


@pytest.mark.parametrize("at", [VERTEX, VERTEX.replace("v1beta1", "v1"), "/v1/models"])
def test_every_path_of_googles_is_served(house, at) -> None:
    whole = post(house, f"{at}/home-model:generateContent", HELLO)
    assert whole.json["modelVersion"] == "home-model"
    events = post(house, f"{at}/home-model:streamGenerateContent?alt=sse", HELLO)
    assert events.headers["content-type"] == "text/event-stream"
    array = post(house, f"{at}/home-model:streamGenerateContent", HELLO)
    assert array.headers["content-type"] == "application/json"
    assert array.json[-1]["candidates"][0]["finishReason"] == "STOP"
    assert len(array.json) == events.body.count(b"data: ")


def test_a_model_may_be_asked_for_at_one_engine(house) -> None:
    for name in ("home:home-model", "home%3Ahome-model", "code"):
        assert post(house, f"/v1beta/models/{name}:generateContent", HELLO).status == 200


def test_a_broken_stream_ends_in_googles_form(house, client) -> None:
    with pytest.raises(errors.ServerError) as broke:
        list(
            client.models.generate_content_stream(
                model="home-model", contents="mock:break=4 mock:drip=30"
            )
        )
    assert "Record" in broke.value.message
    path = "/v1beta/models/home-model:streamGenerateContent"
    told = {"contents": [{"parts": [{"text": "mock:break=4 mock:drip=30"}]}]}
    heard = post(house, path, told)
    assert isinstance(heard.json, list), heard.body
    assert heard.json[-1]["error"]["code"] == 502


def test_the_official_client_counts_where_the_engine_does(house, client) -> None:
    few = client.models.count_tokens(model="home-model", contents="hello")
    many = client.models.count_tokens(model="home-model", contents="hello " * 100)
    assert 0 < few.total_tokens < many.total_tokens
    heard = post(house, f"{VERTEX}/home-model:countTokens", {"generateContentRequest": AGENT})
    assert heard.json["totalTokens"] > few.total_tokens
    record = house.record(heard.record)
    assert (record["surface"], record["outcome"]["kind"]) == ("gemini_count_tokens", "completed")


def test_a_count_where_no_engine_counts_is_told(house, client) -> None:
    with house.nothing_sent(), pytest.raises(errors.ClientError) as refused:
        client.models.count_tokens(model="local-model", contents="hello")
    assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")


def test_a_restricted_prompt_never_reaches_a_cloud(house) -> None:
    with client_of(house, "payments") as payments, house.nothing_sent():
        for ask_it in (payments.models.generate_content, payments.models.count_tokens):
            with pytest.raises(errors.ClientError) as refused:
                ask_it(model="cloud-model", contents="hello")
            assert refused.value.code == 400
            assert "Record" in refused.value.message


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"contents": []},
        {"contents": [{"role": "root", "parts": []}]},
        {"contents": [{"parts": [{"fileData": {"fileUri": "gs://x"}}]}]},
        {**HELLO, "cachedContent": "cachedContents/1"},
        {**HELLO, "tools": [{"googleSearch": {}}]},
        {**HELLO, "generationConfig": {"candidateCount": 5000}},
        {**HELLO, "generationConfig": {"maxOutputTokens": -1}},
    ],
)
def test_what_is_not_accepted_is_told_in_googles_form(house, body) -> None:
    with house.nothing_sent():
        heard = post(house, "/v1beta/models/code:generateContent", body)
    assert heard.status == 400
    assert heard.json["error"]["status"] == "INVALID_ARGUMENT"
    assert heard.record in heard.json["error"]["message"]


def test_models_are_listed_in_googles_form(house, client) -> None:
    names = [model.name for model in client.models.list()]
    assert "models/home-model" in names
    assert "models/code" in names
    assert client.models.get(model="code").name == "models/code"


def test_a_wrong_key_and_a_wrong_path_are_told_in_googles_form(house) -> None:
    options = types.HttpOptions(base_url=house.url, api_version="v1beta")
    with genai.Client(api_key="pmt_nobody", http_options=options) as wrong:
        with pytest.raises(errors.ClientError) as refused:
            wrong.models.generate_content(model="code", contents="hello")
        assert (refused.value.code, refused.value.status) == (401, "UNAUTHENTICATED")
        with pytest.raises(errors.ClientError) as unlisted:
            list(wrong.models.list())
        assert unlisted.value.status == "UNAUTHENTICATED"
    for version in ("v1", "v1beta"):
        heard = post(house, f"/{version}/models/code:embedContent", HELLO)
        assert (heard.status, heard.json["error"]["status"]) == (404, "NOT_FOUND")
    assert post(house, "/v1beta/models/code", HELLO).status == 405
