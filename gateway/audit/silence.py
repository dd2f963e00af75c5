"""How long a log was silent while a gateway ran: one that has nothing to tell says so.

A start names the seconds after which its gateway writes a heartbeat. What is silent for longer
stood still, was cut off from its disk, or had a clock that leapt.
"""

from gateway.audit.record import Admin, Record

# WHY: a second until a failed heartbeat is tried again, and the rest for a disk that stalls.
SLACK_US = 30_000_000
# WHY: no node file may ask for longer; a start that says so allows no more.
HEARTBEAT_S_MAX = 3_600
_SECOND_US = 1_000_000


class Silence:
    """The silences within boots, in order; between a stop and a start nothing is expected.

    `longest_us` is the longest, `gaps` counts those that are longer than their boot allows.
    """

    def __init__(self) -> None:
        self.longest_us = 0
        self.gaps = 0
        self._allowed_us: int | None = None
        self._latest_us = 0

    def read(self, record: Record, *, stepped: bool) -> None:
        """Take the next record; `stepped` when it says that time goes back to it."""
        if isinstance(record, Admin) and record.what == "started":
            self._begin(record)
        elif self._allowed_us is not None:
            self._hear(record.ts_us, self._allowed_us, stepped=stepped)
        if isinstance(record, Admin) and record.what == "stopped":
            self._allowed_us = None

    def _begin(self, record: Admin) -> None:
        told = record.facts.get("heartbeat_s")
        # WHY: who leaves it out, or says no number, is allowed what a node file may ask for.
        longest_s = min(told, HEARTBEAT_S_MAX) if type(told) is int else HEARTBEAT_S_MAX
        self._allowed_us = longest_s * _SECOND_US + SLACK_US
        self._latest_us = record.ts_us

    def _hear(self, ts_us: int, allowed_us: int, *, stepped: bool) -> None:
        silent_us = ts_us - self._latest_us
        self.longest_us = max(self.longest_us, silent_us)
        self.gaps += silent_us > allowed_us
        self._latest_us = ts_us if stepped else max(self._latest_us, ts_us)
