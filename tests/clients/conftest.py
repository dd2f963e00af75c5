"""One gateway for all clients, between two engines that do an agent's work.

Everything below this folder is marked `clients`, and runs where the only network is loopback. A
client that is not installed is skipped with the reason; where CI=true that is a failure.
"""

import os
from collections.abc import Iterator

import pytest

from tests.clients.agent_engine import AgentEngine
from tests.clients.alone import is_alone
from tests.clients.drivers import PLACE
from tests.clients.libraries import CLAUDE, CLAUDE_ABROAD, CONVERSED
from tests.doubles.gateway_folders import Template, command, started
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.scripted_engine import scripted_engine
from tests.doubles.serving_house import House

ORDER = "[cloud-model, local-model, home-model]"
# Each name once as a task that may go anywhere, once as one that no restricted request may.
NAMES = {"code": "code-abroad", CLAUDE: CLAUDE_ABROAD, CONVERSED: f"{CONVERSED}-abroad"}
TASKS = "".join(f"{name}: {ORDER}\n{abroad}: [cloud-model]\n" for name, abroad in NAMES.items())
NOBODY = ", anonymous: {team: desks, label: internal}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if item.nodeid.startswith("tests/clients/"):
            item.add_marker(pytest.mark.clients)


@pytest.fixture(scope="session", autouse=True)
def _ready() -> None:
    missing = "" if (PLACE / "installed").exists() else "the clients are not installed"
    if not missing and not is_alone():
        missing = "clients run where the only network is loopback"
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"{missing}: run `make clients`")
    if missing:
        pytest.skip(f"{missing}: run `make clients`")


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway between a cloud, whose dialects pass through, and two servers on the premises.

    Of these one is Ollama's, the other speaks Responses, too. The task `code` prefers the cloud,
    then Ollama. Who sends no credential at all is a caller here, too, and who signs.
    """
    template = Template(tmp_path_factory.mktemp("template"))
    with (
        scripted_engine(name="cloud", host="127.0.2.1", kind=AgentEngine) as cloud,
        scripted_engine(name="local", host="127.0.1.2", kind=AgentEngine) as local,
        scripted_engine(name="home", host="127.0.1.1", kind=AgentEngine) as home,
    ):
        backends = {
            "cloud": ("scripted", cloud.url, "frontier"),
            "local": ("ollama", local.url, "on_prem"),
            "home": ("vllm", home.url, "on_prem"),
        }
        gateway = template.copy(tmp_path_factory.mktemp("gateway"), backends, NOBODY, tasks=TASKS)
        for repo in ("website", "payments"):
            access_key(gateway, repo)
        with started(gateway):
            yield House(gateway, {"cloud": cloud, "local": local, "home": home})


def access_key(gateway: RunningGateway, repo: str) -> None:
    """Make the key of one who signs, as `signing-<repo>`: its name and its secret."""
    node = ("--node", str(gateway.node), "--subject", "robot@example.com", "--team", "web")
    printed = command("keys", "create", f"robot-{repo}", *node, "--repo", repo, "--sigv4")
    made = dict(line.split("=", 1) for line in printed.splitlines())
    pair = f"{made['AWS_ACCESS_KEY_ID']}:{made['AWS_SECRET_ACCESS_KEY']}"
    gateway.keys[f"signing-{repo}"] = pair
