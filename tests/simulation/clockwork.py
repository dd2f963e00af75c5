"""Time that passes only when nobody has anything to do."""

import asyncio
import selectors
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Deadlock(RuntimeError):
    """Everything waits, and for nothing that a clock could bring."""


class _Jumping(selectors.BaseSelector):
    """A selector that never looks at a file: where others would sleep, it moves the clock."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self._keys[fileobj] = selectors.SelectorKey(fileobj, fileobj, events, data)
        return self._keys[fileobj]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        self._loop.seconds += max(0.0, timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """A real event loop of tasks and timers, without sockets, threads and waiting."""

    def __init__(self) -> None:
        self.seconds = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.seconds


class LoopClock:
    """The wall clock of a world: a given moment, and what has passed on the loop since."""

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        self._loop = loop
        self._since = loop.seconds
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.seconds - self._since)

    def now_us(self) -> int:
        return (self.now() - EPOCH) // timedelta(microseconds=1)
