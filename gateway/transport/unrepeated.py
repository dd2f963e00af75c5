"""Errors of engines without the credential that was shown to them, which they may repeat."""

from collections.abc import AsyncIterator, Iterable

from gateway.transport.call import HttpReply

ERROR_MIN = 400
# WHY: what is shorter is no secret, and would be cut out of ordinary words.
SECRET_CHARS_MIN = 8
STANDS_FOR = b"***"
_SHOWN_IN = frozenset(
    {"authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token"}
)


class Unrepeated:
    """A reply that is an error: its body is read whole, and the secrets are cut out of it."""

    def __init__(self, reply: HttpReply, secrets: tuple[bytes, ...]) -> None:
        self._reply = reply
        self._secrets = secrets
        self.status = reply.status
        self.headers = reply.headers

    async def read(self, bytes_max: int) -> bytes:
        """Return the body without the secrets."""
        body = await self._reply.read(bytes_max)
        for secret in self._secrets:
            body = body.replace(secret, STANDS_FOR)
        return body

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives: nobody reads an error that way."""
        return self._reply.chunks()

    def abandon(self) -> None:
        """Close the connection at once."""
        self._reply.abandon()


def unrepeated(reply: HttpReply, sent: Iterable[tuple[str, str]]) -> HttpReply:
    """Return the reply; an error comes without the credentials of the fields that were sent."""
    if reply.status < ERROR_MIN:
        return reply
    shown = (value.rpartition(" ")[2] for name, value in sent if name in _SHOWN_IN)
    secrets = tuple(one.encode() for one in shown if len(one) >= SECRET_CHARS_MIN)
    return Unrepeated(reply, secrets) if secrets else reply
