"""Every shell command of the page of policy tools is run, in order, in one shell."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "policy-tools.md").read_text()
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDER = "/tmp/perimeter-tools"  # noqa: S108 - as the page says it


def test_the_page_can_be_followed_from_top_to_bottom(tmp_path: Path) -> None:
    blocks = SHELL.findall(PAGE)
    assert len(blocks) == 8
    script = "\n".join(blocks).replace(FOLDER, str(tmp_path / "tools"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "set -m\n" + script],
        cwd=ROOT,
        env={**os.environ, "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "4 of 4 rules are exercised" in done.stdout
    assert re.search(r"restricted\+pii +frontier +\S+ +no: clearance", done.stdout)
    assert "3 of 3 invariants hold" in done.stdout
    assert "0 would change" in done.stdout
    assert "would have a narrower boundary" in done.stdout
    assert "Not in zone frontier: clearance." in done.stdout
    assert re.search(r"\"sent\":false,.*\"zones\":{\"frontier\":\"clearance\"", done.stdout)


def test_every_worked_example_stands_on_the_page() -> None:
    folders = sorted(one.name for one in (ROOT / "policies").iterdir() if one.is_dir())
    assert [name for name in folders if f"`{name}`" not in PAGE] == []
