"""The whole gateway, killed under load again and again: what a client saw stands in the ledger."""

import os
import random
import threading
import time
from contextlib import ExitStack

import pytest

from gateway.audit.record import Settled
from tests.doubles.gateway_folders import Template, started
from tests.doubles.ledger_sight import ids_of, records, verified
from tests.doubles.raw_http import Gone, Line
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.scripted_engine import scripted_engine
from tests.doubles.serving_house import FORMS, OPENAI, House

KILLS = 6
KILLS_OF_THE_LOOP = int(os.environ.get("PERIMETER_KILLS", "500"))
SEED = 20261121
CLIENTS = 6
STARTING_EVERY = 5
ENGINES = {"cloud": ("scripted", "127.0.2.1", "frontier"), "home": ("vllm", "127.0.1.1", "on_prem")}
TASKS = "code: [cloud-model, home-model]\n"
LOST = (Gone, OSError, ValueError, IndexError)


class Clients:
    """Clients that ask without pause and note every record that they were told of."""

    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._seed = seed
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self.told: list[str] = []
        self.answered = 0

    def start(self) -> None:
        self._ended.clear()
        self._threads = [
            threading.Thread(target=self._ask, args=(self._seed + number,))
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        self._seed += CLIENTS

    def _ask(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a load, not a secret
        while not self._ended.is_set():
            form = chance.choice(FORMS)
            repo = chance.choice(["website", "payments", "unbound"])
            body = chance.choice(
                [
                    form.body(),
                    form.body("mock:status=500"),
                    form.body("mock:drip=3 mock:words=20", "home-model", stream=True),
                    form.body(stream=True),
                    form.body(model="nothing"),
                    b"{",
                ]
            )
            try:
                self._one(self._house.request(form, body, repo))
            except LOST:
                time.sleep(0.005)

    def _one(self, data: bytes) -> None:
        with Line(self._house.url) as line:
            line.send(data)
            status, headers = line.head()
            if "x-perimeter-record" in headers:
                self.told.append(headers["x-perimeter-record"])
            if status == 200 and headers.get("transfer-encoding") == "chunked":
                list(line.chunks())
            self.answered += 1


def killed(gateway: RunningGateway) -> None:
    assert gateway.process is not None
    gateway.process.kill()
    gateway.process.wait(20)
    assert gateway.process.stdout is not None
    gateway.process.stdout.close()


def _killed_while_starting(gateway: RunningGateway, seconds: float) -> None:
    """Kill the process some time after its start, wherever it is then."""

    def kill() -> None:
        if gateway.process is not None:
            gateway.process.kill()

    timer = threading.Timer(seconds, kill)
    gateway.process = None
    timer.start()
    try:
        gateway.start(wait=False)
    except AssertionError:
        pass
    finally:
        timer.join()
        killed(gateway)


def assert_each_kill_keeps_what_was_told(house: House, kills: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    clients = Clients(house, seed)
    gateway = house.gateway
    for number in range(1, kills + 1):
        if number % STARTING_EVERY == 0:
            _killed_while_starting(gateway, chance.uniform(0.05, 1.5))
        else:
            gateway.start()
            before = clients.answered
            clients.start()
            time.sleep(chance.uniform(0.02, 0.5))
            while clients.answered < before + CLIENTS:
                time.sleep(0.005)
            killed(gateway)
            clients.stop()
        verified(gateway)
        missing = set(clients.told) - ids_of(gateway, "decided")
        assert not missing, f"kill {number} of seed {seed}: {missing}"
    assert len(clients.told) > kills
    assert len(set(clients.told)) == len(clients.told)


def assert_every_orphan_is_settled(house: House) -> None:
    gateway = house.gateway
    orphans = ids_of(gateway, "decided") - ids_of(gateway, "settled")
    with started(gateway):
        lost = {
            one.id for one in records(gateway) if isinstance(one, Settled) and one.outcome == "lost"
        }
        assert orphans <= lost
        assert house.ask(OPENAI, OPENAI.body()).status == 200
        assert gateway.stop() == 0
    report = verified(gateway)
    assert report.open == 0
    assert report.unsealed == 0
    assert report.lost >= max(1, len(orphans)), "no kill hit a request on its way"
    assert ids_of(gateway, "attempted") <= ids_of(gateway, "decided") == ids_of(gateway, "settled")


@pytest.fixture
def house(tmp_path):
    with ExitStack() as stack:
        engines = {
            name: stack.enter_context(scripted_engine(name=name, host=host))
            for name, (_, host, _) in ENGINES.items()
        }
        (tmp_path / "template").mkdir()
        backends = {
            name: (kind, engines[name].url, zone) for name, (kind, _, zone) in ENGINES.items()
        }
        template = Template(tmp_path / "template")
        gateway = template.copy(tmp_path / "node", backends, tasks=TASKS)
        yield House(gateway, engines)
        if gateway.process is not None and gateway.process.poll() is None:
            killed(gateway)


def test_a_few_kills_under_load_lose_nothing_that_was_told(house) -> None:
    assert_each_kill_keeps_what_was_told(house, KILLS, SEED)
    assert_every_orphan_is_settled(house)


@pytest.mark.faults
def test_many_kills_under_load_lose_nothing_that_was_told(house) -> None:
    assert_each_kill_keeps_what_was_told(house, KILLS_OF_THE_LOOP, SEED + 1)
    assert_every_orphan_is_settled(house)
