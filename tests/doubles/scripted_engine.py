"""The scripted engine on a thread of its own, for tests that use blocking clients."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.cli.mock_backend.script import parse_behaviour
from gateway.cli.mock_backend.server import ScriptedEngine


class RunningEngine:
    def __init__(self, engine: ScriptedEngine, host: str, port: int) -> None:
        self.engine = engine
        self.host = host
        self.port = port
        self.url = f"http://{host}:{port}"

    def behave(self, *names: str) -> None:
        self.engine.always = tuple(parse_behaviour(name) for name in names)


@contextmanager
def scripted_engine(
    *behaviours: str,
    name: str = "scripted",
    host: str = "127.0.0.1",
    seed: int = 1,
    kind: type[ScriptedEngine] = ScriptedEngine,
) -> Iterator[RunningEngine]:
    engine = kind(name, seed, tuple(parse_behaviour(text) for text in behaviours))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    address = asyncio.run_coroutine_threadsafe(engine.start(host, 0), loop).result(10)
    try:
        yield RunningEngine(engine, *address)
    finally:
        asyncio.run_coroutine_threadsafe(engine.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
