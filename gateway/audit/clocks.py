"""The two clocks of a boot: the one on the wall, and the machine's own, which nobody sets.

Who sets the first one forward, or writes other times into records, moves it against the second;
so do a machine that slept and a clock that was put right, and no record tells of either.
"""

from gateway.audit.record import Record

# WHY: records of requests that run at the same time may come in another order.
MONO_BACK_US_MAX = 60_000_000


class Clocks:
    """How far the clocks came apart within a boot, beyond what records say of a step back."""

    def __init__(self) -> None:
        self.apart_us = 0
        self._boot = ""
        self._began_us = 0
        self._latest_us = 0

    def read(self, record: Record, *, stepped: bool) -> str:
        """Take the next record; return what is wrong with it, or an empty text."""
        if not isinstance(record.mono_us, int):
            return ""
        between_us = record.ts_us - record.mono_us
        if record.boot != self._boot:
            self._boot, self._began_us, self._latest_us = record.boot, between_us, record.mono_us
        if record.mono_us < self._latest_us - MONO_BACK_US_MAX:
            return "the clock that nobody sets went back within its boot"
        self._began_us = between_us if stepped else self._began_us
        self.apart_us = max(self.apart_us, abs(between_us - self._began_us))
        self._latest_us = max(self._latest_us, record.mono_us)
        return ""
