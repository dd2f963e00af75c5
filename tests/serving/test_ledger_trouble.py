"""A ledger that cannot be written: nothing is sent, nothing is told that is not so, it recovers."""

import resource
import shutil
import signal

import anthropic
import openai
import pytest

from tests.doubles.gateway_folders import NOWHERE, started
from tests.doubles.ledger_sight import verified
from tests.doubles.raw_http import Heard, ask, request
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.serving_house import FORMS, OPENAI, Form, House, until
from tests.serving.conftest import TASKS, backends_of

FAILED = (openai.InternalServerError, anthropic.InternalServerError)
BAD = {"an answer": {}, "a stream": {"stream": True}, "an unknown model": {"model": "nothing"}}


@pytest.fixture(scope="module")
def troubled(template, engines, tmp_path_factory):
    folder = tmp_path_factory.mktemp("troubled")
    gateway = template.copy(folder, backends_of(engines), tasks=TASKS)
    with started(gateway):
        yield House(gateway, engines)


class Full:
    """While it lasts, no file of the process can grow: every write fails, as on a full disk."""

    def __init__(self, house: House) -> None:
        assert house.gateway.process is not None
        self._pid = house.gateway.process.pid

    def __enter__(self) -> None:
        self._limit(1)

    def __exit__(self, *_: object) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _readiness(house: House) -> Heard:
    return ask(house.gateway.admin, request("GET", "/readyz"), "GET")


def assert_unavailable(form: Form, heard: Heard) -> None:
    assert heard.status == 503, heard.body
    assert isinstance(form.error(heard), FAILED)
    assert heard.headers["retry-after"] == "5"
    assert not heard.record, "a record is named that nobody wrote"


def test_adv_75_on_a_full_disk_nothing_is_sent(troubled) -> None:
    made = troubled.ask(OPENAI, OPENAI.body())
    assert troubled.record(made.record)["outcome"]["kind"] == "completed"
    with Full(troubled):
        for form in FORMS:
            for body in (*(form.body() | more for more in BAD.values()), b"{"):
                with troubled.nothing_sent():
                    assert_unavailable(form, troubled.ask(form, body))
        until(lambda: _readiness(troubled).status == 503, "not ready")
        assert _readiness(troubled).json["reasons"] == ["ledger: ledger_unavailable"]
        assert ask(troubled.gateway.admin, request("GET", "/livez"), "GET").status == 200
        assert troubled.get("/v1/models").status == 200
    until(lambda: _readiness(troubled).status == 200, "ready again")
    for form in FORMS:
        heard = troubled.ask(form, form.body())
        assert heard.status == 200
        assert troubled.record(heard.record)["outcome"]["kind"] == "completed"
    report = verified(troubled.gateway)
    assert (report.open, report.lost) == (0, 0)


def test_the_first_request_of_a_person_on_a_full_disk_is_not_sent(troubled) -> None:
    with Full(troubled), troubled.nothing_sent():
        assert_unavailable(OPENAI, troubled.ask(OPENAI, OPENAI.body(), "unbound"))
    until(lambda: troubled.ask(OPENAI, OPENAI.body(), "unbound").status == 200, "an answer")
    verified(troubled.gateway)


def test_a_second_try_on_a_full_disk_is_not_made(troubled) -> None:
    """The first attempt stands in the ledger, so its record is named; the second is not sent."""
    troubled.engines["home"].behave("status=429", "retry-after=1")
    before = troubled.prompts()
    with troubled.line() as line:
        line.send(troubled.request(OPENAI, OPENAI.body(model="home-model")))
        until(lambda: troubled.prompts()["home"] > before["home"], "the first attempt")
        with Full(troubled):
            heard = line.hear()
    assert heard.status == 503
    assert heard.record
    assert troubled.prompts()["home"] == before["home"] + 1
    assert troubled.get(f"/v1/records/{heard.record}").json["attempts"] != []


def test_an_end_that_could_not_be_written_is_settled_as_lost_at_the_next_start(
    troubled,
) -> None:
    lost_before = verified(troubled.gateway).lost
    with troubled.line() as line:
        body = OPENAI.body("mock:drip=20 mock:words=20", "home-model", stream=True)
        line.send(troubled.request(OPENAI, body))
        _, headers = line.head()
        with Full(troubled):
            assert b"".join(line.chunks()).endswith(b"data: [DONE]\n\n")
            until(lambda: _readiness(troubled).status == 503, "the end not written")
    record_id = headers["x-perimeter-record"]
    until(lambda: _readiness(troubled).status == 200, "ready again")
    assert troubled.get(f"/v1/records/{record_id}").json["outcome"] is None
    assert troubled.gateway.stop(signal.SIGTERM) == 0
    troubled.gateway.start()
    assert troubled.record(record_id)["outcome"]["kind"] == "lost"
    assert verified(troubled.gateway).lost > lost_before


def _no_ledger(gateway: RunningGateway) -> None:
    shutil.rmtree(gateway.ledger)


def _no_key(gateway: RunningGateway) -> None:
    (gateway.folder / "data" / "signing.key").unlink()


def _no_store(gateway: RunningGateway) -> None:
    (gateway.folder / "data" / "checkpoints.sqlite").unlink()


def _no_subjects(gateway: RunningGateway) -> None:
    (gateway.folder / "data" / "subject_keys.sqlite").unlink()


def _changed(gateway: RunningGateway) -> None:
    last = max((gateway.ledger / "journal").iterdir())
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 1
    last.write_bytes(data)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_no_ledger, "there is no ledger at this place (perimeter ledger create makes one)"),
        (_no_key, "signing key"),
        (_no_store, "ledger cannot be opened"),
        (_no_subjects, "ledger cannot be opened"),
        (_changed, "journal"),
    ],
)
def test_a_gateway_without_its_ledger_does_not_start(
    template, tmp_path, serve_here, harm, said
) -> None:
    gateway = template.copy(tmp_path / "node", NOWHERE)
    harm(gateway)
    done = serve_here(gateway)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_a_process_without_its_ledger_ends_with_a_clear_word(template, tmp_path) -> None:
    gateway = template.copy(tmp_path / "node", NOWHERE)
    _no_ledger(gateway)
    done = gateway.cli("serve", str(gateway.node))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "there is no ledger at this place" in done.stderr
    assert done.stdout == ""
