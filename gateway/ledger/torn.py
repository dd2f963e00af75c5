"""What follows a place where no whole frame stands: the rest of a torn write, or more than that."""

import os
from enum import Enum
from typing import BinaryIO

from gateway.ledger import frames
from gateway.ledger.frames import FRAME_BYTES_MAX, MARK

# WHY: a crash tears one group, of 1,024 entries at most, and the header of a segment.
TAIL_BYTES_MAX = 128 * 1024 * 1024
# WHY: a mark cannot stand inside an entry, which is JSON; each costs a checksum of a whole frame.
TAIL_MARKS_MAX = 2_048
PIECE_BYTES = 1024 * 1024


class Rest(Enum):
    """What was found: nothing of a later group, such a group, or more than a crash can leave."""

    TORN = "torn"
    LATER = "later"
    TOO_MUCH = "too_much"


def look(file: BinaryIO, offset: int, index: int) -> Rest:
    """Is there, after that byte, a whole frame of a group that began after that index? OSError.

    Reads in pieces, and no more than a crash can leave.
    """
    if os.fstat(file.fileno()).st_size - offset > TAIL_BYTES_MAX:
        return Rest.TOO_MUCH
    file.seek(offset)
    window, at, marks, is_end = b"", 0, 0, False
    while True:
        hit = window.find(MARK, at)
        if not is_end and (hit < 0 or len(window) - hit < FRAME_BYTES_MAX):
            keep = hit if hit >= 0 else max(at, len(window) - len(MARK) + 1)
            piece = file.read(PIECE_BYTES)
            window, at, is_end = window[keep:] + piece, 0, not piece
            continue
        if hit < 0:
            return Rest.TORN
        marks += 1
        found = frames.read(window, hit)
        if found is not None and found.group > index:
            return Rest.LATER
        if marks >= TAIL_MARKS_MAX:
            return Rest.TOO_MUCH
        at = hit + 1
