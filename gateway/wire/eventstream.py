"""AWS event streams: bytes in, messages out, both checksums verified; and messages as bytes."""

import struct
from collections.abc import Mapping
from functools import lru_cache
from zlib import crc32

from msgspec import Struct

MESSAGE_BYTES_MAX = 8 * 1024 * 1024
HEADER_BYTES_MAX = 128 * 1024
NAME_BYTES_MAX = 255
VALUE_BYTES_MAX = 32_767
KEPT_MAX = 64
KEPT_BYTES_MAX = 256
KEPT_FIELDS_MAX = 4

_PRELUDE = struct.Struct(">III")
_LENGTHS = struct.Struct(">II")
_CHECKSUM = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_TEXT = 7
_SIZED = (6, _TEXT)
# Bytes of a value by its type, where the type says it all: booleans carry none.
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}


class Message(Struct, frozen=True, gc=False):
    """One message: its headers of type string, by name, its payload, and its exact bytes.

    Headers of other types are checked and left out. They may be shared between messages.
    """

    headers: dict[str, str]
    data: bytes
    raw: bytes = b""


class Frame:
    """Cuts a stream into messages, wherever the chunks were cut."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def rest(self) -> bytes:
        """The bytes of a message that has not ended."""
        return bytes(self._rest)

    def feed(self, chunk: bytes) -> list[Message]:
        """Return the messages that the chunk completes.

        ValueError for a wrong checksum, an impossible length or header, and over
        MESSAGE_BYTES_MAX or HEADER_BYTES_MAX.
        """
        self._rest += chunk
        messages = []
        begin = 0
        while len(self._rest) - begin >= _PRELUDE.size:
            # INVARIANT: no length is believed before its own checksum was.
            total, header_bytes = _prelude(self._rest[begin : begin + _PRELUDE.size])
            if len(self._rest) - begin < total:
                break
            messages.append(_message(bytes(self._rest[begin : begin + total]), header_bytes))
            begin += total
        del self._rest[:begin]
        return messages


def framed(headers: Mapping[str, str], data: bytes) -> bytes:
    """Return one message with these headers, all of type string, and this payload.

    ValueError over MESSAGE_BYTES_MAX or HEADER_BYTES_MAX, or for a header that has no such form.
    """
    pairs = tuple(headers.items())
    told = _written(pairs) if len(pairs) <= KEPT_FIELDS_MAX else _encoded(pairs)
    total = _PRELUDE.size + len(told) + len(data) + _CHECKSUM.size
    if total > MESSAGE_BYTES_MAX or len(told) > HEADER_BYTES_MAX:
        raise ValueError(f"a message is larger than {MESSAGE_BYTES_MAX} bytes, or its headers are")
    lengths = _LENGTHS.pack(total, len(told))
    head = lengths + _CHECKSUM.pack(crc32(lengths)) + told + data
    return head + _CHECKSUM.pack(crc32(head))


def _encoded(pairs: tuple[tuple[str, str], ...]) -> bytes:
    return b"".join(_header(name.encode(), value.encode()) for name, value in pairs)


def _header(name: bytes, value: bytes) -> bytes:
    if not 0 < len(name) <= NAME_BYTES_MAX or len(value) > VALUE_BYTES_MAX:
        raise ValueError("a header of a message has no name, or is too long")
    return bytes([len(name)]) + name + bytes([_TEXT]) + _LENGTH.pack(len(value)) + value


def _prelude(raw: bytearray) -> tuple[int, int]:
    """Return the length of the whole message and of its headers."""
    total, header_bytes, checksum = _PRELUDE.unpack(raw)
    if crc32(raw[: -_CHECKSUM.size]) != checksum:
        raise ValueError("the checksum of a message's prelude is wrong")
    if total > MESSAGE_BYTES_MAX or header_bytes > HEADER_BYTES_MAX:
        raise ValueError(f"a message is larger than {MESSAGE_BYTES_MAX} bytes, or its headers are")
    if total < _PRELUDE.size + header_bytes + _CHECKSUM.size:
        raise ValueError("the lengths of a message contradict each other")
    return total, header_bytes


def _message(raw: bytes, header_bytes: int) -> Message:
    end = len(raw) - _CHECKSUM.size
    if crc32(raw[:end]) != _CHECKSUM.unpack_from(raw, end)[0]:
        raise ValueError("the checksum of a message is wrong")
    payload_at = _PRELUDE.size + header_bytes
    return Message(_headers(raw[_PRELUDE.size : payload_at]), raw[payload_at:end], raw)


def _headers(raw: bytes) -> dict[str, str]:
    # INVARIANT: what an engine says in an error may be the prompt's words, and is kept nowhere.
    kept = len(raw) <= KEPT_BYTES_MAX and b":error" not in raw
    return _known(raw) if kept else _parsed(raw)


def _parsed(raw: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    seen: set[bytes] = set()
    at = 0
    while at < len(raw):
        name, at = _take(raw, at + 1, raw[at])
        if not name or name in seen:
            raise ValueError("a header of a message has no name, or stands twice")
        seen.add(name)
        (kind,), at = _take(raw, at, 1)
        size, at = _value_size(raw, at, kind)
        value, at = _take(raw, at, size)
        if kind == _TEXT:
            headers[name.decode()] = value.decode()
    return headers


def _value_size(raw: bytes, at: int, kind: int) -> tuple[int, int]:
    """Return how many bytes the value has, and where it begins."""
    if kind in _SIZED:
        length, at = _take(raw, at, _LENGTH.size)
        return _LENGTH.unpack(length)[0], at
    if kind not in _FIXED:
        raise ValueError("a header of a message has an unknown type")
    return _FIXED[kind], at


def _take(raw: bytes, at: int, count: int) -> tuple[bytes, int]:
    """Return that many bytes and where they end."""
    end = at + count
    if end > len(raw):
        raise ValueError("a header of a message goes over its end")
    return raw[at:end], end


# WHY: the headers of events are the same few, over and over, and cost more than all the rest.
_known = lru_cache(KEPT_MAX)(_parsed)
_written = lru_cache(KEPT_MAX)(_encoded)
