"""Errors: the engine's, as they are understood, and ours, as the client gets them."""

from typing import Any

import msgspec

from gateway.dialects.openai_responses.answer import response
from gateway.domain.dialect import ErrorReply
from gateway.domain.errors import GatewayError
from gateway.domain.route import FailureKind
from gateway.translation.faults import object_in, openai_error, printable

# WHY: who ends a broken stream does not know how many events went before; numbers must grow.
SEQUENCE_LAST = 2**31 - 1

_KINDS = {
    401: FailureKind.UNREACHABLE,
    403: FailureKind.UNREACHABLE,
    407: FailureKind.UNREACHABLE,
    408: FailureKind.TIMED_OUT,
    429: FailureKind.RATE_LIMITED,
    502: FailureKind.UNREACHABLE,
    503: FailureKind.OVERLOADED,
    504: FailureKind.UNREACHABLE,
    529: FailureKind.OVERLOADED,
}
_STATUS_BY_WORD = {
    "BadRequestError": 400,
    "context_length_exceeded": 400,
    "insufficient_quota": 429,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "server_is_overloaded": 503,
    "slow_down": 503,
}
_CONTEXT_PHRASES = ("maximum context length", "context window", "max_model_len")


def failure(status: int, body: bytes) -> tuple[FailureKind, str]:
    """Return what an error reply of an engine means, and its words if there are any."""
    return _failure(status, _error_in(object_in(body)))


def failure_in(event: dict[str, Any]) -> tuple[FailureKind, str]:
    """Return what an error inside a reply of status 200 means: an event, or a failed response."""
    error = _error_in(event)
    return _failure(_status(error), error)


def refusal(error: GatewayError, record_id: str) -> ErrorReply:
    """Return our own error in OpenAI's form."""
    return ErrorReply(error.status, msgspec.json.encode({"error": openai_error(error, record_id)}))


def stream_error(error: GatewayError, record_id: str) -> bytes:
    """Return the event that ends a broken stream: a response that failed.

    WHY: `error` stands at the top, too: by it OpenAI's SDK raises where it would only hand on.
    """
    told = openai_error(error, record_id)
    rate = error.status == 429  # noqa: PLR2004
    code = "rate_limit_exceeded" if rate else "server_error"
    failed = response("", record_id) | {
        "status": "failed",
        "error": {"code": code, "message": told["message"]},
    }
    event = {
        "type": "response.failed",
        "sequence_number": SEQUENCE_LAST,
        "response": failed,
        "error": told,
    }
    return b"event: response.failed\ndata: " + msgspec.json.encode(event) + b"\n\n"


def _failure(status: int, error: dict[str, Any]) -> tuple[FailureKind, str]:
    message = error.get("message", error.get("detail"))
    said = printable(message) if isinstance(message, str) else ""
    kind = _KINDS.get(status)
    if kind is None:
        rejected = 400 <= status < 500  # noqa: PLR2004
        kind = FailureKind.REJECTED if rejected else FailureKind.UNREADABLE
    if kind is FailureKind.REJECTED and _tells_of_context(error, said):
        kind = FailureKind.CONTEXT_EXCEEDED
    return kind, said


def _tells_of_context(error: dict[str, Any], said: str) -> bool:
    return (
        error.get("param") == "input_tokens"
        or error.get("code") == "context_length_exceeded"
        or any(phrase in said for phrase in _CONTEXT_PHRASES)
    )


def _status(error: dict[str, Any]) -> int:
    """Return the status that the error would have had as a reply of its own; 500 when unknown."""
    code = error.get("code")
    if type(code) is int and 400 <= code < 600:  # noqa: PLR2004
        return code
    named = (str(error.get(name)) for name in ("code", "type"))
    return next((_STATUS_BY_WORD[word] for word in named if word in _STATUS_BY_WORD), 500)


def _error_in(holder: dict[str, Any]) -> dict[str, Any]:
    """Return the error: of a failed response, in a field, or the fields of the event itself."""
    inside = holder.get("response")
    if isinstance(inside, dict) and inside.get("error"):
        holder = inside
    error = holder.get("error") or holder
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}
