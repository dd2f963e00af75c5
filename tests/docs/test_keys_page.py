"""What the page of keys shows can be read as it stands."""

import re
from pathlib import Path

from gateway.config.files import load_text
from gateway.config.node import read_settings
from gateway.domain.errors import Problem
from gateway.identity.keyfile import read_keys

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "keys.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_shown_files_are_right() -> None:
    keys, node = BLOCKS
    entry = read_keys(load_text(keys, "keys.yaml")).entry("robot-1")
    assert entry is not None
    assert entry.generation == 1
    problems: list[Problem] = []
    settings = read_settings(load_text(node, "perimeter.yaml"), Path("/node"), problems)
    assert problems == []
    assert settings is not None
    assert settings.listeners.data.anonymous is not None
