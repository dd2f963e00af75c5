"""Clients that leave, and clients that read slowly: the engine's work follows them."""

import time
from pathlib import Path

import anthropic
import openai
import pytest

from tests.doubles.gateway_folders import started
from tests.doubles.ledger_sight import ids_of
from tests.doubles.raw_http import Line
from tests.doubles.serving_house import FORMS, OPENAI, House, until
from tests.serving.conftest import TASKS, backends_of

FORM = pytest.mark.parametrize("form", FORMS, ids=str)
ENGINE = pytest.mark.parametrize("engine", ["cloud", "home", "local"])
SLOW = "mock:drip=40 mock:words=200"
# WHY: the gateway looks at its keys, its policy and its inbox several times a second.
STILL_BYTES_MAX = 4 * 1024
STILL_S = 0.4
GROWTH_BYTES_MAX = 10 * 1024 * 1024


@pytest.fixture(scope="module")
def house(template, engines, tmp_path_factory):
    """A gateway that is more patient with its engines than its clients are."""
    gateway = template.copy(tmp_path_factory.mktemp("patient"), backends_of(engines), tasks=TASKS)
    with started(gateway):
        yield House(gateway, engines)


def _working(house: House, engine: str) -> int:
    return house.engines[engine].engine.working


def _decided(house: House) -> set[str]:
    return ids_of(house.gateway, "decided")


def assert_cancelled(house: House, record_id: str, status: int | None) -> None:
    record = house.record(record_id)
    assert record["outcome"]["kind"] == "cancelled"
    assert record["outcome"]["error"] == "client_gone"
    assert record["outcome"]["status"] == status
    assert [one["outcome"] for one in record["outcome"]["tried"]][-1:] == ["cancelled"]


@FORM
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_before_the_first_word_ends_the_work(house, form, stream, how) -> None:
    known = _decided(house)
    line = house.line()
    line.send(house.request(form, form.body("mock:hang", "spent-0-model", stream=stream)))
    until(lambda: _working(house, "home") == 1, "the engine at work")
    getattr(line, how)()
    until(lambda: _working(house, "home") == 0, "the engine idle")
    (record_id,) = _decided(house) - known
    assert_cancelled(house, record_id, None)


@FORM
@ENGINE
def test_a_client_that_leaves_during_the_stream_ends_the_work(house, form, engine) -> None:
    line = house.line()
    line.send(house.request(form, form.body(SLOW, f"{engine}-model", stream=True)))
    status, headers = line.head()
    assert status == 200
    chunks = line.chunks()
    assert next(chunks)
    assert _working(house, engine) == 1
    line.close()
    until(lambda: _working(house, engine) == 0, "the engine idle")
    assert_cancelled(house, headers["x-perimeter-record"], 200)


@FORM
def test_a_client_that_leaves_right_after_the_head_ends_the_work(house, form) -> None:
    line = house.line()
    line.send(house.request(form, form.body(SLOW, "home-model", stream=True)))
    _, headers = line.head()
    line.reset()
    until(lambda: _working(house, "home") == 0, "the engine idle")
    assert_cancelled(house, headers["x-perimeter-record"], 200)


@FORM
def test_a_client_that_leaves_after_the_end_got_everything(house, form) -> None:
    for stream in (False, True):
        with house.line() as line:
            line.send(house.request(form, form.body(stream=stream)))
            heard = line.hear()
        assert house.record(heard.record)["outcome"]["kind"] == "completed"


def test_a_client_that_leaves_with_a_second_request_waiting_ends_the_work(house) -> None:
    known = _decided(house)
    line = house.line()
    first = house.request(OPENAI, OPENAI.body(SLOW, "home-model", stream=True))
    line.send(first + house.request(OPENAI, OPENAI.body(SLOW, "spare-model", stream=True)))
    _, headers = line.head()
    line.reset()
    until(lambda: _working(house, "home") == 0, "the engine idle")
    assert_cancelled(house, headers["x-perimeter-record"], 200)
    assert _working(house, "spare") == 0
    assert len(_decided(house) - known) == 1


@FORM
def test_a_client_that_leaves_between_two_tries_ends_the_work(house, form) -> None:
    known = _decided(house)
    house.engines["home"].behave("status=429", "retry-after=2")
    before = house.prompts()["home"]
    line = house.line()
    line.send(house.request(form, form.body(model="home-model")))
    until(lambda: house.prompts()["home"] > before, "the engine asked")
    line.close()
    until(lambda: len(_decided(house) - known) == 1, "the record decided")
    (record_id,) = _decided(house) - known
    outcome = house.record(record_id)["outcome"]
    assert outcome["kind"] == "cancelled"
    assert len(outcome["tried"]) == 1
    assert house.prompts()["home"] == before + 1


def test_the_clients_end_the_work_when_they_close_their_stream(house) -> None:
    url, key = house.url, house.gateway.keys["website"]
    messages = [{"role": "user", "content": SLOW}]
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    stream = client.chat.completions.create(model="home-model", messages=messages, stream=True)
    next(iter(stream))
    stream.close()
    until(lambda: _working(house, "home") == 0, "the engine idle")
    other = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
    with other.messages.stream(model="home-model", max_tokens=64, messages=messages) as events:
        next(iter(events))
    until(lambda: _working(house, "home") == 0, "the engine idle")


def _rss(house: House) -> int:
    assert house.gateway.process is not None
    pages = int(Path(f"/proc/{house.gateway.process.pid}/statm").read_text().split()[1])
    return pages * 4096


def _read(house: House) -> int:
    assert house.gateway.process is not None
    lines = Path(f"/proc/{house.gateway.process.pid}/io").read_text().splitlines()
    return int(lines[0].split()[1])


def _until_still(house: House) -> int:
    """Wait until the gateway reads no more but its own files; return how much it has read."""
    while True:
        before = _read(house)
        time.sleep(STILL_S)
        if _read(house) - before < STILL_BYTES_MAX:
            return before


def test_a_slow_reader_stops_the_reading_upstream_and_loses_nothing(house) -> None:
    at_rest, began = _rss(house), _read(house)
    with Line(house.url, small=True) as line:
        body = OPENAI.body("mock:words=100000", "home-model", stream=True)
        line.send(house.request(OPENAI, body))
        status, headers = line.head()
        assert status == 200, house.record(headers["x-perimeter-record"])
        still = _until_still(house)
        assert still - began > 1024 * 1024
        assert _working(house, "home") == 1
        assert _rss(house) - at_rest < GROWTH_BYTES_MAX
        heard = b"".join(line.chunks())
    assert len(heard) > still - began
    assert heard.endswith(b"data: [DONE]\n\n")
    assert heard.count(b"data: ") == 100_004
    until(lambda: _working(house, "home") == 0, "the engine idle")
    assert house.record(headers["x-perimeter-record"])["outcome"]["kind"] == "completed"


def test_a_slow_reader_that_leaves_ends_the_work(house) -> None:
    line = Line(house.url, small=True)
    body = OPENAI.body("mock:words=60000", "home-model", stream=True)
    line.send(house.request(OPENAI, body))
    _, headers = line.head()
    _until_still(house)
    line.reset()
    until(lambda: _working(house, "home") == 0, "the engine idle")
    assert_cancelled(house, headers["x-perimeter-record"], 200)
