"""Codex's surface as it is served: the official client, and what Codex sends besides."""

from typing import Any

import msgspec
import openai
import pytest

from tests.doubles.goldens import golden_json
from tests.doubles.ledger_sight import personal_of
from tests.doubles.raw_http import Field, Heard, ask, request
from tests.doubles.responses_grammar import events_of
from tests.doubles.serving_house import JSON, OPENAI, House

PATH = "/v1/responses"
CODEX = golden_json("openai_responses/codex.json")
SITE = "https://git.example.com/web/website.git"
LEDGER = "git@git.example.com:payments/ledger-1.git"
STRANGE = "/srv/git/ledger.git"


def client(house: House, repo: str = "website") -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{house.url}/v1", api_key=house.gateway.keys[repo], max_retries=0, timeout=30
    )


def post(house: House, body: Any, *fields: Field, repo: str = "website") -> Heard:
    raw = msgspec.json.encode(body)
    key = OPENAI.key(house.gateway.keys[repo])
    return ask(house.url, request("POST", PATH, raw, (JSON, key, *fields)))


def turn(*remotes: str) -> Field:
    workspaces = {
        f"/w/{at}": {"associated_remote_urls": {"origin": remote}}
        for at, remote in enumerate(remotes)
    }
    told = {"session_id": "S-session", "workspaces": workspaces}
    return ("x-codex-turn-metadata", msgspec.json.encode(told))


@pytest.mark.parametrize("model", ["cloud-model", "local-model"])
def test_the_official_client_works_whole_and_streamed(house, model) -> None:
    raw = client(house).responses.with_raw_response.create(model=model, input="hello")
    whole = raw.parse()
    assert whole.status == "completed"
    assert whole.output_text
    assert whole.usage.output_tokens > 0
    record = house.record(raw.headers["x-perimeter-record"])
    assert (record["surface"], record["outcome"]["kind"]) == ("responses", "completed")
    with client(house).responses.stream(model=model, input="hello") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert final.output_text
    assert final.model == model


@pytest.mark.parametrize("model", ["cloud-model", "local-model"])
def test_codex_completes_and_hears_what_was_lost(house, model) -> None:
    heard = post(house, {**CODEX, "model": model, "client_metadata": None})
    assert heard.status == 200, heard.body
    assert events_of(heard.body)[-1]["type"] == "response.completed"
    lost = heard.headers["x-perimeter-lost"].split(", ")
    assert {"tools.web_search", "tools.namespace", "encrypted_content"} <= set(lost)


@pytest.mark.parametrize(
    ("remotes", "label", "told"),
    [
        ((SITE,), "public", "git.example.com/web/website"),
        ((LEDGER,), "restricted", "git.example.com/payments/ledger-1"),
        (
            (SITE, LEDGER),
            "restricted",
            "git.example.com/web/website git.example.com/payments/ledger-1",
        ),
        ((STRANGE,), "confidential", ""),
    ],
)
def test_the_workspaces_that_codex_tells_raise_the_label(house, remotes, label, told) -> None:
    body = {"model": "local-model", "input": "hello"}
    heard = post(house, body, turn(*remotes))
    assert heard.status == 200, heard.body
    record = house.record(heard.record)
    assert record["label"] == label
    assert record["outcome"]["zone"] == "on_prem"
    personal = personal_of(house.gateway, heard.record)
    assert (personal.repo, personal.session) == (told, "S-session")


def test_a_workspace_told_in_the_body_raises_the_label_too(house) -> None:
    heard = post(house, {**CODEX, "model": "local-model"})
    assert house.record(heard.record)["label"] == "restricted"


def test_a_restricted_workspace_never_reaches_a_cloud(house) -> None:
    body = {"model": "cloud-model", "input": "hello"}
    with house.nothing_sent():
        heard = post(house, body, turn(LEDGER))
    assert heard.status == 400
    assert heard.json["error"]["code"] == "no_model_fits"
    assert heard.record in heard.json["error"]["message"]


def test_a_workspace_lowers_nothing(house) -> None:
    body = {"model": "local-model", "input": "hello"}
    heard = post(house, body, turn(SITE), repo="payments")
    assert house.record(heard.record, "payments")["label"] == "restricted"


def test_metadata_that_cannot_be_read_changes_nothing(house) -> None:
    body = {"model": "cloud-model", "input": "hello"}
    for value in (b"nonsense", b"{}", b'{"workspaces":[1]}'):
        heard = post(house, body, ("x-codex-turn-metadata", value))
        assert heard.status == 200
        assert house.record(heard.record)["label"] == "public"


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": {"id": "conv_1"}},
        {"background": True},
        {"tools": [{"type": "mcp", "server_url": "https://evil.example"}]},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": []},
        {"input": [{"role": "root", "content": "x"}]},
    ],
)
def test_what_is_not_accepted_is_told_to_the_official_client(house, fields) -> None:
    body = {"model": "code", "input": "hello", **fields}
    with house.nothing_sent(), pytest.raises(openai.BadRequestError) as refused:
        client(house).post("/responses", body=body, cast_to=object)
    assert refused.value.code == "malformed"
    assert refused.value.response.headers["x-perimeter-record"] in str(refused.value)


def test_a_wrong_key_is_told_in_openais_form(house) -> None:
    wrong = openai.OpenAI(base_url=f"{house.url}/v1", api_key="pmt_nobody", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        wrong.responses.create(model="code", input="hello")


WEBSOCKET: tuple[Field, ...] = (
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("openai-beta", "responses_websockets=2026-02-06"),
)


def test_a_websocket_is_answered_at_once_that_none_is_spoken(house) -> None:
    with house.nothing_sent():
        heard = ask(house.url, request("GET", PATH, fields=WEBSOCKET), "GET")
    assert heard.status == 426
    assert heard.headers["upgrade"] == "HTTP/1.1"
    assert heard.json["error"]["code"] == "upgrade_required"
    assert heard.json["error"]["type"] == "invalid_request_error"
    assert "POST" in heard.json["error"]["message"]


def test_without_an_upgrade_there_is_nothing_to_get(house) -> None:
    heard = house.get(PATH)
    assert (heard.status, heard.headers["allow"]) == (405, "POST")
