"""The times of one group: where the clock stepped back, a record says so first."""

from collections.abc import Callable, Sequence

from gateway.audit.story import CLOCK_BACK_US_MAX
from gateway.ledger.entry import Entry

Stepped = Callable[[int, int], Entry]


class Timeline:
    """Begins at the time of the last durable record; what is lost with a group moves no time."""

    def __init__(self, latest_us: int, stepped: Stepped) -> None:
        self._latest_us = latest_us
        self._stepped = stepped

    def told(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return the entries, each that lies far behind what came before it after a record of it.

        INVARIANT: the time goes back here exactly where `verify` lets it go back.
        """
        told: list[Entry] = []
        for entry in entries:
            if not entry.steps and entry.ts_us < self._latest_us - CLOCK_BACK_US_MAX:
                self._take(told, self._stepped(self._latest_us, entry.ts_us))
            self._take(told, entry)
        return told

    def _take(self, told: list[Entry], entry: Entry) -> None:
        told.append(entry)
        self._latest_us = entry.latest_after(self._latest_us)
