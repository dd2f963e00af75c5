"""Where the runs of one alphabet stand that end where a match does."""

import re
from collections.abc import Iterable, Iterator, Sequence

from gateway.classification.parts import EDGE
from gateway.classification.unfolding.decoding import BASE64, BLANKS, HEAD_BYTES, HEX, may_be_hex

WINDOW_BYTES = 192
GAP_BYTES_MAX = 64
RUN_BYTES_MIN = 24
TAILED_MIN = 48
LINE_BYTES_MAX = 80
ESCAPE = b"\\x"
ESCAPES_BYTES_MIN = 32

_DIGITS = 2
_ESCAPED = len(ESCAPE) + _DIGITS
_APART = bytes(one if one in BASE64 else 0x20 for one in range(256))
_WORD = re.compile(b"[^ ]{%d,}" % RUN_BYTES_MIN)
_BLANKS = frozenset(BLANKS)
_BREAK = ord("\n")
_BREAKS = frozenset({b"\n", b"\r"})
_TAIL = BASE64 + b"="


def runs(buffer: bytes, ends: Sequence[int], members: bytes) -> Iterator[tuple[int, int]]:
    """Yield the run in front of each end, once."""
    low = 0
    for end in ends:
        stop = end - 1
        if stop <= low:
            continue
        start = _begin(buffer, low, stop, members)
        if start < stop:
            yield start, stop
        low = stop


def _begin(buffer: bytes, low: int, stop: int, members: bytes) -> int:
    """Return where the run begins that ends at `stop`, not before `low`."""
    if stop - low <= LINE_BYTES_MAX:
        return low + len(buffer[low:stop].rstrip(members))
    near = max(low, stop - HEAD_BYTES)
    start = near + len(buffer[near:stop].rstrip(members))
    if start > near or near == low:
        return start
    # WHY: one pass over a table is ten times as fast as stripping byte by byte.
    table = bytes(0 if one in members else 1 for one in range(256))
    return low + buffer[low:near].translate(table).rfind(1) + 1


def escapes_in(buffer: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    r"""Yield the runs of `\x41` in a run of what they are written with, where they are long."""
    run = buffer[start:stop]
    if run.count(ESCAPE) * _ESCAPED == len(run) and not run.replace(ESCAPE, b"").strip(HEX):
        yield start, stop
        return
    first, *parts = run.split(ESCAPE)
    begin = at = start + len(first)
    for part in parts:
        whole = len(part) >= _DIGITS and not part[:_DIGITS].strip(HEX)
        following = at + len(ESCAPE) + len(part)
        # What is torn, or goes on behind its digits, ends a run.
        if not whole or len(part) > _DIGITS:
            close = at + _ESCAPED if whole else at
            if close - begin >= ESCAPES_BYTES_MIN:
                yield begin, close
            begin = following
        at = following
    if at - begin >= ESCAPES_BYTES_MIN:
        yield begin, at


def joined(buffer: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of base64; lines of one run that stand below one another are one run."""
    begin = close = -1
    for start, stop in _lines(buffer, ends):
        if start == close:
            close = stop
            continue
        if close >= 0 and _is_gap(buffer, close, start):
            close = stop
            continue
        if begin >= 0:
            yield begin, with_tail(buffer, begin, close)
        begin, close = start, stop
    if begin >= 0:
        yield begin, with_tail(buffer, begin, close)


def many_joined(buffer: bytes) -> tuple[list[int], list[int]]:
    """Return where the runs begin and end that `joined` yields, where there are very many.

    WHY: a call of the engine for each costs as much as all that is done here, and so do pairs.
    """
    apart = buffer.translate(_APART)
    starts: list[int] = []
    stops: list[int] = []
    for word in _WORD.finditer(apart):
        start, stop = word.span()
        starts.append(start)
        stops.append(stop)
    if not starts or buffer.find(b"\n", starts[0], stops[-1]) < 0:
        return starts, stops
    gaps = zip(stops, [*starts[1:], len(buffer)], strict=True)
    # WHY: most gaps are one line break, or begin with no blank; a call for each is dear.
    ends = [
        at
        for at, (close, start) in enumerate(gaps)
        if buffer[close] not in _BLANKS
        or not ((buffer[close] == _BREAK and start - close == 1) or _is_gap(buffer, close, start))
    ]
    firsts = [starts[0], *(starts[at + 1] for at in ends[:-1])]
    lasts = [stops[at] for at in ends]
    return firsts, [
        last if last - first < TAILED_MIN else with_tail(buffer, first, last)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _is_gap(buffer: bytes, close: int, start: int) -> bool:
    """Does a line end there, and the next one begin below it?"""
    if buffer[close] not in _BLANKS or start - close > GAP_BYTES_MAX:
        return False
    gap = buffer[close:start]
    return b"\n" in gap and not gap.strip(BLANKS)


def _lines(buffer: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield runs of base64; one that is a whole line right below another begins where that ends.

    WHY: long runs come in lines of one width, and there are many of them.
    """
    low = 0
    for end in ends:
        stop = end - 1
        below = buffer[low] == _BREAK and stop - low <= LINE_BYTES_MAX
        if below and not buffer[low + 1 : stop].translate(None, BASE64):
            yield low, stop
            low = stop
            continue
        start = _begin(buffer, low, stop, BASE64)
        if start < stop:
            yield start, stop
        low = stop


def with_tail(buffer: bytes, begin: int, stop: int) -> int:
    """Return where the run ends when a short last line belongs to it."""
    if stop - begin < TAILED_MIN or buffer[stop : stop + 1] not in _BREAKS:
        return stop
    if may_be_hex(buffer[begin:stop]):
        return stop
    below = buffer[stop : stop + LINE_BYTES_MAX]
    line = below.lstrip(BLANKS)
    if line[:1] == EDGE:
        return stop
    tail = len(line) - len(line.lstrip(_TAIL))
    return stop + len(below) - len(line) + tail if tail else stop


def merged(runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield windows around runs; those that touch are one."""
    begin = close = -1
    for start, end in runs:
        low = max(start - WINDOW_BYTES, 0)
        if close < low:
            if begin >= 0:
                yield begin, close
            begin = low
        close = end + WINDOW_BYTES
    if begin >= 0:
        yield begin, close
