"""One strict parse of a request body, and one encode."""

import re
from itertools import chain
from math import isfinite
from typing import Any

import jiter
import msgspec

from gateway.domain.errors import Malformed, TooLarge
from gateway.domain.request import Body

BODY_BYTES_MAX = 32 * 1024 * 1024
DEPTH_MAX = 64
MARKS_MAX = 1_000_000
INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**64 - 1

_BOM = b"\xef\xbb\xbf"
_PLACE = re.compile(r" at line \d+ column \d+\Z")
_ENCODER = msgspec.json.Encoder()


def parse(raw: bytes) -> Body:
    """Return the body as one value, or raise Malformed or TooLarge.

    Refused: empty, larger than BODY_BYTES_MAX, a byte order mark, invalid UTF-8, lone surrogates,
    anything but one object, duplicate keys, non-finite numbers, floats that overflow, integers
    outside int64 and uint64, nesting over DEPTH_MAX, and more than MARKS_MAX opening brackets and
    commas (a bound on the number of values, so on memory).
    """
    _admit(raw)
    value, problem = _decode(raw)
    if problem:
        raise Malformed(problem)
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    _inspect(value)
    return value


def encode(body: Body) -> bytes:
    """Return the body as JSON bytes, keys in their order."""
    return _ENCODER.encode(body)


def _admit(raw: bytes) -> None:
    if not raw:
        raise Malformed("The body is empty.")
    if len(raw) > BODY_BYTES_MAX:
        raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
    if raw.startswith(_BOM):
        raise Malformed("The body starts with a byte order mark.")
    if len(raw) > MARKS_MAX and sum(map(raw.count, (b"{", b"[", b","))) > MARKS_MAX:
        raise TooLarge(f"The body has more than {MARKS_MAX} brackets and commas.")


def _decode(raw: bytes) -> tuple[Any, str]:
    """Return the value, or None and a problem that names at most line and column."""
    try:
        # WHY: jiter's string cache outlives the request; a prompt must not.
        value = jiter.from_json(
            raw, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="none"
        )
    except ValueError as error:
        # INVARIANT: only the place leaves this function; jiter's words may hold a key of the body.
        said = str(error)
        place = _PLACE.search(said)
        where = place[0] if place else ""
        duplicate = said.startswith("Detected duplicate key")
        return None, f"{'A key stands twice' if duplicate else 'The body is not JSON'}{where}."
    return value, ""


def _inspect(body: Body) -> None:
    """Walk level by level; Malformed for depth and for numbers that no engine holds exactly."""
    level: list[Any] = [body]
    for _ in range(DEPTH_MAX):
        values = chain.from_iterable(
            node.values() if type(node) is dict else node for node in level
        )
        # WHY: nearly every value is a string; dropping those first halves the walk.
        level = [value for value in [v for v in values if type(v) is not str] if _descends(value)]
        if not level:
            return
    raise Malformed(f"The body is nested deeper than {DEPTH_MAX}.")


def _descends(value: object) -> bool:
    kind = type(value)
    if kind is dict or kind is list:
        return True
    if isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
        raise Malformed("An integer does not fit in 64 bits.")
    if isinstance(value, float) and not isfinite(value):
        raise Malformed("A number is too large.")
    return False
