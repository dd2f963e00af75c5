"""Writes AWS event stream messages, for the fakes; botocore judges what it writes."""

import struct
from collections.abc import Iterable
from zlib import crc32

import msgspec
from botocore.eventstream import EventStreamBuffer, EventStreamMessage


def header(name: str, kind: int, value: bytes = b"") -> bytes:
    raw = name.encode()
    return bytes([len(raw)]) + raw + bytes([kind]) + value


def text(name: str, value: str) -> bytes:
    raw = value.encode()
    return header(name, 7, struct.pack(">H", len(raw)) + raw)


def framed(headers: bytes, payload: bytes) -> bytes:
    """Return one message around encoded headers."""
    prelude = struct.pack(">II", 12 + len(headers) + len(payload) + 4, len(headers))
    head = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return head + struct.pack(">I", crc32(head))


def message(payload: bytes, **headers: str) -> bytes:
    """Return one message; `message_type` stands for `:message-type`."""
    named = ((":" + name.replace("_", "-"), value) for name, value in headers.items())
    return framed(b"".join(text(name, value) for name, value in named), payload)


def event(kind: str, **fields: object) -> bytes:
    payload = msgspec.json.encode(fields)
    return message(payload, event_type=kind, content_type="application/json", message_type="event")


def fault(kind: str, said: str) -> bytes:
    """Return an exception inside a stream."""
    payload = msgspec.json.encode({"message": said})
    return message(
        payload, exception_type=kind, content_type="application/json", message_type="exception"
    )


def as_botocore_reads(chunks: Iterable[bytes]) -> list[EventStreamMessage]:
    buffer = EventStreamBuffer()
    found = []
    for chunk in chunks:
        buffer.add_data(chunk)
        found += list(buffer)
    return found
