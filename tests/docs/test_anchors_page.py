"""What the page of anchors shows can be read as it stands."""

import re
from pathlib import Path

from gateway.config.files import load_text
from gateway.config.node import read_settings
from gateway.domain.errors import Problem

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "anchors.md").read_text()


def test_the_shown_settings_are_right() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    node = f"version: 1\norigin: perimeter.example/gw-0\n{block}"
    problems: list[Problem] = []
    settings = read_settings(load_text(node, "perimeter.yaml"), Path("/node"), problems)
    assert problems == []
    assert settings is not None
    assert settings.anchors.witnesses["neighbour"].url == "https://witness.example"
    assert settings.anchors.object_locks["vault"].mode == "COMPLIANCE"
