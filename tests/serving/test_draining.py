"""The gateway stops in good order: open streams end, nothing new begins, the ledger is whole."""

import signal
import threading
import time

import pytest

from tests.doubles.gateway_folders import started
from tests.doubles.ledger_sight import decided_count, verified
from tests.doubles.raw_http import Gone, ask, request
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.serving_house import FORMS, OPENAI, House, until
from tests.serving.conftest import TASKS, backends_of

MORE = "timeouts: {{first_byte_ms: 60000, drain_ms: {drain_ms}}}"
EXIT_S_MAX = 15


@pytest.fixture
def stopping(template, engines, tmp_path, request):
    more = MORE.format(drain_ms=request.param)
    gateway = template.copy(tmp_path / "node", backends_of(engines), more=more, tasks=TASKS)
    with started(gateway):
        yield House(gateway, engines)


def assert_stopped_whole(gateway: RunningGateway, lost: int = 0) -> None:
    assert gateway.process is not None
    assert gateway.process.wait(EXIT_S_MAX) == 0
    report = verified(gateway)
    assert (report.open, report.lost, report.unsealed, report.torn) == (0, lost, 0, False)
    assert '"event":"stopped"' in gateway.log.read_text()


def _stop(house: House, number: int = signal.SIGTERM) -> None:
    assert house.gateway.process is not None
    house.gateway.process.send_signal(number)


@pytest.mark.parametrize("stopping", [8000], indirect=True)
def test_a_second_gateway_is_refused_and_the_first_stops_in_good_order(stopping) -> None:
    house = stopping
    second = house.gateway.cli("serve", str(house.gateway.node))
    assert second.returncode == 2
    assert "another gateway writes this ledger" in second.stderr
    assert second.stdout == ""
    with house.line() as idle:
        idle.send(request("HEAD", "/"))
        assert idle.hear("HEAD").status == 200
        lines = [house.line() for _ in FORMS]
        for line, form in zip(lines, FORMS, strict=True):
            body = form.body("mock:drip=40 mock:words=35", "home-model", stream=True)
            line.send(house.request(form, body))
        heads = [line.head() for line in lines]
        assert [status for status, _ in heads] == [200, 200]
        _stop(house)
        assert idle.is_closed()
        until(lambda: _readiness(house) == 503, "not ready")
        told = ask(house.gateway.admin, request("GET", "/readyz"), "GET").json
        assert told["reasons"] == ["draining"]
        assert ask(house.gateway.admin, request("GET", "/livez"), "GET").status == 200
        refused = _asked_while_stopping(house)
        bodies = [b"".join(line.chunks()) for line in lines]
    assert b"[DONE]" in bodies[0]
    assert b"message_stop" in bodies[1]
    assert refused <= {503, None}
    assert None in refused
    assert_stopped_whole(house.gateway)


def _asked_while_stopping(house: House) -> set[int | None]:
    """Ask until the listener is gone; return the answers, None for a refused connection."""
    answers: set[int | None] = set()
    end = time.monotonic() + EXIT_S_MAX
    while None not in answers and time.monotonic() < end:
        try:
            with house.nothing_sent():
                answers.add(house.ask(OPENAI, OPENAI.body()).status)
        except (ConnectionError, Gone):
            answers.add(None)
    return answers


@pytest.mark.parametrize("stopping", [1000], indirect=True)
def test_what_does_not_end_in_time_is_cut_and_settled(stopping) -> None:
    house = stopping
    lines = []
    for form in FORMS:
        for text, stream in (("mock:hang", False), ("mock:drip=400 mock:words=90", True)):
            line = house.line()
            line.send(house.request(form, form.body(text, "home-model", stream=stream)))
            lines.append(line)
    until(lambda: house.engines["home"].engine.working == len(lines), "every request at work")
    _stop(house)
    until(lambda: house.engines["home"].engine.working == 0, "the engine idle")
    assert_stopped_whole(house.gateway)
    for line in lines:
        line.close()


def _readiness(house: House) -> int:
    return ask(house.gateway.admin, request("GET", "/readyz"), "GET").status


@pytest.mark.parametrize("stopping", [2000], indirect=True)
def test_many_clients_at_the_moment_of_the_stop_leave_nothing_open(stopping) -> None:
    house = stopping
    answers: list[int] = []

    def work() -> None:
        while True:
            try:
                answers.append(house.ask(OPENAI, OPENAI.body()).status)
            except (ConnectionError, Gone, ValueError):
                return

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    until(lambda: len(answers) > 30, "many answers")
    _stop(house)
    for thread in threads:
        thread.join(EXIT_S_MAX)
    assert set(answers) <= {200, 503}
    assert_stopped_whole(house.gateway)
    assert decided_count(house.gateway) >= len(answers)
    third = RunningGateway(house.gateway.folder)
    third.keys = house.gateway.keys
    with started(third):
        assert House(third, house.engines).ask(OPENAI, OPENAI.body()).status == 200
