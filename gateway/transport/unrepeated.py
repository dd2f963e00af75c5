"""Replies of engines without the credential that was shown to them, which they may repeat.

It is cut out as it was sent: in errors, and in what comes with success, where a stream may end with
an error and a whole reply may be one. It is not found where an engine says it in another form:
escaped, encoded, or torn over two events of a stream.
"""

from collections.abc import AsyncIterator, Iterable

from gateway.transport.call import HttpReply

ERROR_MIN = 400
# WHY: what is shorter is no secret, and would be cut out of ordinary words.
SECRET_CHARS_MIN = 8
# WHY: in an answer, unlike in an error, stands what a model says: a key that somebody made up, such
# as `local-model`, must not be cut out of that. What a provider issues is longer.
SECRET_IN_ANSWER_CHARS_MIN = 20
STANDS_FOR = b"***"
_SHOWN_IN = frozenset(
    {"authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token"}
)


class Unrepeated:
    """A reply out of which secrets are cut, read whole or as it arrives."""

    def __init__(self, reply: HttpReply, secrets: tuple[bytes, ...]) -> None:
        self._reply = reply
        self._secrets = secrets
        self.status = reply.status
        self.headers = reply.headers

    async def read(self, bytes_max: int) -> bytes:
        """Return the body without the secrets."""
        return self._without(await self._reply.read(bytes_max))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, without the secrets; leaving early closes the connection.

        INVARIANT: no more is kept back than the beginning of a secret, so what ends in anything
        else, as an event does, leaves at once.
        """
        kept = b""
        try:
            async for chunk in self._reply.chunks():
                data = self._without(kept + chunk)
                end = len(data) - max(_begun(data, secret) for secret in self._secrets)
                kept = data[end:]
                if end:
                    yield data[:end]
            if kept:
                yield kept
        finally:
            self._reply.abandon()

    def abandon(self) -> None:
        """Close the connection at once."""
        self._reply.abandon()

    def _without(self, data: bytes) -> bytes:
        for secret in self._secrets:
            data = data.replace(secret, STANDS_FOR)
        return data


def unrepeated(reply: HttpReply, sent: Iterable[tuple[str, str]]) -> HttpReply:
    """Return the reply, without the credentials of the fields that were sent."""
    is_error = reply.status >= ERROR_MIN
    least = SECRET_CHARS_MIN if is_error else SECRET_IN_ANSWER_CHARS_MIN
    shown = (value.rpartition(" ")[2] for name, value in sent if name in _SHOWN_IN)
    secrets = tuple(one.encode() for one in shown if len(one) >= least)
    return Unrepeated(reply, secrets) if secrets else reply


def _begun(data: bytes, secret: bytes) -> int:
    """Return how many bytes at the end may be the beginning of the secret."""
    at = data.find(secret[:1], max(0, len(data) - len(secret) + 1))
    while at >= 0:
        if secret.startswith(data[at:]):
            return len(data) - at
        at = data.find(secret[:1], at + 1)
    return 0
