"""The public keys of an issuer, as its JWK Set (RFC 7517) lists them; anything else is skipped."""

from collections.abc import Iterator, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Struct

from gateway.domain.errors import RequestError
from gateway.wire import body as wire_body

SET_BYTES_MAX = 256 * 1024
KEYS_MAX = 64
KID_CHARS_MAX = 256
RSA_BITS_MIN = 2_048
RSA_BITS_MAX = 8_192
# INVARIANT: the kind of a key decides its one algorithm, whatever a token says of itself.
KINDS: Mapping[tuple[str, str | None], str] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
ALGORITHMS = tuple(KINDS.values())
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})


class JwksError(ValueError):
    """It is no JWK Set with a key that can be used; the text never repeats any of it."""


class IssuerKey(Struct, frozen=True):
    """One public key: its id where it has one, its algorithm, and the key itself."""

    kid: str | None
    algorithm: str
    key: Any

    def __repr__(self) -> str:
        """Return nothing of the key."""
        return f"IssuerKey({self.algorithm})"


def read_jwks(raw: bytes) -> tuple[IssuerKey, ...]:
    """Return the keys that can verify a signature; JwksError when there is none.

    A key for something else is skipped, and so are secrets: a symmetric key, or one that is
    published with its private part, proves nothing.
    """
    if len(raw) > SET_BYTES_MAX:
        raise JwksError(f"larger than {SET_BYTES_MAX} bytes")
    try:
        listed = wire_body.parse(raw).get("keys")
    except RequestError:
        raise JwksError("not a JSON object in UTF-8") from None
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise JwksError(f"no list of at most {KEYS_MAX} keys")
    found = tuple(_usable(listed))
    if not found:
        raise JwksError("no key in it can verify a signature")
    return found


def _usable(listed: list[Any]) -> Iterator[IssuerKey]:
    for one in listed:
        algorithm = _algorithm(one) if isinstance(one, dict) else None
        if algorithm is None:
            continue
        kid = one.get("kid")
        if kid is not None and not (isinstance(kid, str) and len(kid) <= KID_CHARS_MAX):
            continue
        try:
            key = jwt.PyJWK(one, algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if isinstance(key, RSAPublicKey) and not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
            continue
        yield IssuerKey(kid, algorithm, key)


def _algorithm(one: dict[str, Any]) -> str | None:
    """Return the algorithm of a key that is there to verify, None for any other."""
    kind, curve = one.get("kty"), one.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None) or _PRIVATE & one.keys():
        return None
    algorithm = KINDS.get((kind, curve))
    operations = one.get("key_ops", ["verify"])
    fits = (
        one.get("use", "sig") == "sig"
        and one.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
    )
    return algorithm if fits else None
