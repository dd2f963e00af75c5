"""Every test of this folder is marked `netns`, and runs in a namespace where every packet is ours.

There is no skip: where such a namespace cannot be made, the tests fail.
"""

import socket
from collections.abc import Iterator

import pytest

from tests.doubles.gateway_folders import Template
from tests.netns.apart import is_apart


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if item.nodeid.startswith("tests/netns/"):
            item.add_marker(pytest.mark.netns)


@pytest.fixture(scope="session", autouse=True)
def _apart() -> Iterator[None]:
    assert is_apart(), "run make netns: it makes the namespace that these tests need"
    with pytest.MonkeyPatch.context() as patch:
        # WHY: a server of the standard library asks for its own name, and nobody answers here.
        patch.setattr(socket, "getfqdn", lambda name="": name)
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("template"))
