"""Work that must be finished even when the client has gone."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """Tasks that outlive their request; `drain` waits for them at shutdown."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start the work and keep it until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float) -> bool:
        """Wait for everything that runs; False when some of it took longer."""
        if not self._tasks:
            return True
        _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
        return not late
