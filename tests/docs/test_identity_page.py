"""What the page of identity shows can be read as it stands."""

import re
from pathlib import Path

import pytest

from gateway.config.files import load_text
from gateway.config.node import read_settings
from gateway.domain.errors import Problem

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "identity.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_shown_files_are_right(number) -> None:
    problems: list[Problem] = []
    text = load_text(BLOCKS[number], "perimeter.yaml")
    assert read_settings(text, Path("/node"), problems) is not None
    assert problems == []


def test_every_way_to_be_known_is_shown() -> None:
    for word in ("issuers:", "client_ca", "subject_header", "x-perimeter-on-behalf-of"):
        assert word in PAGE
