"""Errors of engines that speak this dialect, and our own errors in Google's form."""

from http import HTTPStatus
from typing import Any

import msgspec

from gateway.domain.dialect import ErrorReply
from gateway.domain.errors import GatewayError
from gateway.domain.route import FailureKind
from gateway.translation.faults import printable, told_of

_KINDS = {
    408: FailureKind.TIMED_OUT,
    429: FailureKind.RATE_LIMITED,
    499: FailureKind.UNREACHABLE,
    500: FailureKind.UNREADABLE,
    502: FailureKind.UNREACHABLE,
    503: FailureKind.OVERLOADED,
    504: FailureKind.TIMED_OUT,
}
# Status words of the vendor, as they may stand without a number in a reply that had begun.
_NUMBERS = {
    "CANCELLED": 499,
    "DEADLINE_EXCEEDED": 504,
    "FAILED_PRECONDITION": 400,
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "OUT_OF_RANGE": 400,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "UNAUTHENTICATED": 401,
    "UNAVAILABLE": 503,
}
_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_TOO_LONG = (
    "exceeds the maximum number of tokens",
    "exceeds the limit of",
    "maximum context length",
    "input token count",
)


def failure(status: int, body: bytes) -> tuple[FailureKind, str]:
    """Return what kind of failure an engine's error reply is, and its own words."""
    return _classified(status, _text(_error_of(_value(body)).get("message")))


def failure_in(error: object) -> tuple[FailureKind, str]:
    """Return what an error inside a reply of status 200 means."""
    found = error if isinstance(error, dict) else {}
    code, word = found.get("code"), found.get("status")
    status = code if type(code) is int else _NUMBERS.get(_text(word), 500)
    return _classified(status, _text(found.get("message")))


def refusal(error: GatewayError, record_id: str) -> ErrorReply:
    """Return the error as a client of this dialect expects it."""
    return ErrorReply(error.status, told(error, record_id))


def stream_error(error: GatewayError, record_id: str) -> bytes:
    """Return the event that ends a broken stream."""
    return b"data: " + told(error, record_id) + b"\r\n\r\n"


def told(error: GatewayError, record_id: str) -> bytes:
    """Return our error as JSON, with a reason that a program can read."""
    by_client = error.status < HTTPStatus.INTERNAL_SERVER_ERROR
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.code.upper(),
        "domain": "perimeter",
        "metadata": {"record": record_id} if record_id else {},
    }
    said: dict[str, Any] = {
        "code": error.status,
        "message": told_of(error, record_id),
        "status": _WORDS.get(error.status, "INVALID_ARGUMENT" if by_client else "INTERNAL"),
        "details": [detail],
    }
    return msgspec.json.encode({"error": said})


def _classified(status: int, said: str) -> tuple[FailureKind, str]:
    kind = _KINDS.get(status)
    if kind is None:
        rejected = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        kind = FailureKind.REJECTED if rejected else FailureKind.UNREADABLE
    lowered = said.lower()
    if kind is FailureKind.REJECTED and any(mark in lowered for mark in _TOO_LONG):
        kind = FailureKind.CONTEXT_EXCEEDED
    return kind, printable(said)


def _value(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None


def _error_of(value: object) -> dict[str, Any]:
    """Return the error in a reply; a stream that is one array holds it in its first element."""
    found = value[0] if isinstance(value, list) and value else value
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
