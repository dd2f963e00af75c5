"""Bodies that are too large, and records that would be."""

import anthropic
import openai
import pytest

from tests.doubles.ledger_sight import personal_of
from tests.doubles.raw_http import Field, Gone, ask, chunked, request
from tests.doubles.serving_house import FORMS, JSON, OPENAI, House
from tests.serving.test_bad_bodies import assert_refused

LIMIT = 100_000
TOO_LARGE = (openai.APIStatusError, anthropic.APIStatusError)


def _fields(house: House, form, *more: Field) -> tuple[Field, ...]:
    return (JSON, form.key(house.gateway.keys["website"]), *more)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_declared_length_over_the_limit_is_refused_at_once(narrow, form) -> None:
    head = request("POST", form.path, fields=_fields(narrow, form, ("content-length", "200000")))
    with narrow.nothing_sent(), narrow.line() as line:
        line.send(head)
        heard = line.hear()
    assert_refused(narrow, form, heard, "too_large", 413)
    assert isinstance(form.error(heard), TOO_LARGE)
    assert heard.headers["connection"] == "close"


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_client_that_sends_a_large_body_hears_why_it_was_refused(narrow, form) -> None:
    body = form.body("x" * 8_000_000)
    with narrow.nothing_sent():
        heard = narrow.ask(form, body)
    assert_refused(narrow, form, heard, "too_large", 413)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_an_undeclared_body_over_the_limit_is_refused(narrow, form) -> None:
    head = request("POST", form.path, None, _fields(narrow, form, ("transfer-encoding", "chunked")))
    with narrow.nothing_sent(), narrow.line() as line:
        line.send(head + chunked([b" " * 50_000] * 40))
        heard = line.hear()
    assert_refused(narrow, form, heard, "too_large", 413)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_body_at_the_limit_is_read(narrow, form) -> None:
    raw = b'{"model":"code","max_tokens":9,"messages":[{"role":"user","content":"' + b"x"
    raw += b"x" * (LIMIT - len(raw) - 4) + b'"}]}'
    assert len(raw) == LIMIT
    assert narrow.ask(form, raw).status == 200
    with narrow.nothing_sent():
        assert narrow.ask(form, raw + b" ").status == 413


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_client_without_a_key_that_sends_much_hears_why(house, form) -> None:
    raw = b"x" * 8_000_000
    heard = ask(house.url, request("POST", form.path, raw, (JSON,)))
    assert heard.status == 401
    assert isinstance(form.error(heard), openai.AuthenticationError | anthropic.AuthenticationError)


def test_a_client_that_waits_for_leave_to_send_is_told_no_instead(narrow) -> None:
    more: tuple[Field, ...] = (("expect", "100-continue"), ("content-length", "200000"))
    with narrow.line() as line:
        line.send(request("POST", OPENAI.path, fields=_fields(narrow, OPENAI, *more)))
        assert line.hear().status == 413


def test_a_client_that_waits_for_leave_to_send_gets_it(house) -> None:
    raw = b'{"model":"code","messages":[{"role":"user","content":"hello"}]}'
    more: tuple[Field, ...] = (("expect", "100-continue"), ("content-length", str(len(raw))))
    with house.line() as line:
        line.send(request("POST", OPENAI.path, fields=_fields(house, OPENAI, *more)))
        assert line.head()[0] == 100
        line.send(raw)
        assert line.hear().status == 200


@pytest.mark.parametrize("pieces", [1, 40])
def test_headers_over_their_limit_end_the_connection(house, pieces) -> None:
    head = request("GET", "/v1/models", fields=(("x-much", "y" * 100_000),))
    step = len(head) // pieces + 1
    with house.nothing_sent(), house.line() as line:
        try:
            for at in range(0, len(head), step):
                line.send(head[at : at + step])
            line.hear("GET")
        except (Gone, ConnectionResetError):
            return
    raise AssertionError("the connection stayed")


def test_endless_trailers_end_the_connection(house) -> None:
    fields = _fields(house, OPENAI, ("transfer-encoding", "chunked"))
    head = request("POST", OPENAI.path, None, fields) + b"1\r\n{\r\n0\r\nx-t: "
    with house.nothing_sent(), house.line() as line:
        try:
            line.send(head)
            for _ in range(20):
                line.send(b"y" * 50_000)
            line.hear()
        except (Gone, ConnectionResetError):
            return
    raise AssertionError("the connection stayed")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_request_with_much_to_remember_is_still_recorded(house, form) -> None:
    """Personal fields are bounded, so that no client can make a record that cannot be written."""
    smile = "\N{GRINNING FACE}"
    much = {f"{n:02}{smile * 500}": smile * 600 for n in range(40)}
    keys = "\n".join(f"token = 'glpat-{n:04d}Zq8vT3mK5pX1wR7n'" for n in range(600))
    body = form.body(keys, metadata=much, **{"k" * 50_000: "glpat-Zq8vT3mK5pX1wR7nB2cD"})
    heard = house.ask(form, body, fields=(("user-agent", "a" * 20_000),))
    assert heard.status == 200, heard.body
    record = house.record(heard.record)
    assert record["label"].startswith("restricted+")
    assert record["label"].endswith("+secret")
    assert record["outcome"]["zone"] == "on_prem"
    personal = personal_of(house.gateway, heard.record)
    assert len(personal.metadata) == 16
    assert personal.findings
