"""Errors of Ollama servers, and our own errors in their form."""

from http import HTTPStatus

import msgspec

from gateway.domain.dialect import ErrorReply
from gateway.domain.errors import GatewayError
from gateway.domain.route import FailureKind
from gateway.translation.faults import printable, told_of

NESTED_MAX = 3

_STATUS = {
    408: FailureKind.TIMED_OUT,
    429: FailureKind.RATE_LIMITED,
    500: FailureKind.UNREADABLE,
    502: FailureKind.UNREACHABLE,
    503: FailureKind.OVERLOADED,
    504: FailureKind.UNREACHABLE,
    # A host in front of it may say that it is overloaded.
    529: FailureKind.OVERLOADED,
}
_TOO_LONG = (
    "exceeds the context length",
    "longer than the context length",
    "available context size",
    "exceed_context_size_error",
)
_BUSY = ("server busy", "maximum pending requests")


def failure(status: int, body: bytes) -> tuple[FailureKind, str]:
    """Return what kind of failure an engine's error reply is, and its own words."""
    text = _message(_value(body))
    kind = _STATUS.get(status)
    if kind is None:
        rejected = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        kind = FailureKind.REJECTED if rejected else FailureKind.UNREADABLE
    may_be_long = (HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR)
    if status in may_be_long and _speaks_of(text, _TOO_LONG):
        kind = FailureKind.CONTEXT_EXCEEDED
    return kind, printable(text)


def broken(error: object) -> tuple[FailureKind, str]:
    """Return the kind of an error that came inside a reply, and the engine's words."""
    text = _message({"error": error})
    kind = FailureKind.UNREADABLE
    if _speaks_of(text, _TOO_LONG):
        kind = FailureKind.CONTEXT_EXCEEDED
    elif _speaks_of(text, _BUSY):
        kind = FailureKind.OVERLOADED
    return kind, printable(text)


def refusal(error: GatewayError, record_id: str) -> ErrorReply:
    """Return the error as a client of this dialect expects it."""
    return ErrorReply(error.status, msgspec.json.encode(_told(error, record_id)))


def stream_error(error: GatewayError, record_id: str) -> bytes:
    """Return the line that ends a broken stream."""
    return msgspec.json.encode(_told(error, record_id)) + b"\n"


def _told(error: GatewayError, record_id: str) -> dict[str, str]:
    return {"error": told_of(error, record_id)}


def _speaks_of(text: str, marks: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return any(mark in lowered for mark in marks)


def _message(value: object) -> str:
    """Return the innermost message: a server may pass on its runner's error as JSON in a string."""
    text = ""
    for _ in range(NESTED_MAX):
        inner: object = None
        if isinstance(value, dict):
            inner = value.get("error", value.get("message"))
        if isinstance(inner, str):
            text = inner
            inner = _value(inner)
        value = inner
    return text


def _value(text: bytes | str) -> object:
    try:
        found: object = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    return found
