"""The trace that a client says its request belongs to (W3C Trace Context)."""

import re
from collections.abc import Sequence

from msgspec import Struct

# WHY: a version that comes later may say more behind a dash; what is known of it stands in front.
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_FIRST = "00"
TRACEPARENT_CHARS_MAX = 256


class Trace(Struct, frozen=True):
    """The ids of a trace and of the client's part in it, in hexadecimal; empty where none is told.

    INVARIANT: it is what a client says, so it decides nothing, and goes no further than a record.
    """

    trace_id: str = ""
    span_id: str = ""


NO_TRACE = Trace()


def trace_of(told: Sequence[str]) -> Trace:
    """Return the trace of a `traceparent`; none where it is told twice, or is not well formed."""
    if len(told) != 1 or len(told[0]) > TRACEPARENT_CHARS_MAX:
        return NO_TRACE
    found = _PARENT.fullmatch(told[0].strip())
    if found is None or (found[1] == _FIRST and found[4]):
        return NO_TRACE
    trace_id, span_id = found[2], found[3]
    if not trace_id.strip("0") or not span_id.strip("0"):
        return NO_TRACE
    return Trace(trace_id, span_id)
