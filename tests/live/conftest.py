"""The engines and the gateway for the live tests: one of each for the whole session.

Everything below this folder is marked `live`. Without a vLLM it is skipped with the reason; on the
build server, where CI=true, that is a failure.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.live.node")

from tests.doubles.running_gateway import RunningGateway  # noqa: E402
from tests.doubles.scripted_engine import RunningEngine, scripted_engine  # noqa: E402
from tests.live import engine  # noqa: E402
from tests.live.node import Engines, running_node  # noqa: E402
from tests.live.overheard import Overheard, overheard  # noqa: E402

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as live, and judge the ledger when all have written to it."""
    for item in items:
        if item.nodeid.startswith("tests/live/"):
            item.add_marker(pytest.mark.live)
    items.sort(key=lambda item: item.path == HERE / "test_proof.py")


@pytest.fixture(scope="session")
def vllm_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engine.Engine]:
    """A healthy vLLM that serves `tiny-qwen3`."""
    reason = engine.missing()
    if reason is not None and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)
    log_path = tmp_path_factory.mktemp("vllm") / "engine.log"
    with engine.running_engine(engine.model_folder(), log_path) as running:
        yield running


@pytest.fixture(scope="session")
def post(vllm_engine: engine.Engine) -> Iterator[Overheard]:
    """A post in front of the vLLM that keeps a copy of everything."""
    with overheard(engine.HOST, vllm_engine.port) as running:
        yield running


@pytest.fixture(scope="session")
def frontier() -> Iterator[RunningEngine]:
    """A scripted engine in the place of a cloud."""
    with scripted_engine(name="frontier", host="127.0.2.1") as running:
        yield running


@pytest.fixture(scope="session")
def gateway(
    vllm_engine: engine.Engine,
    post: Overheard,
    frontier: RunningEngine,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningGateway]:
    """A gateway process between the engines."""
    folder = tmp_path_factory.mktemp("gateway")
    engines = Engines(vllm_engine.base_url, post.url, frontier.url)
    with running_node(folder, engines) as running:
        yield running
