"""Every shell command of the README is run, in order, in one shell; every link leads somewhere."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
# WHY: `make test` is what runs this test.
RUNS_ITSELF = {"make test\n"}
DEMO = "/tmp/perimeter-demo"  # noqa: S108 - as the README says it


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert dead == []


def test_the_readme_can_be_followed_from_top_to_bottom(tmp_path: Path) -> None:
    blocks = [block for block in SHELL.findall(PAGES[0].read_text()) if block not in RUNS_ITSELF]
    assert len(blocks) >= 6
    place = str(tmp_path / "demo")
    script = "\n".join(blocks).replace(DEMO, place)
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
    assert '"content":"frontier: ' in done.stdout
    assert "The label is restricted." in done.stdout
    assert "the same decision" in done.stdout
    assert done.stdout.count("whole: demo/gateway") >= 3
    assert "cases hold" in done.stdout


def test_the_policy_of_the_readme_is_the_policy_of_the_demo() -> None:
    shown = YAML.search(PAGES[0].read_text())
    assert shown is not None
    demo = (ROOT / "policies" / "demo" / "policy.yaml").read_text()
    for line in shown[1].splitlines():
        assert line in demo
