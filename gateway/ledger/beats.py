"""When a log that has nothing to tell must say so."""

from collections.abc import Callable
from time import monotonic

HEARTBEAT_S = 60
RETRY_S = 1.0


class Beats:
    """A record is due `interval_s` after the last one; none before the first.

    WHY: without it, a gateway that was stopped for an hour and one that nobody asked for an hour
    leave the same log.
    """

    def __init__(self, interval_s: float = HEARTBEAT_S) -> None:
        self.interval_s = interval_s
        self.now_s: Callable[[], float] = monotonic
        self._due_s: float | None = None

    def heard(self) -> None:
        """A record is durable."""
        self._due_s = self.now_s() + self.interval_s

    def tried(self) -> None:
        """A heartbeat is being written; if it fails, the next try is a second away."""
        self._due_s = self.now_s() + min(self.interval_s, RETRY_S)

    @property
    def wait_s(self) -> float | None:
        """The seconds until a heartbeat is due; None while the log has not begun."""
        return None if self._due_s is None else max(0.0, self._due_s - self.now_s())

    @property
    def is_due(self) -> bool:
        """Must one be written now?"""
        return self.wait_s == 0.0
