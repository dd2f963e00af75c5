"""How entries stand in a segment: a header, then one frame for each entry.

A frame is a mark (4 bytes), length (u32), CRC-32 (u32), group (u64), a MAC (16 bytes) and the
entry, numbers in network order. `group` is the index of the first entry of the group commit that
wrote the frame. A group is written only when the one before it is on the disk: so a whole frame of
a later group proves that damage before it is no torn tail.

The CRC tells whether a frame is whole, and needs no secret. The MAC tells a start whether we wrote
what no checkpoint covers yet; only the holder of the signing key can make or check it.
"""

import struct
import zlib

from msgspec import Struct

from gateway.audit.canonical import ENTRY_BYTES_MAX

VERSION = 2
HEADER_BYTES = 16
MAC_BYTES = 16
FRAME_HEADER_BYTES = 20 + MAC_BYTES
NO_MAC = bytes(MAC_BYTES)
FRAME_BYTES_MAX = FRAME_HEADER_BYTES + ENTRY_BYTES_MAX
MARK = b"\xf1PMR"

_MAGIC = b"PMTRLG" + struct.pack(">H", VERSION)
_HEADER = struct.Struct(">8sQ")
_FRAME = struct.Struct(f">4sIIQ{MAC_BYTES}s")
_CHECKED = struct.Struct(f">IQ{MAC_BYTES}s")


class Frame(Struct, frozen=True):
    """One entry as it was read, the group that wrote it, and the MAC that it carries."""

    entry: bytes
    group: int
    mac: bytes


def header(first: int) -> bytes:
    """Return the header of the segment whose first entry has that index."""
    return _HEADER.pack(_MAGIC, first)


def frame(entry: bytes, group: int, mac: bytes = NO_MAC) -> bytes:
    """Return the frame of an entry; without a MAC it can be read, and no start adopts it."""
    size = len(entry)
    return _FRAME.pack(MARK, size, _crc(entry, group, mac), group, mac) + entry


def entry_bytes(head: bytes) -> int | None:
    """Return the length that the head of a frame states; None when it is no head."""
    if len(head) < FRAME_HEADER_BYTES:
        return None
    mark, size, *_ = _FRAME.unpack_from(head)
    return size if mark == MARK and 0 < size <= ENTRY_BYTES_MAX else None


def read(data: bytes, offset: int = 0) -> Frame | None:
    """Return the whole frame that stands at that offset, or None."""
    head = data[offset : offset + FRAME_HEADER_BYTES]
    size = entry_bytes(head)
    if size is None:
        return None
    _, _, crc, group, mac = _FRAME.unpack(head)
    start = offset + FRAME_HEADER_BYTES
    entry = bytes(data[start : start + size])
    if len(entry) != size or _crc(entry, group, mac) != crc:
        return None
    return Frame(entry, group, mac)


def _crc(entry: bytes, group: int, mac: bytes) -> int:
    return zlib.crc32(entry, zlib.crc32(_CHECKED.pack(len(entry), group, mac)))
