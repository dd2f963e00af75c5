"""Replies of engines without the credential that was shown to them, which they may repeat.

It is cut out of errors, and of what comes with success, where a stream may end with an error and a
whole reply may be one: as it was sent, and as usual encoders write it (JSON, a URL, base64, hex).
It is not found where an engine says it in a form of its own, or torn over two events of a stream:
to hold back whatever might be a part of it would change streams for an engine that repeats on
purpose what it alone was told.
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterable, Iterator
from functools import lru_cache
from string import ascii_letters, digits

from gateway.transport.call import HttpReply

ERROR_MIN = 400
# WHY: what is shorter is no secret, and would be cut out of ordinary words.
SECRET_CHARS_MIN = 8
# WHY: in an answer, unlike in an error, stands what a model says: a key that somebody made up, such
# as `local-model`, must not be cut out of that. What a provider issues is longer.
SECRET_IN_ANSWER_CHARS_MIN = 20
# WHY: fewer characters of base64 may stand anywhere by chance.
ENCODED_CHARS_MIN = 16
PLAIN = ascii_letters + digits
STANDS_FOR = b"***"
# Credentials whose forms are kept: those of the backends, and of their latest renewals.
SECRETS_MAX = 256
_SIGNED = "AWS4-HMAC-SHA256 "
_SHOWN_IN = frozenset(
    {"authorization", "x-api-key", "api-key", "x-goog-api-key", "x-amz-security-token"}
)


class Unrepeated:
    """A reply out of which secrets are cut, read whole or as it arrives."""

    def __init__(self, reply: HttpReply, secrets: tuple[bytes, ...]) -> None:
        self._reply = reply
        self._secrets = secrets
        self._within = frozenset(b"".join(one[:-1] for one in secrets))
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
                end = len(data) - self._begun(data)
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

    def _begun(self, data: bytes) -> int:
        # WHY: an event ends in what stands in no secret, and is not looked at ten times for it.
        if not data or data[-1] not in self._within:
            return 0
        return max(_begun(data, secret) for secret in self._secrets)

    def _without(self, data: bytes) -> bytes:
        for secret in self._secrets:
            data = data.replace(secret, STANDS_FOR)
        return data


def unrepeated(reply: HttpReply, sent: Iterable[tuple[str, str]]) -> HttpReply:
    """Return the reply, without the credentials of the fields that were sent."""
    is_error = reply.status >= ERROR_MIN
    least = SECRET_CHARS_MIN if is_error else SECRET_IN_ANSWER_CHARS_MIN
    shown = (value for name, value in sent if name in _SHOWN_IN)
    secrets = tuple(form for one in shown for form in _forms_in(one, least))
    return Unrepeated(reply, secrets) if secrets else reply


def _forms_in(value: str, least: int) -> tuple[bytes, ...]:
    """Return what is to be cut of the value of a field."""
    secret = value.rpartition(" ")[2]
    if len(secret) < least:
        return ()
    # WHY: a signature is of one request, and no credential.
    return (secret.encode(),) if value.startswith(_SIGNED) else _forms(secret)


@lru_cache(SECRETS_MAX)
def _forms(secret: str) -> tuple[bytes, ...]:
    """Return the secret as it was sent and in its other forms, each once, the longest first."""
    encoded = {one for one in _encoded(secret) if len(one) >= ENCODED_CHARS_MIN}
    return tuple(sorted({secret.encode(), *encoded}, key=lambda one: (-len(one), one)))


def _encoded(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield secret.replace("/", "\\/").encode()
    for number in ("04x", "04X"):
        yield _escaped(secret, f"\\u{{:{number}}}", "").encode()
        yield _escaped(secret, f"\\u{{:{number}}}", PLAIN).encode()
    for number in ("02x", "02X"):
        yield _escaped(secret, f"%{{:{number}}}", PLAIN + "-._~").encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):
        # WHY: what stands before it moves its bits; the characters that hold no other bits stay.
        begin, end = (shift * 8 + 5) // 6, (shift + len(raw)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(shift) + raw)[begin:end]


def _escaped(secret: str, form: str, plain: str) -> str:
    return "".join(one if one in plain else form.format(ord(one)) for one in secret)


def _begun(data: bytes, secret: bytes) -> int:
    """Return how many bytes at the end may be the beginning of the secret."""
    at = data.find(secret[:1], max(0, len(data) - len(secret) + 1))
    while at >= 0:
        if secret.startswith(data[at:]):
            return len(data) - at
        at = data.find(secret[:1], at + 1)
    return 0
