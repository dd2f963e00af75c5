"""Engines that misbehave: the client hears it in its own form, the record holds every attempt."""

import anthropic
import msgspec
import openai
import pytest

from tests.doubles.raw_http import Heard
from tests.doubles.serving_house import ANTHROPIC, FORMS, OPENAI, Form, House

ENGINES = ["cloud-model", "home-model", "local-model"]
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
FORM = pytest.mark.parametrize("form", FORMS, ids=str)
ENGINE = pytest.mark.parametrize("model", ENGINES)
FAILED = (openai.InternalServerError, anthropic.InternalServerError)
REJECTED = (openai.BadRequestError, anthropic.BadRequestError)


def _ask(house: House, form: Form, text: str, model: str, stream: bool) -> Heard:
    return house.ask(form, form.body(text, model, stream=stream))


def assert_failed(house: House, heard: Heard, kinds: list[str], status: int) -> None:
    """The record holds every attempt, how it failed, and the end."""
    record = house.record(heard.record)
    assert record["decision"]["effect"] == "permit"
    assert record["outcome"]["kind"] == "failed"
    assert record["outcome"]["status"] == status
    assert [one["failure"] for one in record["outcome"]["tried"]] == kinds
    assert [one["number"] for one in record["attempts"]] == list(range(1, len(kinds) + 1))
    assert record["outcome"]["served_by"] is None


@FORM
@ENGINE
@BOTH
@pytest.mark.parametrize(
    "failing",
    [
        ("mock:status=500", ["unreadable"]),
        ("mock:status=401", ["unreadable"]),
        ("mock:status=404", ["unreadable"]),
        ("mock:status=302", ["unreadable"]),
        ("mock:status=429 mock:retry-after=0", ["rate_limited"] * 2),
        ("mock:status=429 mock:retry-after=60", ["rate_limited"]),
        ("mock:status=503 mock:retry-after=0", ["overloaded"] * 2),
        ("mock:html", ["unreadable"]),
        ("mock:garbage", ["unreadable"]),
    ],
)
def test_an_engine_that_cannot_answer_is_a_502(house, form, model, stream, failing) -> None:
    behaviour, kinds = failing
    heard = _ask(house, form, behaviour, model, stream)
    assert heard.status == 502, heard.body
    error = form.error(heard)
    assert isinstance(error, FAILED)
    assert heard.record in str(error)
    assert "scripted engine" not in str(error)
    assert_failed(house, heard, kinds, 502)


def test_the_wait_that_an_engine_asks_for_is_kept_and_passed_on(house) -> None:
    heard = _ask(house, OPENAI, "mock:status=429", "home-model", stream=False)
    assert heard.status == 502
    assert heard.headers["retry-after"] == "1"
    assert_failed(house, heard, ["rate_limited"] * 2, 502)


@FORM
@ENGINE
@BOTH
@pytest.mark.parametrize("behaviour", ["mock:status=400", "mock:status=422"])
def test_a_request_that_the_engine_rejects_is_told_once_in_its_words(
    house, form, model, stream, behaviour
) -> None:
    heard = _ask(house, form, behaviour, model, stream)
    assert heard.status == 400
    assert isinstance(form.error(heard), REJECTED)
    assert "the scripted engine refuses" in str(form.error(heard))
    assert heard.headers["x-should-retry"] == "false"
    assert_failed(house, heard, ["rejected"], 400)


@FORM
@ENGINE
@BOTH
def test_a_prompt_that_is_too_long_is_told_as_such(house, form, model, stream) -> None:
    heard = _ask(house, form, "mock:context", model, stream)
    assert heard.status == 400
    assert isinstance(form.error(heard), REJECTED)
    assert_failed(house, heard, ["context_exceeded"], 400)


@FORM
@ENGINE
@pytest.mark.parametrize(
    ("behaviour", "kind"), [("mock:cut=0", "cut_short"), ("mock:break=0", "unreadable")]
)
def test_a_stream_that_breaks_before_its_first_word_is_an_error_of_its_own(
    house, form, model, behaviour, kind
) -> None:
    heard = _ask(house, form, behaviour, model, stream=True)
    assert heard.status in {502, 503}, heard.body
    assert isinstance(form.error(heard), FAILED)
    record = house.record(heard.record)
    assert record["outcome"]["tried"][0]["failure"] in {kind, "overloaded"}


@FORM
@ENGINE
@pytest.mark.parametrize("behaviour", ["mock:cut=4", "mock:break=4 mock:drip=10"])
def test_a_stream_that_breaks_after_its_first_word_ends_with_an_error(
    house, form, model, behaviour
) -> None:
    heard = _ask(house, form, f"{behaviour} mock:words=30", model, stream=True)
    assert heard.status == 200
    assert b"[DONE]" not in heard.body
    assert b"message_stop" not in heard.body
    last = heard.body.rstrip().rsplit(b"data: ", 1)[1]
    error = msgspec.json.decode(last)["error"]
    assert heard.record in error["message"]
    record = house.record(heard.record)
    assert record["outcome"]["kind"] == "failed"
    assert record["outcome"]["status"] == 200
    assert len(record["attempts"]) == 1


@ENGINE
def test_the_clients_raise_on_a_broken_stream(house, model) -> None:
    url, key = house.url, house.gateway.keys["website"]
    messages = [{"role": "user", "content": "mock:cut=4 mock:drip=10 mock:words=30"}]
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=20)
    with pytest.raises(openai.APIError):
        for _ in client.chat.completions.create(model=model, messages=messages, stream=True):
            pass
    other = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=20)
    with (
        pytest.raises(anthropic.APIStatusError),
        other.messages.stream(model=model, max_tokens=64, messages=messages) as events,
    ):
        for _ in events:
            pass


@FORM
@ENGINE
def test_a_slow_stream_is_complete(house, form, model) -> None:
    heard = _ask(house, form, "mock:drip=5 mock:words=20", model, stream=True)
    assert heard.status == 200
    assert (b"[DONE]" if form is OPENAI else b"message_stop") in heard.body
    assert house.record(heard.record)["outcome"]["kind"] == "completed"


@pytest.mark.parametrize(
    ("form", "stream", "model"),
    [
        (OPENAI, False, "spent-1-model"),
        (ANTHROPIC, True, "spent-2-model"),
    ],
    ids=str,
)
def test_an_engine_that_never_answers_is_a_504(house, form, stream, model) -> None:
    heard = _ask(house, form, "mock:hang", model, stream)
    assert heard.status == 504
    assert isinstance(form.error(heard), FAILED)
    assert_failed(house, heard, ["timed_out"], 504)
    again = _ask(house, form, "hello", model, stream)
    assert again.status == 503
    assert again.headers["retry-after"] == "5"
    assert house.record(again.record)["attempts"] == []


def test_an_engine_that_stops_in_its_reply_is_a_504(house) -> None:
    heard = _ask(house, OPENAI, "mock:drip=4000", "spent-3-model", stream=True)
    assert heard.status == 504
    assert_failed(house, heard, ["timed_out"], 504)


@FORM
@ENGINE
@BOTH
def test_no_header_of_an_engine_reaches_the_client(house, form, model, stream) -> None:
    """The scripted engine marks every reply; nobody hears of it."""
    heard = _ask(house, form, "hello", model, stream)
    assert heard.status == 200
    known = {
        "cache-control",
        "content-length",
        "content-type",
        "date",
        "request-id",
        "transfer-encoding",
        "x-accel-buffering",
        "x-perimeter-lost",
        "x-perimeter-record",
        "x-request-id",
    }
    assert set(heard.headers) <= known


@FORM
def test_an_engine_that_is_down_is_a_503_and_nothing_is_tried(house, form) -> None:
    with house.nothing_sent():
        heard = _ask(house, form, "hello", "down-model", stream=False)
    assert heard.status == 503
    assert heard.headers["retry-after"] == "5"
    assert isinstance(form.error(heard), FAILED)
    record = house.record(heard.record)
    assert record["decision"]["effect"] == "permit"
    assert record["excluded"] == {"down-model@down": "resting"}
    assert record["outcome"]["error"] == "no_healthy_backend"


@FORM
def test_an_engine_that_hangs_up_is_a_502(house, form) -> None:
    model = "spent-4-model" if form is OPENAI else "spent-5-model"
    heard = _ask(house, form, "mock:cut", model, stream=False)
    assert heard.status == 502
    assert_failed(house, heard, ["unreachable"], 502)
