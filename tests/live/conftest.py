"""The engine for the live tests: one server for the whole session.

Everything below this folder is marked `live`. Without an engine it is skipped with the reason;
on the build server, where CI=true, that is a failure.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import engine

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as live."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)


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
