"""Errors of engines that speak this dialect, and our own errors in its form."""

from http import HTTPStatus
from typing import Any

import msgspec

from gateway.domain.dialect import ErrorReply
from gateway.domain.errors import GatewayError
from gateway.domain.route import FailureKind
from gateway.translation.faults import object_in, printable, told_of

OVERLOADED_STATUS = 529

_STATUS = {
    408: FailureKind.TIMED_OUT,
    429: FailureKind.RATE_LIMITED,
    500: FailureKind.UNREADABLE,
    502: FailureKind.UNREACHABLE,
    503: FailureKind.OVERLOADED,
    504: FailureKind.UNREACHABLE,
    OVERLOADED_STATUS: FailureKind.OVERLOADED,
}
_TYPES = {
    "overloaded_error": FailureKind.OVERLOADED,
    "rate_limit_error": FailureKind.RATE_LIMITED,
    "timeout_error": FailureKind.TIMED_OUT,
    "invalid_request_error": FailureKind.REJECTED,
    "BadRequestError": FailureKind.REJECTED,
    "request_too_large": FailureKind.REJECTED,
}
_TOO_LONG = (
    "prompt is too long",
    "maximum context length",
    "exceed context limit",
    "max_model_len",
)
_NAMES = {
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "overloaded_error",
    504: "api_error",
}


def failure(status: int, body: bytes) -> tuple[FailureKind, str]:
    """Return what kind of failure an engine's error reply is, and its own words."""
    said = _said(body)
    kind = _STATUS.get(status)
    if kind is None:
        rejected = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        kind = FailureKind.REJECTED if rejected else FailureKind.UNREADABLE
    if status == HTTPStatus.BAD_REQUEST and _too_long(said):
        kind = FailureKind.CONTEXT_EXCEEDED
    return kind, printable(said)


def kind_of_error(name: str, said: str) -> FailureKind:
    """Return the kind of an error that came inside a reply."""
    kind = _TYPES.get(name, FailureKind.UNREADABLE)
    if kind is FailureKind.REJECTED and _too_long(said):
        return FailureKind.CONTEXT_EXCEEDED
    return kind


def refusal(error: GatewayError, record_id: str) -> ErrorReply:
    """Return the error as a client of this dialect expects it."""
    return ErrorReply(error.status, msgspec.json.encode(_told(error, record_id)))


def stream_error(error: GatewayError, record_id: str) -> bytes:
    """Return the event that ends a broken stream."""
    return b"event: error\ndata: " + msgspec.json.encode(_told(error, record_id)) + b"\n\n"


def _told(error: GatewayError, record_id: str) -> dict[str, Any]:
    name = _NAMES.get(error.status, "invalid_request_error")
    fault = {"type": name, "message": told_of(error, record_id)}
    told: dict[str, Any] = {"type": "error", "error": fault}
    if record_id:
        told["request_id"] = record_id
    return told


def _too_long(said: str) -> bool:
    lowered = said.lower()
    return any(mark in lowered for mark in _TOO_LONG)


def _said(body: bytes) -> str:
    """Return the engine's message, in the forms that engines of this dialect use, or nothing."""
    value = object_in(body)
    error = value.get("error", value.get("detail"))
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else ""
