"""The parts of a run of base64: lines that stand below one another, segments of a path.

WHY: read as one, a run says nothing where a part in front of it belongs to something else: what
is behind such a part no longer begins where a group of four letters does.
"""

from collections.abc import Sequence

from gateway.classification.unfolding.decoding import BLANKS, HEAD_BYTES
from gateway.classification.unfolding.runs import RUN_BYTES_MIN

WRAPPED_WIDTH_MIN = 60
# What is a letter of base64 and sets words apart elsewhere.
SIGNS = (b"/", b"-", b"_")
_QUAD = 4
_MARKS = bytes(int(bytes((one,)) in SIGNS) for one in range(256))


def unbroken(buffer: bytes) -> bytes:
    r"""Return the buffer, as long as it is, with line breaks for those that are spelled as `\n`.

    WHY: code writes them so, and their letter would count as the first of the next line.
    """
    if b"\\" not in buffer:
        return buffer
    return buffer.replace(b"\\n", b" \n").replace(b"\\r", b" \r")


def is_list(run: bytes) -> bool:
    """Are the lines so short that they are hashes or names below one another?"""
    width = run.find(b"\n")
    return 0 <= width < WRAPPED_WIDTH_MIN


def parts(run: bytes) -> list[tuple[int, int]]:
    """Return where the parts of a run begin and end that may be base64 by themselves.

    Lines of one width that end with a group of four, with a shorter one below them, are one part;
    of a short run each line is one as well.
    """
    found: list[tuple[int, int]] = []
    lines: list[tuple[int, int]] = []
    at = width = 0
    for line in run.split(b"\n"):
        first = at + len(line) - len(line.lstrip(BLANKS))
        last = first + len(line.strip(BLANKS + b"="))
        at += len(line) + 1
        if first < last:
            lines.append((first, last))
            if found and last - first <= width:
                found[-1] = (found[-1][0], last)
            else:
                found.append((first, last))
                width = _wrapped(last - first)
            width = width if last - first == width else 0
    wanted = {*(found if len(found) > 1 else ()), *(lines if len(run) <= HEAD_BYTES else ())}
    return sorted(one for one in wanted if one[1] - one[0] >= RUN_BYTES_MIN)


def signed(buffer: bytes, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans in which one of the signs stands."""
    marks = buffer.translate(_MARKS)
    if b"\1" not in marks:
        return []
    return [(start, stop) for start, stop in spans if marks.find(b"\1", start, stop) >= 0]


def segments(run: bytes) -> list[tuple[int, int]]:
    """Return where the parts of a path or of a name in a run begin and end."""
    found: set[tuple[int, int]] = set()
    for sign in SIGNS:
        at = 0
        for part in run.split(sign) if sign in run else ():
            if len(part) >= RUN_BYTES_MIN:
                found.add((at, at + len(part)))
            at += len(part) + 1
    return sorted(found)


def _wrapped(size: int) -> int:
    """Return the width of wrapped text of which that is a line, 0 for none."""
    return size if size >= WRAPPED_WIDTH_MIN and size % _QUAD == 0 else 0
