"""Gateways that the tests of this folder share: each is one process, started once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from gateway.cli import serve
from tests.doubles.gateway_folders import Backends, Ran, Template, a_model, command, ran, started
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.scripted_engine import RunningEngine, scripted_engine
from tests.doubles.serving_house import House

ENGINES = {"cloud": "127.0.2.1", "home": "127.0.1.1", "spare": "127.0.1.3", "local": "127.0.1.2"}
KINDS = {
    "cloud": ("scripted", "frontier"),
    "home": ("vllm", "on_prem"),
    "spare": ("vllm", "on_prem"),
    "local": ("ollama", "on_prem"),
}
TASKS = """\
code: [cloud-model, home-model]
pair: [home-model, spare-model]
shy: [spent-0-model, spare-model]
"""
SPENT = 6
# WHY: nothing of the environment may choose where a prompt goes; no proxy listens there.
PROXIES = [f"{name}=http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")]
NARROW = (
    ", header_ms_max: 400, body_ms_max: 500, body_bytes_max: 100000, in_flight_max: 2,"
    " connections_per_peer_max: 6, keep_alive_ms: 1000, trusted_proxies: [127.0.0.9/32]"
)
WAITS = "timeouts: {connect_ms: 1000, first_byte_ms: 1000, idle_ms: 1000, drain_ms: 4000}"


def backends_of(engines: dict[str, RunningEngine]) -> Backends:
    """Return each engine as a backend of its kind, in its zone, and some that a test may use up.

    A backend that did not answer in time rests for a while: each such test has one of its own.
    """
    listed = {name: (KINDS[name][0], one.url, KINDS[name][1]) for name, one in engines.items()}
    home = listed["home"]
    down = {"down": ("vllm", "http://127.0.1.1:9", "on_prem")}
    return listed | {f"spent-{number}": home for number in range(SPENT)} | down


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def engines() -> Iterator[dict[str, RunningEngine]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(scripted_engine(name=name, host=host))
            for name, host in ENGINES.items()
        }


@pytest.fixture(scope="session")
def house(
    template: Template,
    engines: dict[str, RunningEngine],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """The gateway as it usually is; engines are given a second for their first byte."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "tmp").mkdir()
    gateway = template.copy(folder, backends_of(engines), more=WAITS, tasks=TASKS)
    with started(gateway, "env", f"TMPDIR={folder / 'tmp'}", *PROXIES, *map(str.lower, PROXIES)):
        yield House(gateway, engines)


@pytest.fixture(scope="session")
def narrow(
    template: Template,
    engines: dict[str, RunningEngine],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """A gateway with small limits, behind a trusted proxy at 127.0.0.9, that refuses with 403."""
    more = f"{WAITS}\nrefusal_status: 403"
    gateway = template.copy(
        tmp_path_factory.mktemp("narrow"), backends_of(engines), NARROW, more, TASKS
    )
    with started(gateway):
        yield House(gateway, engines)


@pytest.fixture(scope="session")
def every(
    template: Template,
    engines: dict[str, RunningEngine],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """A gateway whose engines chat, count, complete and embed."""
    tasks = f"{TASKS}vectors: [cloud-vectors, home-vectors]\n"
    gateway = template.copy(tmp_path_factory.mktemp("every"), backends_of(engines), tasks=tasks)
    catalog = gateway.folder / "models" / "catalog.yaml"
    more = "".join(a_model(name, "vectors", "embeddings") for name in KINDS if name != "spare")
    catalog.write_text(catalog.read_text() + more)
    node = ("--node", str(gateway.node), "--repo", "website", "--sigv4")
    who = ("--subject", "robot@example.com", "--team", "robot")
    gateway.keys["robot"] = command("keys", "create", "robot", *node, *who)
    with started(gateway):
        yield House(gateway, engines)


@pytest.fixture
def serve_here(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunningGateway], Ran]:
    """Return `perimeter serve` in this process, for nodes that cannot start.

    What would change this process for good is left out: logs, crash guards and core limits.
    """
    monkeypatch.setattr(serve, "configure_logs", lambda _: None)
    monkeypatch.setattr(serve, "guard_crashes", lambda: None)
    monkeypatch.setattr(serve, "leave_no_core", lambda: None)
    return lambda gateway: ran("serve", str(gateway.node))


@pytest.fixture(autouse=True)
def _engines_behave(engines: dict[str, RunningEngine]) -> Iterator[None]:
    yield
    for running in engines.values():
        running.behave()
