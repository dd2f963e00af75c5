"""The thread that lets the index follow the journal."""

import sqlite3
import threading
from collections.abc import Callable

from gateway.ledger.index import Index

FOLLOW_S = 1.0
LAST_CHUNKS_MAX = 20


class Follower:
    """Reads new entries into the index about once a second, until `stop`.

    When the index cannot be written it stands still, and readers go through the journal.
    """

    def __init__(self, index: Index, size: Callable[[], int]) -> None:
        self._index = index
        self._size = size
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-index", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Take in what is left, unless it is very much, and return when the thread has ended."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.wait(FOLLOW_S):
                while self._index.catch_up(self._size()) and not self._stopping.is_set():
                    pass
            for _ in range(LAST_CHUNKS_MAX):
                if not self._index.catch_up(self._size()):
                    return
        except (sqlite3.Error, OSError):
            # WHY: the index is no evidence; an append never waits for it and never fails with it.
            return
