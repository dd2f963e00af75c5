"""Errors of a count under the names that its client knows."""

from collections.abc import Callable

from msgspec.structs import replace

from gateway.domain.dialect import ErrorReply
from gateway.domain.errors import GatewayError

Refuse = Callable[[GatewayError, str], ErrorReply]

# WHY: CountTokens lists no ModelTimeoutException; a client would raise an error without a class.
_UNLISTED = {"ModelTimeoutException": "ServiceUnavailableException"}


def listed(refusal: Refuse) -> Refuse:
    """Return the refusal of Converse, by the names that CountTokens lists."""

    def refuse(error: GatewayError, record_id: str) -> ErrorReply:
        reply = refusal(error, record_id)
        named = tuple((name, _UNLISTED.get(value, value)) for name, value in reply.headers)
        return replace(reply, headers=named)

    return refuse
