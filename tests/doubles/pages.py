"""The pages as a reader would follow them: every shell command, in order, in one shell."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# WHY: what a page has begun in the background would outlive a command of it that fails.
BEGINNING = """set -m
trap 'for one in $(jobs -p); do kill -- "-$one" 2>/dev/null || true; done' EXIT
"""
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shell_blocks(page: Path) -> list[str]:
    """The blocks of commands that a page has run."""
    return _SHELL.findall(page.read_text())


def followed(blocks: list[str], folder: str, place: Path, seconds_max: int = 180) -> str:
    """Run the blocks with `place` for the folder that they name; return what they printed."""
    script = "\n".join(blocks).replace(folder, str(place))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", BEGINNING + script],
        cwd=ROOT,
        env={**os.environ, "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=seconds_max,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
