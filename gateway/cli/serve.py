"""`perimeter serve`: run the gateway."""

import argparse
import asyncio
import ctypes
import os
import resource
import sys
from pathlib import Path

import uvloop

from gateway.app.loading import Loaded, load_all
from gateway.app.moment import SystemClock
from gateway.app.serving import Addresses, serve
from gateway.app.still import read_still
from gateway.config.node import Node
from gateway.meters.logs import configure_logs, guard_crashes

CANNOT_LISTEN = 2
PR_SET_DUMPABLE = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("node", type=Path, nargs="?", default=Path("perimeter.yaml"))
    parser.add_argument(
        "--log-level", default="info", choices=["debug", "info", "warning", "error"]
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal; 2 when the configuration, the ledger or an address is no use."""
    configure_logs(arguments.log_level)
    guard_crashes()
    leave_no_core()
    clock = SystemClock()

    def read(node: Path | Node) -> Loaded:
        today = clock.now().date()
        return read_still(node, lambda: load_all(node, os.environ, today))

    loaded = read(arguments.node)
    for notice in loaded.notices:
        print(f"notice: {notice}", file=sys.stderr)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(loaded, read, _announce))
        except OSError as error:
            print(f"perimeter: cannot listen: {error.strerror}", file=sys.stderr)
            return CANNOT_LISTEN
    return 0


def leave_no_core() -> None:
    """Keep prompts out of core dumps: no core file, and none for a handler to read."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def _announce(addresses: Addresses) -> None:
    print(f"data listener on {addresses.data}, admin listener on {addresses.admin}", flush=True)
