"""What clients claim of their own requests: a label goes up, never down, and is never guessed."""

import msgspec
import pytest

from tests.doubles.ledger_sight import personal_of
from tests.doubles.raw_http import Field, Heard, ask, chunked, request
from tests.doubles.serving_house import FORMS, JSON, OPENAI, Form, House
from tests.serving.test_bad_bodies import assert_refused

LABEL = "x-perimeter-label"


def _claimed(house: House, form: Form, *fields: Field, repo: str = "website") -> Heard:
    return house.ask(form, form.body(), repo, fields)


def assert_label(house: House, heard: Heard, label: str, zone: str, repo: str = "website") -> None:
    assert heard.status == 200, heard.body
    record = house.record(heard.record, repo)
    assert record["label"] == label
    assert record["outcome"]["zone"] == zone


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_client_may_raise_its_label(house, form) -> None:
    heard = _claimed(house, form, (LABEL, "restricted"))
    assert_label(house, heard, "restricted", "on_prem")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_01_a_client_cannot_lower_its_label(house, form) -> None:
    for claim in ("public", "internal"):
        heard = _claimed(house, form, (LABEL, claim), repo="payments")
        assert_label(house, heard, "restricted", "on_prem", "payments")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_02_a_hop_by_hop_mark_does_not_strip_the_label(house, form) -> None:
    heard = _claimed(house, form, (LABEL, "restricted"), ("connection", f"close, {LABEL}"))
    assert_label(house, heard, "restricted", "on_prem")


UNCLEAR: dict[str, tuple[Field, ...]] = {
    "02 two labels": ((LABEL, "public"), (LABEL, "restricted")),
    "02 one label twice": ((LABEL, "public"), (LABEL, "public")),
    "02 a comma": ((LABEL, "public,restricted"),),
    "02 underscores": (("x_perimeter_label", "public"),),
    "02 underscores and upper case": (("X_Perimeter_Label", "restricted"),),
    "02 both spellings": ((LABEL, "public"), ("x_perimeter_label", "public")),
    "04 an unknown level": ((LABEL, "secret"),),
    "04 an unknown caveat": ((LABEL, "public+nuclear"),),
    "04 an unknown place": ((LABEL, "public@MOON"),),
    "04 another case": ((LABEL, "Restricted"),),
    "04 nothing": ((LABEL, ""),),
    "04 a space inside": ((LABEL, "public restricted"),),
    "04 a tab inside": ((LABEL, "public\trestricted"),),
    "04 a quote": ((LABEL, '"public"'),),
    "04 a caveat twice": ((LABEL, "public+pii+pii"),),
    "04 a very long one": ((LABEL, "public" + "+pii" * 2000),),
    "05 cyrillic": ((LABEL, "\u0440ublic".encode()),),
    "05 full width": ((LABEL, "\uff50ublic".encode()),),
    "05 zero width": ((LABEL, "pub\u200blic".encode()),),
    "05 right to left": ((LABEL, "public\u202e".encode()),),
    "05 latin-1": ((LABEL, b"publi\xe7"),),
}


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("fields", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_adv_02_04_05_a_label_that_is_not_clear_is_refused(house, form, fields) -> None:
    with house.nothing_sent():
        heard = _claimed(house, form, *fields)
    assert_refused(house, form, heard, "malformed")
    for _, value in fields:
        said = value if isinstance(value, bytes) else value.encode()
        known = {b"public", b"restricted", b""}
        assert said in known or said not in heard.body


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_04_a_nul_in_a_label_is_no_request(house, form) -> None:
    with house.nothing_sent():
        heard = _claimed(house, form, (LABEL, "public\x00"))
    assert heard.status == 400


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_03_headers_that_name_someone_else_change_nothing(house, form) -> None:
    heard = _claimed(
        house,
        form,
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("x-forwarded-user", "root"),
        ("x-original-url", "/v1/models"),
        ("x-rewrite-url", "/v1/models"),
        ("x-http-method-override", "GET"),
        ("x-forwarded-host", "evil.example"),
        repo="payments",
    )
    assert_label(house, heard, "restricted", "on_prem", "payments")
    personal = personal_of(house.gateway, heard.record)
    assert personal.address == "127.0.0.1"
    assert personal.subject == "pay@example.com"


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_06_a_claimed_repository_is_matched_exactly(house, form) -> None:
    listed = (
        "git@git.example.com:payments/ledger-1.git",
        "https://GIT.example.com/payments/ledger-1",
    )
    for claim in listed:
        heard = _claimed(house, form, ("x-perimeter-repo", claim))
        assert_label(house, heard, "restricted", "on_prem")
    for claim in (
        "https://git.example.com/payments/ledger-199",
        "https://git.example.com@evil.example/payments/ledger-1",
        "https://git.example.com/payments/%2e%2e/web/website",
    ):
        heard = _claimed(house, form, ("x-perimeter-repo", claim))
        if heard.status == 200:
            assert_label(house, heard, "confidential", "on_prem")
        else:
            assert_refused(house, form, heard, "malformed")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_09_a_label_in_the_body_is_no_claim(house, form) -> None:
    body = form.body(metadata={"label": "public", LABEL: "public", "user_id": "x"})
    heard = house.ask(form, body, "payments")
    assert_label(house, heard, "restricted", "on_prem", "payments")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_19_a_trailer_is_no_header(house, form) -> None:
    raw = msgspec.json.encode(form.body())
    fields = (
        ("content-type", "application/json"),
        form.key(house.gateway.keys["website"]),
        ("transfer-encoding", "chunked"),
    )
    for trailer in (b"x-perimeter-label: public\r\n", b"authorization: Bearer nobody\r\n"):
        data = request("POST", form.path, None, fields) + chunked([raw], trailer)
        with house.nothing_sent():
            heard = ask(house.url, data)
        assert_refused(house, form, heard, "malformed")
        assert "trailers" in str(form.error(heard))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_19_a_trailer_cannot_name_who_asks(house, form) -> None:
    raw = msgspec.json.encode(form.body())
    key = house.gateway.keys["website"]
    head = request("POST", form.path, None, (JSON, ("transfer-encoding", "chunked")))
    with house.nothing_sent():
        heard = ask(house.url, head + chunked([raw], f"x-api-key: {key}\r\n".encode()))
    assert heard.status == 401


def test_adv_10_the_key_says_who_asks_not_the_body(house) -> None:
    body = OPENAI.body(user="root", safety_identifier="root", metadata={"user_id": "root"})
    heard = house.ask(OPENAI, body)
    assert heard.status == 200
    assert personal_of(house.gateway, heard.record).subject == "ada@example.com"
