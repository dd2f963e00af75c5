"""Paths and methods that are not served, and those that ask for nothing."""

import anthropic
import msgspec
import openai
import pytest

from tests.doubles.raw_http import Field, ask, request
from tests.doubles.serving_house import ANTHROPIC, FORMS, JSON, OPENAI, House

VERSION: Field = ("anthropic-version", "2026-10-21")
UNKNOWN = [
    ("GET", "/v1/engines"),
    ("POST", "/v1/moderations"),
    ("POST", "/v1/audio/speech"),
    ("POST", "/v1/audio/transcriptions"),
    ("POST", "/v1/images/generations"),
    ("POST", "/v1/videos"),
    ("POST", "/v1/rerank"),
    ("POST", "/v1/files"),
    ("POST", "/v1/uploads"),
    ("POST", "/v1/batches"),
    ("POST", "/v1/fine_tuning/jobs"),
    ("POST", "/v1/vector_stores"),
    ("POST", "/v1/realtime/client_secrets"),
    ("GET", "/v1/realtime"),
    ("POST", "/v1/conversations"),
    ("POST", "/v1/responses/compact"),
    ("POST", "/v1/messages/batches"),
    ("POST", "/v1/chat/completions/"),
    ("POST", "//v1/chat/completions"),
    ("POST", "/v1/../v1/chat/completions"),
    ("POST", "/V1/Messages"),
    ("GET", "/metrics"),
    ("GET", "/readyz"),
    ("GET", "/schema"),
    ("GET", "/v1/records"),
]
WRONG_METHODS = [
    ("GET", "/v1/chat/completions", "POST"),
    ("PUT", "/v1/chat/completions", "POST"),
    ("DELETE", "/v1/messages", "POST"),
    ("OPTIONS", "/v1/messages", "POST"),
    ("GET", "/l/internal/v1/messages?beta=true", "POST"),
    ("GET", "/v1/responses", "POST"),
    ("DELETE", "/v1/responses", "POST"),
    ("POST", "/v1/models", "GET"),
    ("PUT", "/v1/models", "GET"),
    ("DELETE", "/v1/records/019aa000-0000-7000-8000-000000000000", "GET"),
    ("PATCH", "/", "GET"),
]


@pytest.mark.parametrize(("method", "path", "allowed"), WRONG_METHODS)
def test_a_path_that_takes_another_method_says_which(house, method, path, allowed) -> None:
    raw = msgspec.json.encode(OPENAI.body())
    fields = (JSON, OPENAI.key(house.gateway.keys["website"]), VERSION)
    with house.nothing_sent():
        heard = ask(house.url, request(method, path, raw, fields), method)
    assert heard.status == 405
    assert allowed in heard.headers["allow"].split(", ")
    form = OPENAI if "/chat/" in path or "/responses" in path else ANTHROPIC
    assert isinstance(form.error(heard), openai.APIStatusError | anthropic.APIStatusError)
    assert ("type" in heard.json) == (form is ANTHROPIC)


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
def test_adv_42_what_is_not_served_is_not_there_and_never_proxied(house, method, path) -> None:
    raw = msgspec.json.encode(OPENAI.body())
    fields = (JSON, OPENAI.key(house.gateway.keys["website"]))
    with house.nothing_sent():
        heard = ask(house.url, request(method, path, raw, fields), method)
        told = ask(house.url, request(method, path, raw, (*fields, VERSION)), method)
    assert heard.status == told.status == 404
    assert isinstance(OPENAI.error(heard), openai.NotFoundError)
    assert isinstance(ANTHROPIC.error(told), anthropic.NotFoundError)
    assert told.json["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    "path",
    [
        "/model/m/async-invoke",
        "/guardrail/g/version/1/apply",
        "/v1beta/models/m:embedContent",
        "/v1beta/models/m:predictLongRunning",
        "/v1beta/models/m:batchGenerateContent",
        "/v1beta/cachedContents",
        "/v1/projects/p/locations/eu/publishers/anthropic/models/m:predict",
    ],
)
def test_adv_42_what_a_cloud_serves_and_we_do_not_is_not_there(house, path) -> None:
    raw = msgspec.json.encode(OPENAI.body())
    fields = (JSON, OPENAI.key(house.gateway.keys["website"]))
    with house.nothing_sent():
        assert ask(house.url, request("POST", path, raw, fields)).status == 404


def test_a_connection_stays_useful_after_a_path_that_is_not_there(house) -> None:
    raw = bytes(50_000)
    with house.line() as line:
        for _ in range(3):
            line.send(request("POST", "/v1/nothing", raw, (JSON,)))
            assert line.hear().status == 404
        line.send(house.request(OPENAI, OPENAI.body()))
        assert line.hear().status == 200


def test_the_root_answers_without_a_key(house) -> None:
    for method in ("HEAD", "GET"):
        heard = ask(house.url, request(method, "/"), method)
        assert heard.status == 200
        assert heard.body == b""


def test_a_query_changes_nothing(house) -> None:
    raw = msgspec.json.encode(ANTHROPIC.body())
    fields = (JSON, ANTHROPIC.key(house.gateway.keys["website"]))
    heard = ask(house.url, request("POST", "/v1/messages?beta=true&model=x", raw, fields))
    assert heard.status == 200


def test_an_upgrade_is_not_followed(house) -> None:
    fields: tuple[Field, ...] = (
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    )
    with house.nothing_sent():
        heard = ask(house.url, request("GET", "/v1/messages", fields=fields), "GET")
    assert heard.status == 405


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nx-perimeter-label : public\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nx-a: b\r\n public\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_closed(house, raw) -> None:
    with house.nothing_sent(), house.line() as line:
        line.send(raw)
        assert line.hear().status == 400
        assert line.is_closed()


def test_the_admin_listener_shows_nothing_else(house) -> None:
    for method, path in (("POST", "/v1/messages"), ("GET", "/v1/models"), ("GET", "/")):
        assert ask(house.gateway.admin, request(method, path), method).status == 404
    ready = ask(house.gateway.admin, request("GET", "/readyz"), "GET")
    told = ready.json
    assert told.pop("policy").startswith("sha256:")
    assert told == {"ready": True, "reasons": [], "demo": True, "notices": []}
    assert ask(house.gateway.admin, request("GET", "/livez"), "GET").status == 200


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_refusal_has_the_status_of_the_node_file(narrow, form) -> None:
    with narrow.nothing_sent():
        heard = narrow.ask(form, form.body(model="cloud-model"), "payments")
    assert heard.status == 403
    error = form.error(heard)
    assert isinstance(error, openai.PermissionDeniedError | anthropic.PermissionDeniedError)
    assert heard.record in str(error)
    record = narrow.record(heard.record, "payments")
    assert record["outcome"] | {"kind": "refused", "status": 403} == record["outcome"]
    assert record["excluded"] == {"cloud-model@cloud": "clearance"}


def test_an_error_of_the_client_keeps_its_own_status(narrow) -> None:
    assert narrow.ask(OPENAI, b"{").status == 400
    assert narrow.ask(OPENAI, OPENAI.body(model="x")).status == 404


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_same_refusal_is_400_where_nothing_is_said(house, form) -> None:
    heard = house.ask(form, form.body(model="cloud-model"), "payments")
    assert heard.status == 400
    assert heard.headers["x-should-retry"] == "false"
    assert isinstance(form.error(heard), openai.BadRequestError | anthropic.BadRequestError)


def test_listed_models_are_those_that_may_be_asked(house: House) -> None:
    names = [one["id"] for one in house.get("/v1/models").json["data"]]
    assert names[:5] == ["code", "pair", "shy", "cloud-model", "home-model"]
    told = house.get("/v1/models", form=ANTHROPIC)
    assert [one["id"] for one in told.json["data"]] == names


def test_one_model_is_described_in_the_form_of_each_vendor(house: House) -> None:
    key = house.gateway.keys["website"]
    client = openai.OpenAI(base_url=f"{house.url}/v1", api_key=key, max_retries=0)
    found = client.models.retrieve("home-model")
    assert (found.id, found.object, found.owned_by) == ("home-model", "model", "perimeter")
    native = anthropic.Anthropic(base_url=house.url, api_key=key, max_retries=0)
    assert native.models.retrieve("code").display_name == "code"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("canary")
    assert caught.value.code == "model_not_found"
    assert "canary" not in str(caught.value)
    with pytest.raises(anthropic.NotFoundError):
        native.models.retrieve("canary")
    assert ask(house.url, request("GET", "/v1/models/home-model"), "GET").status == 401
    listed = client.models.retrieve("home:home-model")
    assert listed.id == "home:home-model"
