"""The thread that lets the index follow the journal."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable

from gateway.ledger.index import Index

FOLLOW_S = 1.0
LAST_CHUNKS_MAX = 20


class Follower:
    """Reads new entries into the index about once a second, until `stop`.

    After a hand-over it follows the next shard, once the index of the closed one is whole. When an
    index cannot be written it stands still, and readers go through the journal.
    """

    def __init__(self, index: Index, size: Callable[[], int]) -> None:
        self._followed = deque([(index, size)])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-index", daemon=True)

    def follow(self, index: Index, size: Callable[[], int]) -> None:
        """Follow the next shard, too."""
        self._followed.append((index, size))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Take in what is left, unless it is very much, and return when the thread has ended."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def close(self) -> None:
        """Let go of the indexes that are still followed; the thread has ended."""
        for index, _ in self._followed:
            index.close()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(FOLLOW_S):
                while self._catch_up() and not self._stopping.is_set():
                    pass
            for _ in range(LAST_CHUNKS_MAX):
                if not self._catch_up():
                    return
        except (sqlite3.Error, OSError):
            # WHY: the index is no evidence; an append never waits for it and never fails with it.
            return

    def _catch_up(self) -> bool:
        """Read a part of what is missing in the oldest index; is there more to read?"""
        index, size = self._followed[0]
        if index.catch_up(size()):
            return True
        if len(self._followed) == 1:
            return False
        self._followed.popleft()
        index.close()
        return True
