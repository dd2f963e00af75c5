"""`perimeter demo`: the main job on embedded defaults, with scripted engines, from start to proof.

Rule 1: everything it makes is new, in a temporary folder, and gone afterwards.
Rule 2: it speaks to the gateway as a client would, over HTTP, and knows nothing else of it.
Rule 3: it succeeds only if every expectation held.
"""

import argparse
import tempfile
import time
from pathlib import Path

from gateway.cli.demo.scenes import play
from gateway.cli.demo.stage import Stage

FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument(
        "--policy", type=Path, default=Path("policies/demo"), help="the policy to show"
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when every expectation held and the ledger is whole."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perimeter-demo-") as folder:
        stage = Stage(Path(folder), arguments.policy.absolute())
        try:
            stage.start()
            failures = play(stage)
            failures += stage.finish()
        finally:
            stage.clear()
    for failure in failures:
        print(f"NOT AS EXPECTED: {failure}")
    print(
        f"{'failed' if failures else 'every expectation held'} ({time.monotonic() - began:.1f} s)"
    )
    return FAILED if failures else 0
