"""The head of an HTTP/1.1 message: how ours is written, and which of theirs is refused."""

import re

from gateway.domain.errors import Unreachable
from gateway.transport.call import HttpCall

NO_BODY = frozenset({204, 304})
VERSIONS = frozenset({"1.0", "1.1"})
_METHOD = re.compile(r"[A-Z]{1,16}")
_PATH = re.compile(r"/[\x21-\x7e]{0,4095}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VALUE = re.compile(r"[\x20-\x7e\t]{0,8192}")
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection"})


def assert_plain(call: HttpCall) -> None:
    """Raise Unreachable when a method, path or header field could change the framing."""
    if not (_METHOD.fullmatch(call.method) and _PATH.fullmatch(call.path)):
        raise Unreachable("A request with an impossible method or path was prepared.")
    for name, value in call.headers:
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)) or name in _FRAMING:
            raise Unreachable("A request with an impossible header was prepared.")


def has_length(call: HttpCall) -> bool:
    """Does the request say how long its body is? A question without a body does not."""
    return bool(call.body) or call.method != "GET"


def encode(call: HttpCall, host: str) -> bytes:
    """Return the head of a plain request; the host comes from the fleet file."""
    assert_plain(call)
    lines = [f"{call.method} {call.path} HTTP/1.1\r\nhost: {host}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in call.headers]
    if has_length(call):
        lines.append(f"content-length: {len(call.body)}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("ascii")


def refusal(version: str, fields: list[tuple[str, str]]) -> str | None:
    """Return why a reply's head is refused, or None.

    Two parties that frame one reply differently could each see another reply in the same bytes.
    """
    if version not in VERSIONS:
        return "not HTTP/1.1"
    lengths = [value for name, value in fields if name == "content-length"]
    codings = [value for name, value in fields if name == "transfer-encoding"]
    if len(lengths) + len(codings) > 1:
        return "ambiguous framing"
    if lengths and not (lengths[0].isascii() and lengths[0].isdecimal()):
        return "ambiguous framing"
    if codings and codings[0].lower() != "chunked":
        return "unknown transfer coding"
    return None


def is_open_ended(status: int, fields: dict[str, str]) -> bool:
    """Does only the end of the connection end this reply's body?"""
    framed = "content-length" in fields or "transfer-encoding" in fields
    return not framed and status not in NO_BODY
