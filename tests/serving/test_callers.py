"""Who asks: keys that are missing, wrong, doubled or expired, and records of other people."""

import anthropic
import msgspec
import openai
import pytest

from gateway.audit.record import Admin
from tests.doubles.ledger_sight import decided_count, records
from tests.doubles.raw_http import Field, Heard, ask, request
from tests.doubles.serving_house import FORMS, JSON, OPENAI, Form, House

CANARY = "pmt_canary_" + "c4n4ry" * 7 + "c"
NOT_KNOWN = (openai.AuthenticationError, anthropic.AuthenticationError)


def _sent(house: House, form: Form, *fields: Field) -> Heard:
    raw = msgspec.json.encode(form.body())
    return ask(house.url, request("POST", form.path, raw, (JSON, *fields)))


def assert_not_known(house: House, form: Form, *fields: Field) -> None:
    """401 in the client's form: counted, not echoed, not recorded, not sent."""
    counted, recorded = house.metric("unauthenticated"), decided_count(house.gateway)
    with house.nothing_sent():
        heard = _sent(house, form, *fields)
    assert heard.status == 401
    assert isinstance(form.error(heard), NOT_KNOWN)
    assert not heard.record
    for _, value in fields:
        shown = value if isinstance(value, bytes) else value.encode("latin-1")
        told = shown.removeprefix(b"Bearer").strip()[:24]
        assert not told or told not in heard.body
    assert house.metric("unauthenticated") == counted + 1
    assert decided_count(house.gateway) == recorded


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_request_without_a_key_is_not_answered(house, form) -> None:
    assert_not_known(house, form)


WRONG = {
    "a bearer of no form": ("authorization", f"Bearer {CANARY[:20]}"),
    "a bearer of an unknown id": ("authorization", f"Bearer {CANARY}"),
    "another scheme": ("authorization", "Basic Y2FuYXJ5OmNhbmFyeQ=="),
    "no scheme": ("authorization", CANARY),
    "an empty bearer": ("authorization", "Bearer "),
    "a key of an unknown id": ("x-api-key", CANARY),
    "an empty key": ("x-api-key", ""),
    "an empty key of Google": ("x-goog-api-key", ""),
    "a wrong key of Google": ("x-goog-api-key", CANARY),
    "a wrong key of Azure": ("api-key", CANARY),
    "a dummy that some clients send": ("authorization", "Bearer ollama"),
    "a long key": ("x-api-key", "pmt_web_" + "x" * 5000),
    "a key outside of ascii": ("x-api-key", b"pmt_web_" + b"\xe9" * 43),
}


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("field", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_key_is_not_answered(house, form, field) -> None:
    assert_not_known(house, form, field)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_key_that_is_nearly_right_is_not_answered(house, form) -> None:
    key = house.gateway.keys["website"]
    last = "A" if key[-1] != "A" else "B"
    for near in (key[:-1] + last, key[:-1], key + "A", key.upper(), key.replace("web", "pay")):
        assert_not_known(house, form, form.key(near))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_an_expired_key_is_not_answered(house, form) -> None:
    assert_not_known(house, form, form.key(house.gateway.keys["expired"]))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_10_two_different_credentials_are_nobody(house, form) -> None:
    mine, theirs = house.gateway.keys["website"], house.gateway.keys["payments"]
    assert_not_known(house, form, ("authorization", f"Bearer {mine}"), ("x-api-key", theirs))
    assert_not_known(house, form, ("authorization", f"Bearer {theirs}"), ("x-api-key", mine))
    assert_not_known(house, form, ("x-goog-api-key", theirs), ("x-api-key", mine))
    assert_not_known(house, form, ("authorization", f"Bearer {theirs}"), ("api-key", mine))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_one_credential_in_two_headers_is_one_caller(house, form) -> None:
    key = house.gateway.keys["website"]
    plain = [(name, key) for name in ("x-api-key", "x-goog-api-key", "api-key")]
    heard = _sent(house, form, ("authorization", f"Bearer {key}"), *plain)
    assert heard.status == 200


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_key_in_the_url_is_not_read(house, form) -> None:
    key = house.gateway.keys["website"]
    raw = msgspec.json.encode(form.body())
    for name in ("key", "api_key", "access_token"):
        heard = ask(house.url, request("POST", f"{form.path}?{name}={key}", raw, (JSON,)))
        assert heard.status == 401
        heard = ask(house.url, request("POST", f"{form.path}?{name}=x", raw, (JSON, form.key(key))))
        assert heard.status == 200


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", ["authorization", "x-api-key", "x-goog-api-key", "api-key"])
def test_a_credential_given_twice_is_refused(house, form, name) -> None:
    key = house.gateway.keys["website"]
    value = f"Bearer {key}" if name == "authorization" else key
    recorded = decided_count(house.gateway)
    with house.nothing_sent():
        heard = _sent(house, form, (name, value), (name, f"{value[:-3]}xyz"))
    assert heard.status == 400
    assert key.encode() not in heard.body
    assert decided_count(house.gateway) == recorded


def test_every_way_to_give_a_key_works_on_both_surfaces(house) -> None:
    key = house.gateway.keys["website"]
    for form in FORMS:
        plain = [(name, f" {key}\t") for name in ("x-api-key", "x-goog-api-key", "api-key")]
        for field in (("authorization", f"bearer  {key}"), *plain):
            assert _sent(house, form, field).status == 200


def test_the_quiet_routes_know_their_caller_too(house) -> None:
    counted = house.metric("unauthenticated")
    for path in ("/v1/models", "/v1/records/019aa000-0000-7000-8000-000000000000"):
        heard = ask(house.url, request("GET", path), "GET")
        assert heard.status == 401
        assert isinstance(OPENAI.error(heard), openai.AuthenticationError)
        version: Field = ("anthropic-version", "2026-10-21")
        told = ask(house.url, request("GET", path, fields=(version,)), "GET")
        assert told.status == 401
        assert told.json["type"] == "error"
        assert told.json["error"]["type"] == "authentication_error"
    assert house.metric("unauthenticated") == counted + 4


def test_adv_86_a_record_of_another_caller_is_not_there(house) -> None:
    made = house.ask(OPENAI, OPENAI.body())
    assert house.get(f"/v1/records/{made.record}", "website").status == 200
    for repo in ("payments", "unbound"):
        theirs = house.get(f"/v1/records/{made.record}", repo)
        nobodys = house.get("/v1/records/019aa000-0000-7000-8000-000000000000", repo)
        assert theirs.status == nobodys.status == 404
        assert theirs.body == nobodys.body


@pytest.mark.parametrize(
    "record_id",
    [
        "x",
        "019aa000-0000-7000-8000-00000000000",
        "019aa000-0000-7000-8000-0000000000000",
        "%00" * 36,
        "%2e%2e%2f" * 12,
        "%ff" * 36,
        "' OR 1=1 --                         ".replace(" ", "%20").replace("'", "%27"),
        "019AA000-0000-7000-8000-000000000000",
    ],
)
def test_adv_86_a_malformed_record_id_is_not_there(house, record_id) -> None:
    heard = house.get(f"/v1/records/{record_id}")
    assert heard.status == 404
    assert isinstance(OPENAI.error(heard), openai.NotFoundError)


def test_records_of_the_gateway_itself_are_not_there(house) -> None:
    found = records(house.gateway)
    admin = {one.id for one in found if isinstance(one, Admin)}
    assert admin
    for record_id in admin | {one.boot for one in found if one.boot}:
        assert house.get(f"/v1/records/{record_id}").status == 404
