"""Every shell command of the page of policy tools is run, in order, in one shell."""

import re
from pathlib import Path

from tests.doubles.pages import followed, shell_blocks

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "policy-tools.md"
PAGE = FILE.read_text()
FOLDER = "/tmp/perimeter-tools"  # noqa: S108 - as the page says it


def test_the_page_can_be_followed_from_top_to_bottom(tmp_path: Path) -> None:
    blocks = shell_blocks(FILE)
    assert len(blocks) == 8
    told = followed(blocks, FOLDER, tmp_path / "tools")
    assert "4 of 4 rules are exercised" in told
    assert re.search(r"restricted\+pii +frontier +\S+ +no: clearance", told)
    assert "3 of 3 invariants hold" in told
    assert "0 would change" in told
    assert "would have a narrower boundary" in told
    assert "Not in zone frontier: clearance." in told
    assert re.search(r"\"sent\":false,.*\"zones\":{\"frontier\":\"clearance\"", told)


def test_every_worked_example_stands_on_the_page() -> None:
    folders = sorted(one.name for one in (ROOT / "policies").iterdir() if one.is_dir())
    assert [name for name in folders if f"`{name}`" not in PAGE] == []
