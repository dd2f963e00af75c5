"""What a row of the table of dialects holds."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from gateway.domain.dialect import Dialect

PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjQK"
# The signature of a call, in the base64 that its maker wants.
BOUND = "Uy1ib3VuZA=="
SCHEMA = {"type": "object", "properties": {"S-key": {"type": "string"}}, "required": ["S-key"]}
CALL_ID = "call_S-id"
USAGE = (13, 9)


class Row(NamedTuple):
    """A dialect as client and as engine; words that must arrive begin with `S-`.

    `asks` is a request, `streams` and `answers` are one reply. `takes` raises when the vendor would
    not send that request; `reads_stream` and `reads_whole` raise when the vendor's client cannot
    read such a reply. `signs` is the signature that
    its replies can carry. `calls` returns the stream as one that calls a tool of that name.
    """

    dialect: Dialect
    asks: dict[str, Any]
    streams: bytes
    answers: bytes
    takes: Callable[[dict[str, Any]], object]
    reads_stream: Callable[[bytes], object]
    reads_whole: Callable[[bytes], object]
    signs: bytes = b""
    calls: Callable[[bytes, str], bytes] = lambda raw, name: raw.replace(b"S-tool", name.encode())


def sse(*events: dict[str, Any], named: bool = False, end: bytes = b"") -> bytes:
    """Return server-sent events, as an engine writes them."""
    lines = []
    for event in events:
        name = b"event: " + event["type"].encode() + b"\n" if named else b""
        lines.append(name + b"data: " + msgspec.json.encode(event) + b"\n\n")
    return b"".join(lines) + end
