"""`perimeter mock-backend`: a scripted engine that speaks every dialect and misbehaves on demand.

Rule 1: it shares no code with our dialects, so that both ends cannot drift together.
Rule 2: the same seed and request give the same bytes.
Rule 3: it listens on loopback only, keeps no prompt, and every reply says that it is scripted.
"""

import argparse
import asyncio
import signal
from ipaddress import ip_address

from gateway.cli.mock_backend.script import BEHAVIOURS, parse_behaviour
from gateway.cli.mock_backend.server import ScriptedEngine

NOT_LOOPBACK = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--name", default="scripted", help="who answers, in the text of replies")
    parser.add_argument("--seed", type=int, default=1, help="chooses the words of replies")
    parser.add_argument(
        "--behave",
        action="append",
        default=[],
        metavar="NAME[=ARG]",
        help="for every request: " + ", ".join(BEHAVIOURS),
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    if not ip_address(arguments.host).is_loopback:
        print("perimeter: a scripted engine listens on loopback only")
        return NOT_LOOPBACK
    always = tuple(parse_behaviour(text) for text in arguments.behave)
    engine = ScriptedEngine(arguments.name, arguments.seed, always)
    asyncio.run(_serve(engine, arguments.host, arguments.port))
    return 0


async def _serve(engine: ScriptedEngine, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    address = await engine.start(host, port)
    print(f"scripted engine on http://{address[0]}:{address[1]}", flush=True)
    await stop.wait()
    await engine.stop()
