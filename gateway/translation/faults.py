"""Errors on their way: an engine's words made fit to show, and ours in OpenAI's form."""

from typing import Any

import msgspec

from gateway.domain.errors import GatewayError

SAID_CHARS_MAX = 500

_TYPES = {401: "authentication_error", 429: "rate_limit_error"}


def printable(text: str) -> str:
    """Return at most SAID_CHARS_MAX characters, each of them printable."""
    cut = text[:SAID_CHARS_MAX]
    return "".join(char if char.isprintable() else " " for char in cut).strip()


def object_in(body: bytes) -> dict[str, Any]:
    """Return the object that a body is; an empty one where it is none, as an HTML page.

    Google puts the error of what would have been a stream into a list.
    """
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else {}


def told_of(error: GatewayError, record_id: str) -> str:
    """Return what the client is told, as a sentence, and where it is recorded."""
    what = error.what if error.what.endswith((".", "!", "?")) else f"{error.what}."
    return f"{what} Record {record_id}." if record_id else what


def openai_error(error: GatewayError, record_id: str) -> dict[str, Any]:
    """Return our own error as OpenAI's APIs say one."""
    by_client = 400 <= error.status < 500  # noqa: PLR2004
    kind = _TYPES.get(error.status, "invalid_request_error" if by_client else "server_error")
    message = told_of(error, record_id)
    return {"message": message, "type": kind, "param": None, "code": error.code}
