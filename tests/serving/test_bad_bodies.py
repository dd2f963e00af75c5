"""Bodies that cannot be read: refused in the client's own form, recorded, and sent nowhere."""

import anthropic
import msgspec
import openai
import pytest

from tests.doubles.raw_http import Heard, ask, chunked, request
from tests.doubles.serving_house import ANTHROPIC, FORMS, JSON, OPENAI, Form, House

REFUSED = (openai.BadRequestError, anthropic.BadRequestError)


def _spliced(extra: bytes) -> bytes:
    return OPENAI_OPEN + extra + b"}"


OPENAI_OPEN = b'{"model":"code","max_tokens":64,"messages":[{"role":"user","content":"hello"}]'
UNREADABLE = {
    "nothing": b"",
    "no json": b"hello",
    "cut short": _spliced(b"")[:-1],
    "two values": _spliced(b"") * 2,
    "a list": b"[" + _spliced(b"") + b"]",
    "a string": b'"hello"',
    "a comment": b"/* note */" + _spliced(b""),
    "a key twice": _spliced(b',"model":"home-model"'),
    "a key twice, escaped": _spliced(b',"mod\\u0065l":"home-model"'),
    "a key twice, deep": _spliced(b',"metadata":{"a":{"b":1,"b":2}}'),
    "messages twice": _spliced(b',"messages":[]'),
    "a byte order mark": b"\xef\xbb\xbf" + _spliced(b""),
    "utf-16": _spliced(b"").decode().encode("utf-16"),
    "invalid utf-8": _spliced(b',"user":"\xff\xfe"'),
    "an overlong utf-8": _spliced(b',"user":"\xc0\xaf"'),
    "a lone surrogate": _spliced(b',"user":"\\ud800"'),
    "nan": _spliced(b',"temperature":NaN'),
    "infinity": _spliced(b',"temperature":-Infinity'),
    "an overflow": _spliced(b',"temperature":1e999'),
    "a huge integer": _spliced(b',"seed":' + b"9" * 40),
    "deep nesting": _spliced(b',"metadata":' + b'{"a":' * 70 + b"1" + b"}" * 70),
    "very deep nesting": _spliced(b',"metadata":' + b"[" * 100_000 + b"]" * 100_000),
}
WRONG = {
    "no model": {"model": None},
    "an empty model": {"model": ""},
    "a number for the model": {"model": 5},
    "no messages": {"messages": None},
    "messages that are text": {"messages": "hello"},
    "messages that are empty": {"messages": []},
    "a message that is text": {"messages": ["hello"]},
    "a message without a role": {"messages": [{"content": "hello"}]},
    "stream that is text": {"stream": "yes"},
    "a limit that is text": {"max_tokens": "many"},
    "a limit below one": {"max_tokens": -1},
    "tools that are text": {"tools": "all"},
}
MISSING = object()


def assert_refused(house: House, form: Form, heard: Heard, code: str, status: int = 400) -> None:
    """The error is the client's own, names the record, and the record says `refused`."""
    assert heard.status == status, heard.body
    error = form.error(heard)
    assert heard.record
    assert heard.record in str(error)
    assert heard.headers["request-id"] == heard.headers["x-request-id"] == heard.record
    record = house.record(heard.record)
    assert record["decision"]["effect"] == "refused"
    assert record["decision"]["reason"] == code
    assert record["decision"]["boundary"] == []
    assert record["attempts"] == []
    assert record["outcome"]["kind"] == "refused"
    assert record["outcome"]["status"] == status
    assert record["outcome"]["error"] == code


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_body_that_cannot_be_read_is_refused(house, form, raw) -> None:
    with house.nothing_sent():
        heard = house.ask(form, raw)
    assert_refused(house, form, heard, "malformed")
    assert isinstance(form.error(heard), REFUSED)
    assert heard.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_a_field_of_the_wrong_type_is_refused(house, form, change) -> None:
    body = {**form.body(), **change}
    with house.nothing_sent():
        heard = house.ask(form, body)
    assert_refused(house, form, heard, "malformed")
    assert isinstance(form.error(heard), REFUSED)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("field", ["model", "messages"])
def test_a_missing_field_is_named(house, form, field) -> None:
    body = form.body()
    del body[field]
    with house.nothing_sent():
        heard = house.ask(form, body)
    assert_refused(house, form, heard, "malformed")
    assert (
        field in form.error(heard).body["error"]["message"]
        if form is ANTHROPIC
        else field in str(form.error(heard))
    )


def test_an_anthropic_request_without_a_limit_is_refused(house) -> None:
    body = ANTHROPIC.body()
    del body["max_tokens"]
    heard = house.ask(ANTHROPIC, body)
    assert_refused(house, ANTHROPIC, heard, "malformed")
    assert "max_tokens" in str(ANTHROPIC.error(heard))


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_an_unknown_model_is_answered_with_those_that_may_be_asked(house, form) -> None:
    with house.nothing_sent():
        heard = house.ask(form, form.body(model="canary-model"))
    assert_refused(house, form, heard, "model_not_found", 404)
    error = form.error(heard)
    assert isinstance(error, openai.NotFoundError | anthropic.NotFoundError)
    for name in ("code", "pair", "cloud-model", "home-model"):
        assert name in str(error)
    assert "canary" not in str(error)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_05_a_model_in_other_letters_is_no_model(house, form) -> None:
    for name in ("\u0441ode", "\uff43ode", "co\u200bde", "Code", "code ", "home:home-model\u202e"):
        with house.nothing_sent():
            assert_refused(
                house, form, house.ask(form, form.body(model=name)), "model_not_found", 404
            )


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_name_never_creates_an_offering(house, form) -> None:
    for name in (
        "home:other-model",
        "http://127.0.1.1/",
        "home-model@eu",
        "cloud:",
        ":",
        "a" * 5000,
    ):
        with house.nothing_sent():
            assert_refused(
                house, form, house.ask(form, form.body(model=name)), "model_not_found", 404
            )


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(
    "media",
    ["text/plain", "multipart/form-data; boundary=x", "", "application/json; charset=utf-16"],
)
def test_another_content_type_is_not_read(house, form, media) -> None:
    raw = msgspec.json.encode(form.body())
    fields = (form.key(house.gateway.keys["website"]), ("content-type", media))
    with house.nothing_sent():
        heard = ask(house.url, request("POST", form.path, raw, fields))
    assert_refused(house, form, heard, "unsupported_media", 415)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_no_content_type_is_not_read(house, form) -> None:
    fields = (form.key(house.gateway.keys["website"]),)
    with house.nothing_sent():
        heard = ask(house.url, request("POST", form.path, b"{}", fields))
    assert_refused(house, form, heard, "unsupported_media", 415)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate, gzip", "identity, gzip"])
def test_adv_19_an_encoded_body_is_not_read(house, form, encoding) -> None:
    with house.nothing_sent():
        heard = house.ask(form, b"\x1f\x8b" + bytes(100), fields=(("content-encoding", encoding),))
    assert_refused(house, form, heard, "unsupported_media", 415)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_two_content_types_are_refused_and_recorded(house, form) -> None:
    with house.nothing_sent():
        heard = house.ask(form, form.body(), fields=(("content-type", "text/plain"),))
    assert_refused(house, form, heard, "unsupported_media", 415)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_19_length_and_chunks_together_are_no_request(house, form) -> None:
    raw = msgspec.json.encode(form.body())
    fields = (JSON, form.key(house.gateway.keys["website"]), ("transfer-encoding", "chunked"))
    with house.nothing_sent():
        heard = ask(house.url, request("POST", form.path, raw, fields))
    assert heard.status == 400


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_chunked_body_is_read(house, form) -> None:
    raw = msgspec.json.encode(form.body())
    parts = [raw[at : at + 7] for at in range(0, len(raw), 7)]
    fields = (JSON, form.key(house.gateway.keys["website"]), ("transfer-encoding", "chunked"))
    heard = ask(house.url, request("POST", form.path, None, fields) + chunked(parts))
    assert heard.status == 200
    assert house.record(heard.record)["outcome"]["kind"] == "completed"


@pytest.mark.parametrize("form", [OPENAI, ANTHROPIC], ids=str)
def test_the_words_of_a_bad_body_are_not_repeated(house, form) -> None:
    for raw in (b'{"canary-key":1,"canary-key":2}', b'{"model":"canary-word', b"canary-text"):
        heard = house.ask(form, raw)
        assert heard.status == 400
        assert b"canary" not in heard.body
