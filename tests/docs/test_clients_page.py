"""The page about clients says what the tests do with them."""

from pathlib import Path

import msgspec
import pytest

from tests.clients.drivers import HERE, KNOWN, Client, Errand

PAGE = (HERE.parents[1] / "docs" / "clients.md").read_text()


@pytest.mark.parametrize("client", KNOWN, ids=str)
def test_every_variable_that_a_driven_client_is_given_stands_there(
    tmp_path: Path, client: Client
) -> None:
    call = client.call(Errand(tmp_path, "http://gateway:8080", "pmt_", "code", "prompt"))
    assert [name for name in call.environment if name not in PAGE] == []


def test_every_driven_version_stands_there() -> None:
    pins = msgspec.json.decode((HERE / "package.json").read_bytes())["dependencies"]
    aider = (HERE / "requirements.txt").read_text().partition("aider-chat==")[2].split()[0]
    assert [pin for pin in (*pins.values(), aider) if pin not in PAGE] == []
