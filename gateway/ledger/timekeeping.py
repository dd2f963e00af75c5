"""What is known of the machine's clocks: one that nobody sets, and whether the other is kept right.

Linux tells by adjtimex(2), which asks and sets nothing here; elsewhere nobody knows.
"""

import ctypes
import time
from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from gateway.audit.record import Record

SYNCHRONISED, ADRIFT, UNKNOWN = "synchronised", "adrift", "unknown"
# What the kernel says of a clock that nobody has set right for too long (<sys/timex.h>).
_UNSYNCHRONISED = 0x40
# WHY: more than a kernel knows means that nothing is known.
_ERROR_US_MAX = 16_000_000

_R = TypeVar("_R", bound=Record)


class _Timex(ctypes.Structure):
    """The beginning of struct timex, and room for all that follows."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 64),
    )


Ask = Callable[[_Timex], int]


def stamped(record: _R) -> _R:
    """Return the record with the time of the clock that nobody sets."""
    return replace(record, mono_us=time.monotonic_ns() // 1_000)


def clock_state(ask: Ask | None = None) -> dict[str, object]:
    """Return whether the clock on the wall is kept right, and how far off it may be at the most."""
    found = _Timex()
    try:
        if (ask or _ask)(found) < 0:
            return {"clock": UNKNOWN}
    except (AttributeError, OSError):
        return {"clock": UNKNOWN}
    if found.status & _UNSYNCHRONISED:
        return {"clock": ADRIFT}
    return {"clock": SYNCHRONISED, "clock_error_us": min(found.maxerror, _ERROR_US_MAX)}


def _ask(found: _Timex) -> int:
    told: int = ctypes.CDLL(None).adjtimex(ctypes.byref(found))
    return told
