"""Between server-sent events and Bedrock's chunks: one event is one chunk, its bytes unchanged."""

import re
from base64 import b64decode, b64encode
from typing import TypeVar

import msgspec
from msgspec import Struct

from gateway.wire import eventstream, sse

_T = TypeVar("_T")
_NAME = re.compile(r"[a-z][a-z_]{0,63}")
_HEADERS = {
    ":event-type": "chunk",
    ":content-type": "application/json",
    ":message-type": "event",
}
# An exception in a stream, by the word of the kin for the same.
_ERRORS = {
    "validation": "invalid_request_error",
    "throttling": "rate_limit_error",
    "servicequotaexceeded": "rate_limit_error",
    "modelnotready": "rate_limit_error",
    "serviceunavailable": "overloaded_error",
    "modeltimeout": "timeout_error",
}
_OTHER = "api_error"


class Chunk(Struct, frozen=True):
    """An event of the kin in base64."""

    bytes: str


class Event(Struct, frozen=True):
    """What every event of the kin says of itself."""

    type: str


class Fault(Struct, frozen=True):
    """What an exception says."""

    message: str = ""


class Framed:
    """Carries the events of the kin into chunks; a comment or a keep-alive has no chunk."""

    __slots__ = ("_frame",)

    def __init__(self) -> None:
        self._frame = sse.Frame()

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes of the kin, return the chunks that they complete."""
        return b"".join(_chunk(one.data) for one in self._frame.feed(chunk) if one.data)


class Unframed:
    """Carries chunks into events of the kin; an exception becomes the kin's error event.

    ValueError for a wrong checksum, and for a message that is neither.
    """

    __slots__ = ("_frame",)

    def __init__(self) -> None:
        self._frame = eventstream.Frame()

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes of Bedrock, return the events that they complete."""
        return b"".join(_event(one) for one in self._frame.feed(chunk))


def _chunk(data: bytes) -> bytes:
    return eventstream.framed(_HEADERS, msgspec.json.encode({"bytes": b64encode(data).decode()}))


def _event(message: eventstream.Message) -> bytes:
    headers = message.headers
    kind = headers.get(":message-type")
    if kind == "exception":
        fault = _decoded(message.data, Fault) if message.data else Fault()
        return _error(headers.get(":exception-type", ""), fault.message)
    if kind == "error":
        return _error(headers.get(":error-code", ""), headers.get(":error-message", ""))
    if kind != "event":
        raise ValueError("a message of an unknown type")
    if headers.get(":event-type") != "chunk":
        return b""
    return _native(_decoded(message.data, Chunk).bytes)


def _native(said: str) -> bytes:
    """Return the event that a chunk holds, under its name."""
    data = b64decode(said, validate=True)
    name = _decoded(data, Event).type
    if not _NAME.fullmatch(name):
        raise ValueError("an event without a name")
    # WHY: JSON has line breaks between its values alone; a data line ends with the first.
    line = data.replace(b"\r", b" ").replace(b"\n", b" ")
    return b"event: " + name.encode() + b"\ndata: " + line + b"\n\n"


def _error(name: str, said: str) -> bytes:
    kind = _ERRORS.get(name.lower().removesuffix("exception"), _OTHER)
    told = {"type": "error", "error": {"type": kind, "message": said}}
    return b"event: error\ndata: " + msgspec.json.encode(told) + b"\n\n"


def _decoded(data: bytes, shape: type[_T]) -> _T:
    """Return the JSON in that shape; ValueError that repeats nothing of it."""
    try:
        return msgspec.json.decode(data, type=shape)
    except (ValueError, RecursionError):
        raise ValueError("not what Bedrock says") from None
