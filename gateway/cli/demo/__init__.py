"""`perimeter demo`: the main job on embedded defaults, with scripted engines, from start to proof.

Rule 1: everything it makes is new, in a temporary folder, and gone afterwards.
Rule 2: it speaks to the gateway as a client would, over HTTP, and knows nothing else of it.
Rule 3: it succeeds only if every expectation held.
"""

import argparse
import signal
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
    parser.add_argument(
        "--stay",
        type=Path,
        metavar="FOLDER",
        help="keep the gateway running with its files in a new folder, until SIGINT or SIGTERM; "
        "FOLDER/env tells addresses and keys",
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when every expectation held and the ledger is whole."""
    policy = arguments.policy.absolute()
    if arguments.stay is not None:
        arguments.stay.mkdir(mode=0o700)
        return _told(_stay(Stage(arguments.stay.absolute(), policy)))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perimeter-demo-") as folder:
        failures = _show(Stage(Path(folder), policy))
    print(f"{time.monotonic() - began:.1f} s")
    return _told(failures)


def _show(stage: Stage) -> list[str]:
    """Play the six requests."""
    try:
        stage.start()
        return [*play(stage), *stage.finish()]
    finally:
        stage.clear()


def _stay(stage: Stage) -> list[str]:
    """Run until a signal comes."""
    try:
        signals = {signal.SIGINT, signal.SIGTERM}
        stage.start()
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        stage.write_environment()
        print(f"serving at {stage.gateway}; addresses and keys are in env", flush=True)
        signal.sigwait(signals)
        return stage.finish()
    finally:
        stage.clear()


def _told(failures: list[str]) -> int:
    for failure in failures:
        print(f"NOT AS EXPECTED: {failure}")
    print("failed" if failures else "every expectation held")
    return FAILED if failures else 0
