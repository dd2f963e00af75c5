"""`perimeter check`: validate everything, play the policy's cases, print the residency matrix."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from gateway.app.egress import egress
from gateway.app.loading import load_all
from gateway.app.making import load_scanners
from gateway.app.moment import SystemClock
from gateway.cli.playing import failures_of, play_all, world_of
from gateway.flow.opening import Stamp
from gateway.policy.prove import matrix, matrix_text
from gateway.stores.scanner import DetectorScanner

FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("node", type=Path, nargs="?", default=Path("perimeter.yaml"))


def run(arguments: argparse.Namespace) -> int:
    """Return 0, 1 when a case fails, 2 when there are problems."""
    now = SystemClock().now()
    loaded = load_all(arguments.node, os.environ, now.date())
    detectors = load_scanners(loaded.node.settings.paths)
    for one in detectors:
        state = "from the cache" if one.warm else "compiled"
        print(f"detector {one.detector.name}: {state}")
    for notice in loaded.notices:
        print(f"notice: {notice}", file=sys.stderr)
    for line in egress(loaded):
        print(f"egress {line}")
    print(f"policy {world_of(loaded).documents['policy']}")
    print()
    print(matrix_text(matrix(loaded.compiled.program, now.date())))
    scanner = DetectorScanner([one.detector for one in detectors])
    failures = failures_of(asyncio.run(play_all(loaded, scanner, Stamp(now, "check"))))
    scanner.close()
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{len(loaded.cases) - len(failures)} of {len(loaded.cases)} cases hold")
    return FAILED if failures else 0
