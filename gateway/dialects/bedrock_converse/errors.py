"""Errors of Bedrock, and ours in its form: as replies, inside a reply, and inside a stream.

The name of an error stands in a header; of an engine's, status and message can be judged here.
"""

from typing import Any

import msgspec

from gateway.domain.dialect import ErrorReply
from gateway.domain.errors import GatewayError
from gateway.domain.route import FailureKind
from gateway.translation.faults import printable, told_of
from gateway.wire.eventstream import framed

_STATUS = {
    401: FailureKind.UNREACHABLE,
    403: FailureKind.UNREACHABLE,
    404: FailureKind.UNREACHABLE,
    408: FailureKind.TIMED_OUT,
    424: FailureKind.UNREADABLE,
    429: FailureKind.RATE_LIMITED,
    502: FailureKind.UNREACHABLE,
    503: FailureKind.OVERLOADED,
    504: FailureKind.UNREACHABLE,
}
_NAMES = {
    "validation": FailureKind.REJECTED,
    "throttling": FailureKind.RATE_LIMITED,
    "servicequotaexceeded": FailureKind.RATE_LIMITED,
    "modelnotready": FailureKind.RATE_LIMITED,
    "serviceunavailable": FailureKind.OVERLOADED,
    "modeltimeout": FailureKind.TIMED_OUT,
}
_TOO_LONG = (
    "input is too long",
    "prompt is too long",
    "maximum context length",
    "exceed context limit",
    "context window",
    "too many input tokens",
    "maximum number of tokens",
)
_TOO_MANY = ("too many requests", "too many tokens", "throttl", "quota")
# WHY: these are faults of our catalogue; another candidate may well answer.
_OUR_FAULT = (
    "on-demand throughput",
    "model identifier is invalid",
    "end of its life",
    "inference profile",
    "don't have access to the model",
    "isn't supported on this route",
)
# WHY: the name decides what the vendor's client does: throttling, unavailability and what is ours
# are tried again, a validation error is shown once.
_CALLED = {
    401: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    500: "InternalServerException",
    502: "InternalServerException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}
SHOWN_ONCE = "ValidationException"
_IN_STREAM = {
    "ModelTimeoutException": "modelStreamErrorException",
    "ServiceUnavailableException": "serviceUnavailableException",
    "ThrottlingException": "throttlingException",
    SHOWN_ONCE: "validationException",
}
ERROR_TYPE = "x-amzn-errortype"
REQUEST_ID = "x-amzn-requestid"


def refusal(error: GatewayError, record_id: str) -> ErrorReply:
    """Return the error as a client of this dialect expects it: its name is in a header."""
    told = [(ERROR_TYPE, _CALLED.get(error.status, SHOWN_ONCE))]
    if record_id:
        told.append((REQUEST_ID, record_id))
    return ErrorReply(error.status, _told(error, record_id), headers=tuple(told))


def stream_error(error: GatewayError, record_id: str) -> bytes:
    """Return the exception that ends a broken stream."""
    name = _IN_STREAM.get(_CALLED.get(error.status, SHOWN_ONCE), "internalServerException")
    headers = {
        ":exception-type": name,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return framed(headers, _told(error, record_id))


def _told(error: GatewayError, record_id: str) -> bytes:
    return msgspec.json.encode({"message": told_of(error, record_id)})


def failure(status: int, body: bytes) -> tuple[FailureKind, str]:
    """Return what kind of failure an error reply is, and its own words."""
    said = message_in(body)
    kind = _STATUS.get(status)
    if kind is None:
        rejected = 400 <= status < 500  # noqa: PLR2004
        kind = FailureKind.REJECTED if rejected else FailureKind.UNREADABLE
    return _refined(kind, said), printable(said)


def kind_of(name: str, said: str) -> FailureKind:
    """Return the kind of an exception by its name, `throttlingException` for one."""
    short = name.lower().removesuffix("exception")
    return _refined(_NAMES.get(short, FailureKind.UNREADABLE), said)


def message_in(body: bytes) -> str:
    """Return the message of an error, in either spelling, or nothing."""
    try:
        value: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict):
        return ""
    found = value.get("message", value.get("Message"))
    return found if isinstance(found, str) else ""


def _refined(kind: FailureKind, said: str) -> FailureKind:
    """Return what a rejection really is: the message is all that tells."""
    if kind is not FailureKind.REJECTED:
        return kind
    lowered = said.lower()
    if any(mark in lowered for mark in _TOO_LONG):
        return FailureKind.CONTEXT_EXCEEDED
    if any(mark in lowered for mark in _TOO_MANY):
        return FailureKind.RATE_LIMITED
    if any(mark in lowered for mark in _OUR_FAULT):
        return FailureKind.UNREADABLE
    return kind
