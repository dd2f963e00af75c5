"""Errors: the engine's, as they are understood, and ours, as the client gets them."""

from typing import Any

import msgspec

from gateway.domain.dialect import ErrorReply
from gateway.domain.errors import GatewayError
from gateway.domain.route import FailureKind
from gateway.translation.faults import object_in, openai_error, printable

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
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "overloaded_error": 529,
    "invalid_request_error": 400,
    "BadRequestError": 400,
    "context_length_exceeded": 400,
}
_CONTEXT_PHRASES = (
    "maximum context length",
    "exceeds the available context size",
    "max_model_len",
)


def failure(status: int, body: bytes) -> tuple[FailureKind, str]:
    """Return what an error reply of an engine means, and its words if there are any."""
    words = _Words(body)
    kind = _KINDS.get(status)
    if kind is None:
        rejected = 400 <= status < 500  # noqa: PLR2004
        kind = FailureKind.REJECTED if rejected else FailureKind.UNREADABLE
    if kind is FailureKind.REJECTED and words.tell_of_context:
        kind = FailureKind.CONTEXT_EXCEEDED
    return kind, words.said


def failure_in(data: bytes) -> tuple[FailureKind, str]:
    """Return what an error inside a reply of status 200 means."""
    return failure(_Words(data).status, data)


def refusal(error: GatewayError, record_id: str) -> ErrorReply:
    """Return our own error in OpenAI's form."""
    return ErrorReply(error.status, msgspec.json.encode({"error": openai_error(error, record_id)}))


def stream_error(error: GatewayError, record_id: str) -> bytes:
    """Return the event that ends a broken stream; no `[DONE]` follows it."""
    return b"data: " + msgspec.json.encode({"error": openai_error(error, record_id)}) + b"\n\n"


class _Words:
    """An engine's error body: OpenAI's form, a bare string, or fields at the top."""

    def __init__(self, body: bytes) -> None:
        holder = object_in(body)
        error = holder.get("error", holder)
        if isinstance(error, str):
            error = {"message": error}
        self._error: dict[str, Any] = error if isinstance(error, dict) else {}
        message = self._error.get("message", self._error.get("detail"))
        self.said = printable(message) if isinstance(message, str) else ""

    @property
    def status(self) -> int:
        """The status that the error would have had as a reply of its own; 500 when unknown."""
        code = self._error.get("code")
        if isinstance(code, str) and code.isdecimal() and len(code) == len("500"):
            code = int(code)
        if type(code) is int and 400 <= code < 600:  # noqa: PLR2004
            return code
        named = (str(self._error.get(name)) for name in ("code", "type"))
        return next((_STATUS_BY_WORD[word] for word in named if word in _STATUS_BY_WORD), 500)

    @property
    def tell_of_context(self) -> bool:
        """Do they say that the prompt is too long for the model?"""
        return (
            self._error.get("param") == "input_tokens"
            or self._error.get("code") == "context_length_exceeded"
            or any(phrase in self.said for phrase in _CONTEXT_PHRASES)
        )
