"""Durable before sent, as the kernel saw it: a traced run of the whole gateway."""

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.doubles.gateway_folders import started
from tests.doubles.serving_house import FORMS, OPENAI, Form, House, until
from tests.serving.conftest import TASKS, backends_of

CALLS = "fdatasync,connect,sendto,sendmsg,write,writev"
TEXT_BYTES_MAX = 8192
CALL = re.compile(r"^(?P<pid>\d+) +\d+\.\d+ (?P<name>[a-z]+)\((?P<fd>\d+)<(?P<place>.*?)>[,) ]")
RESUMED = re.compile(r"^(?P<pid>\d+) +\d+\.\d+ <\.\.\. fdatasync resumed>\) += 0")
PORT = re.compile(r"htons\((\d+)\)")


class Traced:
    """The system calls of a gateway, in their order."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()

    def first(self, *parts: str, name: str, after: int = 0) -> int:
        """Return the line of the first call of that name that shows all the parts."""
        for at in range(after, len(self.lines)):
            found = CALL.match(self.lines[at])
            if found and found["name"] in name and all(one in self.lines[at] for one in parts):
                return at
        raise AssertionError(f"no {name} with {parts} after line {after}")

    def synced(self, after: int) -> int:
        """Return the line in which the next fdatasync of the journal returned."""
        begun: set[str] = set()
        for at in range(after, len(self.lines)):
            line = self.lines[at]
            found = CALL.match(line)
            if found and found["name"] == "fdatasync" and ".seg" in found["place"]:
                if line.endswith("= 0"):
                    return at
                begun.add(found["pid"])
            resumed = RESUMED.match(line)
            if resumed and resumed["pid"] in begun:
                return at
        raise AssertionError(f"no fdatasync after line {after}")

    def connected(self, port: int, sent: int, after: int) -> int | None:
        """Return the line of the connect that the call `sent` used, if it came after `after`."""
        wanted = CALL.match(self.lines[sent])
        assert wanted is not None
        for at in range(sent - 1, after, -1):
            found = CALL.match(self.lines[at])
            told = PORT.search(self.lines[at])
            if found and found["name"] == "connect" and found["fd"] == wanted["fd"]:
                return at if told and int(told[1]) == port else None
        return None


def _strace() -> str:
    found = shutil.which("strace")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("CI provides strace, and it is not here")
    if found is None:
        pytest.skip("strace is not here: the order of system calls cannot be seen")
    return found


@pytest.fixture(scope="module")
def traced(template, engines, tmp_path_factory):
    folder = tmp_path_factory.mktemp("traced")
    gateway = template.copy(folder, backends_of(engines), tasks=TASKS)
    options = ["-f", "-ttt", "-yy", "-s", str(TEXT_BYTES_MAX), "-e", f"trace={CALLS}"]
    with started(gateway, _strace(), *options, "-o", str(folder / "trace")):
        yield House(gateway, engines)


def _trace(house: House) -> Path:
    return house.gateway.folder / "trace"


def _traced(house: House, form: Form, model: str, *, stream: bool) -> tuple[str, Traced]:
    """Ask once; return the record and the calls that were made since."""
    before = _trace(house).stat().st_size
    heard = house.ask(form, form.body(model=model, stream=stream))
    assert heard.status == 200
    house.record(heard.record)
    settled = f'{heard.record}\\",'
    until(lambda: settled in _since(house, before) and "settled" in _since(house, before), "trace")
    return heard.record, Traced(_since(house, before))


def _since(house: House, offset: int) -> str:
    with _trace(house).open(errors="replace") as file:
        file.seek(offset)
        return file.read()


def assert_durable_first(house: House, calls: Traced, record: str, engine: str, number: int) -> int:
    """The attempt is written, then synced, then sent; returns where it was sent."""
    port = house.engines[engine].port
    written = calls.first(record, "attempted", f'\\"number\\":{number}', ".seg", name="write")
    synced = calls.synced(written)
    sent = calls.first("POST /", f":{port}]", name="write writev sendmsg sendto")
    assert written < synced < sent
    connected = calls.connected(port, sent, 0)
    assert connected is None or connected > synced
    return sent


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("engine", ["cloud", "home", "local"])
def test_fdatasync_returned_before_the_first_byte_left(traced, form, stream, engine) -> None:
    record, calls = _traced(traced, form, f"{engine}-model", stream=stream)
    decided = calls.first(record, "decided", ".seg", name="write")
    sent = assert_durable_first(traced, calls, record, engine, 1)
    assert decided < calls.synced(decided) < sent


def test_each_further_attempt_is_durable_before_its_own_first_byte(traced) -> None:
    traced.engines["home"].behave("status=500")
    record, calls = _traced(traced, OPENAI, "pair", stream=False)
    first = assert_durable_first(traced, calls, record, "home", 1)
    second = assert_durable_first(traced, calls, record, "spare", 2)
    assert first < second


def test_a_refused_request_is_durable_before_its_answer(traced) -> None:
    before = _trace(traced).stat().st_size
    with traced.nothing_sent():
        heard = traced.ask(OPENAI, OPENAI.body(model="cloud-model"), "payments")
    assert heard.status == 400
    until(lambda: "HTTP/1.1 400" in _since(traced, before), "the answer in the trace")
    calls = Traced(_since(traced, before))
    written = calls.first(heard.record, "decided", "settled", ".seg", name="write")
    told = calls.first("HTTP/1.1 400", name="write writev sendmsg sendto")
    assert written < calls.synced(written) < told
