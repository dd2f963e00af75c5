"""What goes back to the client."""

from collections.abc import AsyncGenerator

from msgspec import Struct

from gateway.domain.dialect import ErrorReply
from gateway.domain.errors import GatewayError

SHOWN_ONCE = 400
RECORD_HEADERS = ("x-perimeter-record", "request-id", "x-request-id")


class Reply(Struct, frozen=True):
    """Status, headers (lower-case names) and body: whole, or a stream to be closed after use."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | AsyncGenerator[bytes, None]


def told(record_id: str, also: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    """Return the headers that name the record; `also` are those of the client's vendor."""
    return tuple((name, record_id) for name in (*RECORD_HEADERS, *also)) if record_id else ()


def error_reply(error: GatewayError, form: ErrorReply, record_id: str) -> Reply:
    """Return an error in the client's own form, with what it needs to decide about a retry."""
    headers = [("content-type", form.content_type), *told(record_id), *form.headers]
    if error.retry_after_s is not None:
        headers.append(("retry-after", str(error.retry_after_s)))
    if form.status == SHOWN_ONCE:
        headers.append(("x-should-retry", "false"))
    return Reply(form.status, tuple(headers), form.body)
