"""Vectors, completions and counts as they are served: the official clients, and policy."""

from collections.abc import Iterator
from typing import Any

import msgspec
import ollama
import openai
import pytest

from tests.doubles.gateway_folders import Template, a_model, started
from tests.doubles.raw_http import ask, request
from tests.doubles.scripted_engine import RunningEngine
from tests.doubles.serving_house import JSON, OPENAI, House

KINDS = {
    "cloud": ("scripted", "frontier"),
    "home": ("vllm", "on_prem"),
    "local": ("ollama", "on_prem"),
}
TASKS = """\
code: [cloud-model, home-model]
vectors: [cloud-vectors, home-vectors]
rest: [cloud-model, home-qwen-coder]
filled: [cloud-native, home-qwen-coder]
"""


@pytest.fixture(scope="module")
def older(
    template: Template,
    engines: dict[str, RunningEngine],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    backends = {name: (kind, engines[name].url, zone) for name, (kind, zone) in KINDS.items()}
    backends["other"] = ("openai_compatible", engines["cloud"].url, "frontier")
    gateway = template.copy(tmp_path_factory.mktemp("older"), backends, tasks=TASKS)
    more = "".join(a_model(name, "vectors", "embeddings") for name in backends)
    more += a_model("cloud", "native", fim="native")
    more += a_model("home", "qwen-coder") + a_model("local", "qwen-coder")
    catalog = gateway.folder / "models" / "catalog.yaml"
    catalog.write_text(catalog.read_text() + more)
    with started(gateway):
        yield House(gateway, engines)


def client(house: House, repo: str = "website") -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{house.url}/v1", api_key=house.gateway.keys[repo], max_retries=0, timeout=30
    )


def native(house: House, repo: str = "payments") -> ollama.Client:
    # WHY: without a header of our own, the client would take its key from the environment.
    headers = {"authorization": f"Bearer {house.gateway.keys[repo]}"}
    return ollama.Client(host=house.url, headers=headers, trust_env=False, timeout=30)


@pytest.mark.parametrize("model", ["cloud-vectors", "home-vectors", "local-vectors"])
def test_the_official_client_gets_the_same_vectors_in_each_form(older, model) -> None:
    asks: dict[str, Any] = {"model": model, "input": ["amber", "birch"], "dimensions": 5}
    # WHY: the scripted engine draws its numbers by the length of the request.
    plain = client(older).embeddings.create(**asks, encoding_format="float")
    packed = client(older).embeddings.create(**asks)
    raw = client(older).embeddings.with_raw_response.create(**asks, encoding_format="base64")
    assert [len(one.embedding) for one in plain.data] == [5, 5]
    assert [one.index for one in packed.data] == [0, 1]
    assert all(abs(number) < 1 for one in packed.data for number in one.embedding)
    assert isinstance(raw.http_response.json()["data"][0]["embedding"], str)
    assert plain.usage.prompt_tokens > 0
    record = older.record(raw.headers["x-perimeter-record"])
    assert (record["surface"], record["outcome"]["kind"]) == ("embeddings", "completed")
    assert record["outcome"]["usage"]["input_tokens"] > 0


def test_numbers_that_ollama_says_arrive_exactly_in_either_form(older) -> None:
    told = native(older).embed("local-vectors", ["amber"], dimensions=3)
    asks: dict[str, Any] = {"model": "local-vectors", "input": ["amber"], "dimensions": 3}
    plain = client(older).embeddings.create(**asks, encoding_format="float")
    packed = client(older).embeddings.create(**asks)
    assert plain.data[0].embedding == packed.data[0].embedding
    assert len(told.embeddings[0]) == 3


@pytest.mark.parametrize("model", ["home-vectors", "local-vectors"])
def test_the_client_of_ollama_embeds(older, model) -> None:
    told = native(older).embed(model, ["amber", "birch"], truncate=False)
    assert [len(one) for one in told.embeddings] == [8, 8]
    assert told.model.startswith(model)
    assert told.prompt_eval_count > 0


def test_restricted_texts_are_embedded_at_home_and_nowhere_else(older) -> None:
    before = older.prompts()
    client(older, "payments").embeddings.create(model="vectors", input="amber")
    after = older.prompts()
    assert (after["cloud"], after["home"]) == (before["cloud"], before["home"] + 1)
    with older.nothing_sent(), pytest.raises(openai.BadRequestError) as caught:
        client(older, "payments").embeddings.create(model="cloud-vectors", input="amber")
    assert caught.value.code == "no_model_fits"
    with older.nothing_sent(), pytest.raises(openai.BadRequestError, match="input"):
        client(older).embeddings.create(model="cloud-vectors", input=[1, 2, 3])


def test_who_chats_does_not_embed(older) -> None:
    with older.nothing_sent(), pytest.raises(openai.BadRequestError, match="cannot_embed"):
        client(older).embeddings.create(model="home-model", input="amber")
    with older.nothing_sent(), pytest.raises(openai.BadRequestError, match="cannot_generate"):
        client(older).chat.completions.create(
            model="home-vectors", messages=[{"role": "user", "content": "hello"}]
        )


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"model":"vectors"}', b'{"input":"a"}'])
@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/completions", "/api/embed"])
def test_a_body_that_cannot_be_read_is_told_once(older, path, body) -> None:
    key = OPENAI.key(older.gateway.keys["website"])
    with older.nothing_sent():
        heard = ask(older.url, request("POST", path, body, (JSON, key)))
    assert heard.status == 400
    assert heard.json["error"]


@pytest.mark.parametrize("model", ["cloud-model", "home-model", "local-model"])
def test_the_official_client_completes_whole_and_streamed(older, model) -> None:
    raw = client(older).completions.with_raw_response.create(model=model, prompt="def add(")
    whole = raw.parse()
    assert "amber" in whole.choices[0].text or len(whole.choices[0].text) > 9
    assert whole.usage.completion_tokens > 0
    record = older.record(raw.headers["x-perimeter-record"])
    assert (record["surface"], record["outcome"]["kind"]) == ("completions", "completed")
    stream = client(older).completions.create(
        model=model, prompt="def add(", stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(one.choices[0].text for one in chunks if one.choices).count(" ") > 3
    assert [one.choices[0].finish_reason for one in chunks if one.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens > 0


@pytest.mark.parametrize("model", ["home-qwen-coder", "local-qwen-coder"])
def test_a_suffix_is_filled_in_where_the_engine_takes_none_and_where_it_does(older, model) -> None:
    """The scripted engine refuses a suffix at /v1/completions, as vLLM does."""
    done = client(older).completions.create(model=model, prompt="def add(", suffix="\n")
    assert done.choices[0].text
    told = native(older).generate(model, "def add(", suffix="\n")
    assert told.response
    assert told.done_reason == "stop"


def test_a_suffix_goes_where_it_can_be_filled_in_or_nowhere(older) -> None:
    raw = client(older).completions.with_raw_response.create(model="rest", prompt="a", suffix="b")
    record = older.record(raw.headers["x-perimeter-record"])
    assert record["excluded"] == {"cloud-model@cloud": "cannot_fim"}
    with older.nothing_sent(), pytest.raises(openai.BadRequestError, match="cannot_fim"):
        client(older).completions.create(model="home-model", prompt="a", suffix="b")
    with older.nothing_sent(), pytest.raises(openai.BadRequestError, match="control token"):
        client(older).completions.create(
            model="home-qwen-coder", prompt="<|fim_middle|>", suffix="b"
        )


def test_a_restricted_text_is_gone_on_with_at_home(older) -> None:
    before = older.prompts()
    client(older, "payments").completions.create(model="code", prompt="def add(")
    assert older.prompts()["cloud"] == before["cloud"]


def test_the_client_of_ollama_generates(older) -> None:
    told = native(older).generate("local-model", "Why?", system="be brief")
    assert told.response
    assert told.eval_count > 0
    lines = list(native(older).generate("local-model", "Why?", stream=True))
    assert [line.done for line in lines].count(True) == 1
    raw = native(older).generate("home-model", "def add(", raw=True)
    assert raw.response
    with (
        older.nothing_sent(),
        pytest.raises(ollama.ResponseError, match="cannot_template") as caught,
    ):
        native(older).generate("home-model", "Why?")
    assert caught.value.status_code == 400


@pytest.mark.parametrize("behaviour", ["mock:status=500", "mock:html", "mock:garbage"])
@pytest.mark.parametrize("model", ["home", "local"])
def test_an_engine_that_cannot_answer_is_a_502(older, behaviour, model) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client(older).embeddings.create(model=f"{model}-vectors", input=behaviour)
    assert caught.value.status_code == 502
    with pytest.raises(openai.InternalServerError) as caught:
        client(older).completions.create(model=f"{model}-model", prompt=behaviour)
    assert caught.value.status_code == 502


@pytest.mark.parametrize("model", ["home-model", "local-model"])
def test_a_stream_that_breaks_is_an_error_and_no_end(older, model) -> None:
    key = OPENAI.key(older.gateway.keys["website"])
    body = {"model": model, "prompt": "mock:break=3 mock:words=30 mock:drip=10", "stream": True}
    heard = ask(
        older.url, request("POST", "/v1/completions", msgspec.json.encode(body), (JSON, key))
    )
    assert heard.status == 200
    assert b"[DONE]" not in heard.body
    last = heard.body.rstrip().rsplit(b"data: ", 1)[1]
    assert msgspec.json.decode(last)["error"]["message"]


def test_tokens_are_counted_for_the_official_client(older) -> None:
    raw = client(older).responses.input_tokens.with_raw_response.count(
        model="cloud-model", input="hello", instructions="be brief"
    )
    assert raw.parse().input_tokens > 0
    record = older.record(raw.headers["x-perimeter-record"])
    assert (record["surface"], record["outcome"]["kind"]) == ("input_tokens", "completed")


def test_a_count_of_a_restricted_prompt_stays_at_home(older) -> None:
    with older.nothing_sent(), pytest.raises(openai.BadRequestError):
        client(older, "payments").responses.input_tokens.count(model="cloud-model", input="hello")


def test_any_host_of_openais_dialects_answers_under_its_path(older) -> None:
    done = client(older).chat.completions.create(
        model="other-model", messages=[{"role": "user", "content": "hello"}]
    )
    assert done.choices[0].message.content
    assert client(older).embeddings.create(model="other-vectors", input="amber").data
    assert client(older).completions.create(model="other-model", prompt="amber").choices[0].text


SECRET = "why does glpat-Zq8vT3mK5pX1wR7nB2cD fail?"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "vectors", "input": ["hello", SECRET]}),
        ("/v1/completions", {"model": "code", "prompt": SECRET}),
        ("/v1/completions", {"model": "filled", "prompt": "hello", "suffix": SECRET}),
        ("/api/embed", {"model": "vectors", "input": SECRET}),
        ("/api/generate", {"model": "code", "prompt": SECRET, "raw": True, "stream": False}),
        ("/api/generate", {"model": "filled", "prompt": "a", "suffix": SECRET, "stream": False}),
        ("/v1/responses/input_tokens", {"model": "code", "input": SECRET}),
    ],
    ids=str,
)
def test_a_secret_in_any_place_keeps_the_text_at_home(older, path, body) -> None:
    """The key is bound to a public repository: without the secret the cloud would be asked."""
    key = OPENAI.key(older.gateway.keys["website"])
    before = older.prompts()
    heard = ask(older.url, request("POST", path, msgspec.json.encode(body), (JSON, key)))
    assert heard.status == 200, heard.body
    after = older.prompts()
    assert (after["cloud"], after["home"]) == (before["cloud"], before["home"] + 1)
    calm = msgspec.json.decode(msgspec.json.encode(body).replace(SECRET.encode(), b"hello"))
    ask(older.url, request("POST", path, msgspec.json.encode(calm), (JSON, key)))
    assert older.prompts()["cloud"] == after["cloud"] + 1
