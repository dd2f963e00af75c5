"""Every shell command of the README is run, in order, in one shell."""

import re
from pathlib import Path

from tests.doubles.pages import followed, shell_blocks

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# WHY: `make test` is what runs this test.
RUNS_ITSELF = {"make test\n"}
DEMO = "/tmp/perimeter-demo"  # noqa: S108 - as the README says it


def test_the_readme_can_be_followed_from_top_to_bottom(tmp_path: Path) -> None:
    blocks = [block for block in shell_blocks(README) if block not in RUNS_ITSELF]
    assert len(blocks) >= 6
    told = followed(blocks, DEMO, tmp_path / "demo")
    assert '"content":"frontier: ' in told
    assert "The label is restricted." in told
    assert "the same decision" in told
    assert told.count("whole: demo/gateway") >= 3
    assert "cases hold" in told


def test_the_policy_of_the_readme_is_the_policy_of_the_demo() -> None:
    shown = YAML.search(README.read_text())
    assert shown is not None
    demo = (ROOT / "policies" / "demo" / "policy.yaml").read_text()
    for line in shown[1].splitlines():
        assert line in demo
