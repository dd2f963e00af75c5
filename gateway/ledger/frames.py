"""How entries stand in a segment: a header, then one frame for each entry.

A frame is a mark (4 bytes), length (u32), CRC-32 (u32), group (u64) and the entry, numbers in
network order. `group` is the index of the first entry of the group commit that wrote the frame. A
group is written only when the one before it is on the disk: so a whole frame of a later group
proves that damage before it is no torn tail.
"""

import struct
import zlib

from msgspec import Struct

from gateway.audit.canonical import ENTRY_BYTES_MAX

VERSION = 1
HEADER_BYTES = 16
FRAME_HEADER_BYTES = 20
FRAME_BYTES_MAX = FRAME_HEADER_BYTES + ENTRY_BYTES_MAX

_MAGIC = b"PMTRLG" + struct.pack(">H", VERSION)
_MARK = b"\xf1PMR"
_HEADER = struct.Struct(">8sQ")
_FRAME = struct.Struct(">4sIIQ")
_CHECKED = struct.Struct(">IQ")


class Frame(Struct, frozen=True):
    """One entry as it was read, and the group that wrote it."""

    entry: bytes
    group: int


def header(first: int) -> bytes:
    """Return the header of the segment whose first entry has that index."""
    return _HEADER.pack(_MAGIC, first)


def frame(entry: bytes, group: int) -> bytes:
    """Return the frame of an entry."""
    size = len(entry)
    return _FRAME.pack(_MARK, size, _crc(entry, group), group) + entry


def entry_bytes(head: bytes) -> int | None:
    """Return the length that the head of a frame states; None when it is no head."""
    if len(head) < FRAME_HEADER_BYTES:
        return None
    mark, size, _, _ = _FRAME.unpack_from(head)
    return size if mark == _MARK and 0 < size <= ENTRY_BYTES_MAX else None


def read(data: bytes, offset: int = 0) -> Frame | None:
    """Return the whole frame that stands at that offset, or None."""
    head = data[offset : offset + FRAME_HEADER_BYTES]
    size = entry_bytes(head)
    if size is None:
        return None
    _, _, crc, group = _FRAME.unpack(head)
    start = offset + FRAME_HEADER_BYTES
    entry = bytes(data[start : start + size])
    return Frame(entry, group) if len(entry) == size and _crc(entry, group) == crc else None


def has_later_group(data: bytes, index: int) -> bool:
    """Is there, anywhere in the data, a whole frame of a group that began after that index?"""
    at = data.find(_MARK)
    while at >= 0:
        found = read(data, at)
        if found is not None and found.group > index:
            return True
        at = data.find(_MARK, at + 1)
    return False


def _crc(entry: bytes, group: int) -> int:
    return zlib.crc32(entry, zlib.crc32(_CHECKED.pack(len(entry), group)))
