"""Ollama's surface as it is served: the official client, and what Codex asks of it first."""

from typing import Any

import msgspec
import ollama
import pytest

from tests.doubles.raw_http import Field, Heard, ask, request
from tests.doubles.serving_house import JSON, OPENAI, House

HELLO = [{"role": "user", "content": "hello"}]
MODELS = ["cloud-model", "home-model", "local-model"]
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}}
TOOL = {
    "type": "function",
    "function": {"name": "read", "description": "Reads.", "parameters": SCHEMA},
}
PIXEL = "iVBORw0KGgo="


def client(house: House, repo: str = "website", prefix: str = "") -> ollama.Client:
    key = house.gateway.keys[repo]
    headers = {"authorization": f"Bearer {key}"}
    return ollama.Client(f"{house.url}{prefix}", headers=headers, trust_env=False, timeout=30)


def send(house: House, method: str, path: str, body: Any = None, *fields: Field) -> Heard:
    raw = b"" if body is None else msgspec.json.encode(body)
    key = OPENAI.key(house.gateway.keys["website"])
    return ask(house.url, request(method, path, raw, (JSON, key, *fields)), method)


def last(messages: list[dict[str, Any]], word: str) -> list[dict[str, Any]]:
    return [*messages, {"role": "user", "content": word}]


@pytest.mark.parametrize("model", MODELS)
def test_the_official_client_is_answered_whole_and_in_a_stream_by_every_engine(
    house, model
) -> None:
    whole = client(house).chat(model, HELLO)
    assert (whole.done, whole.done_reason, whole.message.role) == (True, "stop", "assistant")
    assert whole.message.content
    assert whole.created_at
    assert whole.prompt_eval_count > 0
    assert whole.eval_count > 0
    lines = list(client(house).chat(model, HELLO, stream=True))
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert len(lines) > 3
    words = "".join(line.message.content or "" for line in lines)
    assert words.split(":")[0] == whole.message.content.split(":")[0]
    end = lines[-1]
    assert (end.done_reason, end.eval_count > 0) == ("stop", True)
    for time in (end.total_duration, end.load_duration, end.eval_duration):
        assert time is None or time >= 0


def test_it_streams_where_nothing_is_said(house) -> None:
    heard = send(house, "POST", "/api/chat", {"model": "local-model", "messages": HELLO})
    assert heard.headers["content-type"] == "application/x-ndjson"
    assert msgspec.json.decode(heard.body.splitlines()[-1])["done"] is True
    record = house.record(heard.record)
    assert (record["surface"], record["outcome"]["kind"]) == ("ollama_chat", "completed")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_and_its_answer_goes_back_by_its_name(house, model, stream) -> None:
    asked = last(HELLO, "mock:tool")
    reply = client(house).chat(model, asked, tools=[TOOL], stream=stream)
    lines = list(reply) if stream else [reply]
    calls = [call for line in lines for call in line.message.tool_calls or ()]
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("read", {"path": "amber"})
    ]
    assert lines[-1].done_reason == "stop"
    history = [
        *asked,
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_name": "read", "content": "what it says"},
    ]
    after = client(house).chat(model, history, tools=[TOOL])
    assert after.message.content


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "fields",
    [
        {"format": "json"},
        {"format": SCHEMA},
        {"think": True},
        {"think": False},
        {"think": "high"},
        {"options": {"temperature": 0.5, "num_predict": 9, "stop": ["END"], "top_k": 3}},
    ],
)
def test_what_clients_set_is_taken_by_every_engine(house, model, fields) -> None:
    assert client(house).chat(model, HELLO, **fields).done
    assert list(client(house).chat(model, HELLO, stream=True, **fields))[-1].done


@pytest.mark.parametrize("model", MODELS)
def test_an_image_is_taken_by_every_engine(house, model) -> None:
    asked = [{"role": "user", "content": "look", "images": [PIXEL]}]
    assert client(house).chat(model, asked).message.content


@pytest.mark.parametrize("model", MODELS)
def test_thoughts_are_told_apart(house, model) -> None:
    lines = list(client(house).chat(model, last(HELLO, "mock:think"), stream=True, think=True))
    assert "".join(line.message.thinking or "" for line in lines) == "Let me think."
    assert "think" not in "".join(line.message.content or "" for line in lines)


@pytest.mark.parametrize("model", MODELS)
def test_a_reply_that_reached_its_length_says_so(house, model) -> None:
    for stream in (False, True):
        reply = client(house).chat(model, last(HELLO, "mock:length"), stream=stream)
        end = list(reply)[-1] if stream else reply
        assert end.done_reason == "length"


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_that_breaks_ends_with_an_error_that_the_client_raises(house, model) -> None:
    for behaviour in ("mock:break=2", "mock:cut=2"):
        lines = client(house).chat(model, last(HELLO, behaviour), stream=True)
        seen = []
        with pytest.raises(ollama.ResponseError) as raised:
            seen.extend(lines)
        assert "Record" in raised.value.error
        assert not any(line.done for line in seen)


def test_a_refusal_is_raised_once_with_its_record(house) -> None:
    with house.nothing_sent(), pytest.raises(ollama.ResponseError) as raised:
        client(house, "payments").chat("cloud-model", HELLO)
    assert raised.value.status_code == 400
    record_id = raised.value.error.rpartition("Record ")[2].rstrip(".")
    record = house.record(record_id, "payments")
    assert (record["label"], record["outcome"]["kind"]) == ("restricted", "refused")
    with pytest.raises(ollama.ResponseError):
        list(client(house, "payments").chat("cloud-model", HELLO, stream=True))


def test_restricted_code_stays_at_home_whatever_the_path_claims(house) -> None:
    reply = client(house, "payments", "/l/public").chat("code", HELLO)
    assert reply.message.content.split(":")[0] == "home"


def test_a_base_url_that_tells_a_label_raises_it(house) -> None:
    with house.nothing_sent(), pytest.raises(ollama.ResponseError):
        client(house, prefix="/l/restricted").chat("cloud-model", HELLO)
    assert client(house, prefix="/l/restricted").show("code").capabilities


def test_who_is_not_known_is_told_so_in_this_form(house) -> None:
    stranger = ollama.Client(house.url, trust_env=False)
    for call in (stranger.list, stranger.ps, lambda: stranger.show("code"),
                 lambda: stranger.chat("code", HELLO), lambda: stranger.pull("code"),
                 lambda: stranger.delete("code")):  # fmt: skip
        with pytest.raises(ollama.ResponseError) as raised:
            call()
        assert raised.value.status_code == 401
        assert raised.value.error
    assert ask(house.url, request("GET", "/api/version"), "GET").status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "code"}, 400),
        ({"model": "code", "messages": []}, 400),
        ({"model": "code", "messages": [{"role": "root", "content": "x"}]}, 400),
        ({"model": "nothing", "messages": HELLO}, 404),
        (
            {
                "model": "home-model",
                "messages": [{"role": "tool", "content": "", "tool_name": "x"}],
            },
            400,
        ),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_sent(house, body, status) -> None:
    with house.nothing_sent():
        heard = send(house, "POST", "/api/chat", body)
    assert heard.status == status
    assert heard.record in heard.json["error"]


def test_what_the_operator_decides_is_not_the_clients_and_is_told_as_lost(house) -> None:
    body = {
        "model": "local-model",
        "messages": HELLO,
        "keep_alive": -1,
        "options": {"num_ctx": 1_000_000, "num_gpu": 0, "seed": 1},
    }
    heard = send(house, "POST", "/api/chat", body)
    assert heard.status == 200
    assert heard.headers["x-perimeter-lost"] == "keep_alive, num_ctx, num_gpu"


def test_a_body_without_a_type_is_taken_as_the_vendors_server_does(house) -> None:
    raw = msgspec.json.encode({"model": "local-model", "messages": HELLO, "stream": False})
    key = OPENAI.key(house.gateway.keys["website"])
    assert ask(house.url, request("POST", "/api/chat", raw, (key,))).status == 200
    page = ("origin", "https://page.example")
    form = ("content-type", "application/x-www-form-urlencoded")
    with house.nothing_sent():
        for fields in ((key, page), (key, form), (key, JSON, JSON)):
            heard = ask(house.url, request("POST", "/api/chat", raw, fields))
            assert heard.status == 415
        assert ask(house.url, request("POST", OPENAI.path, raw, (key,))).status == 415


def test_a_name_with_its_usual_tag_is_that_name_on_every_surface(house) -> None:
    reply = client(house).chat("local-model:latest", HELLO)
    assert reply.message.content.startswith("local:")
    heard = house.ask(OPENAI, OPENAI.body(model="code:latest"))
    assert heard.status == 200
    with pytest.raises(ollama.ResponseError):
        client(house).chat("local-model:newest", HELLO)


def test_names_are_listed_with_and_without_the_usual_tag_and_nothing_else_is_told(house) -> None:
    listed = client(house).list().models
    names = [model.model for model in listed]
    asked = [one["id"] for one in house.get("/v1/models").json["data"]]
    assert names == [*asked, *(f"{name}:latest" for name in asked)]
    assert all(model.digest and len(model.digest) == 64 for model in listed)
    page = send(house, "GET", "/api/tags").body.decode()
    for word in ("127.0", "on_prem", "frontier", '"vllm"', "wire"):
        assert word not in page
    assert client(house).ps().models == []


def test_a_model_is_shown_with_what_it_can_do(house) -> None:
    for name in ("code", "local-model:latest"):
        shown = client(house).show(name)
        assert shown.capabilities == ["completion", "tools", "vision", "thinking"]
        arch = shown.modelinfo["general.architecture"]
        assert shown.modelinfo[f"{arch}.context_length"] == 32768
    by_old_name = send(house, "POST", "/api/show", {"name": "code"})
    assert by_old_name.status == 200
    with pytest.raises(ollama.ResponseError) as raised:
        client(house).show("nothing")
    assert raised.value.status_code == 404
    assert send(house, "POST", "/api/show", {}).status == 400


def test_the_version_is_one_that_codex_takes(house) -> None:
    heard = send(house, "GET", "/api/version")
    assert tuple(map(int, heard.json["version"].split("."))) >= (0, 13, 4)


def test_a_pull_of_what_may_be_asked_for_does_nothing_and_succeeds(house) -> None:
    with house.nothing_sent():
        assert client(house).pull("code").status == "success"
        lines = list(client(house).pull("code:latest", stream=True))
    assert lines[-1].status == "success"
    for stream in (False, True):
        with pytest.raises(ollama.ResponseError, match="Nothing is fetched") as raised:
            list(client(house).pull("nothing", stream=stream))
        assert raised.value.status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/create"),
        ("POST", "/api/push"),
        ("POST", "/api/copy"),
        ("DELETE", "/api/delete"),
        ("POST", "/api/blobs/sha256:00"),
    ],
)
def test_no_client_changes_what_models_there_are(house, method, path) -> None:
    with house.nothing_sent():
        heard = send(house, method, path, {"model": "code", "source": "a", "destination": "b"})
    assert heard.status == 400
    assert "operator" in heard.json["error"]


@pytest.mark.parametrize("path", ["/api/chat/", "/api/web_search", "/api", "/api/tags/x"])
def test_what_is_not_served_is_not_there(house, path) -> None:
    with house.nothing_sent():
        assert send(house, "POST", path, {}).status == 404


def test_a_quiet_question_is_small_and_well_formed(house) -> None:
    assert send(house, "POST", "/api/show", {"model": "code", "x": "y" * 70_000}).status == 413
    for path in ("/api/show", "/api/pull"):
        key = OPENAI.key(house.gateway.keys["website"])
        for raw in (b"", b"[]", b"{", b'{"model":1}', b'{"model":"a","model":"b"}'):
            heard = ask(house.url, request("POST", path, raw, (JSON, key)))
            assert heard.status == 400, raw
            assert heard.json["error"]
