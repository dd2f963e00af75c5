"""What a gateway can leave after its last checkpoint; more was put there by somebody else.

A checkpoint is due one second or 1,024 records after the first record that has none, and the
group that is written meanwhile holds at most 1,024. Without one, nothing more is written.
"""

from gateway.audit.record import Admin, Record
from gateway.audit.story import Broken, says_that_the_clock_stepped

UNSEALED_RECORDS_MAX = 2_048
# WHY: one second until a checkpoint is due, and the rest for a disk that stalls before a crash.
UNSEALED_SPAN_US_MAX = 30_000_000
# WHY: each start writes these before its first checkpoint, however often a start fails there.
_BEFORE_ANY_CHECKPOINT = frozenset({"started", "recovered"})


class Unsealed:
    """The records that no signature covers, counted in order."""

    def __init__(self) -> None:
        self._count = 0
        self._boot = ""
        self._first_us = 0
        self._last_us = 0

    def read(self, record: Record) -> None:
        """Take the next one; Broken when a gateway would have made a checkpoint before it."""
        if not (isinstance(record, Admin) and record.what in _BEFORE_ANY_CHECKPOINT):
            self._count += 1
        if record.boot != self._boot or says_that_the_clock_stepped(record):
            self._boot = record.boot
            self._first_us = self._last_us = record.ts_us
        self._first_us = min(self._first_us, record.ts_us)
        self._last_us = max(self._last_us, record.ts_us)
        if self._count > UNSEALED_RECORDS_MAX:
            raise Broken("more records follow the checkpoint than a gateway leaves without one")
        if self._last_us - self._first_us > UNSEALED_SPAN_US_MAX:
            raise Broken("the records after the checkpoint span more time than a gateway leaves")
