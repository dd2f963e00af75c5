"""A bearer token that is a signed JWT (RFC 7519, RFC 8725): proven, of now, and for us.

INVARIANT: what a token says of itself is not believed before its signature is proven by a key of
the issuer that the node file names; no address in a token is ever asked.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt
from msgspec import Struct

from gateway.domain.errors import RequestError
from gateway.identity.jwks import KID_CHARS_MAX, IssuerKey
from gateway.wire import body as wire_body

TOKEN_CHARS_MAX = 16 * 1024
LEEWAY_S = 60
AUDIENCES_MAX = 32
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_TYPES = frozenset({None, "jwt", "at+jwt", "application/jwt", "application/at+jwt"})
# WHY: each changes what the signature covers, or asks that something be understood.
_REFUSED_HEADERS = frozenset({"crit", "b64", "zip", "enc"})
_KEYS_TRIED_MAX = 4


class TokenError(ValueError):
    """The token proves nothing; nobody is told why."""


class UnknownKidError(TokenError):
    """It names a key that the issuer may have made since its keys were fetched."""


class Told(Struct, frozen=True):
    """What a token says of itself, unproven: by which algorithm and key, and who made it."""

    token: str
    algorithm: str
    kid: str | None
    issuer: str


class Expected(Struct, frozen=True):
    """Whose tokens are believed, for whom they must be, and by which algorithms."""

    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]


def looks_like_token(text: str) -> bool:
    """Has it the form of a compact signed token? A key of ours never has."""
    return text.count(".") == 2 and text.startswith("ey")  # noqa: PLR2004 - three parts


def read_token(token: str) -> Told:
    """Return what the token says of itself; TokenError when it cannot be read."""
    if len(token) > TOKEN_CHARS_MAX or not _COMPACT.fullmatch(token):
        raise TokenError("not a compact token")
    try:
        head, payload, _ = token.split(".")
        header = wire_body.parse(jwt.utils.base64url_decode(head))
        claims = wire_body.parse(jwt.utils.base64url_decode(payload))
    except (RequestError, ValueError):
        raise TokenError("not readable") from None
    kid, kind = header.get("kid"), header.get("typ")
    algorithm, issuer = header.get("alg"), claims.get("iss")
    if not isinstance(algorithm, str) or not isinstance(issuer, str):
        raise TokenError("no algorithm or no issuer")
    if not isinstance(kid, str | None) or not isinstance(kind, str | None):
        raise TokenError("a header that is no text")
    if kind is not None:
        kind = kind.lower()
    long = kid is not None and len(kid) > KID_CHARS_MAX
    if _REFUSED_HEADERS & header.keys() or long or kind not in _TYPES:
        raise TokenError("a header of another kind of token")
    return Told(token, algorithm, kid, issuer)


def proven(
    told: Told, keys: tuple[IssuerKey, ...], expected: Expected, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a token that is proven, of now and for us; TokenError."""
    if told.issuer != expected.issuer or told.algorithm not in expected.algorithms:
        raise TokenError("another issuer or algorithm")
    fitting = [key for key in keys if key.algorithm == told.algorithm]
    named = [key for key in fitting if key.kid == told.kid] if told.kid is not None else fitting
    if not named:
        raise UnknownKidError("no such key")
    if told.kid is None and len(named) > 1:
        raise TokenError("which key is not said")
    claims = wire_body.parse(_payload(told, named[:_KEYS_TRIED_MAX]))
    if not _is_for(claims, expected) or not _is_of(claims, now.timestamp()):
        raise TokenError("for another audience, or of another time")
    return claims


def _payload(told: Told, keys: list[IssuerKey]) -> bytes:
    """Return the signed bytes, once one of the keys proves them."""
    jws = jwt.PyJWS(algorithms=[told.algorithm])
    for one in keys:
        try:
            found = jws.decode_complete(told.token, one.key, algorithms=[one.algorithm])
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        payload: bytes = found["payload"]
        return payload
    raise TokenError("not signed by the issuer")


def _is_for(claims: Mapping[str, Any], expected: Expected) -> bool:
    told = claims.get("aud")
    audiences = [told] if isinstance(told, str) else told
    if not isinstance(audiences, list) or len(audiences) > AUDIENCES_MAX:
        return False
    return claims.get("iss") == expected.issuer and any(
        isinstance(one, str) and one in expected.audiences for one in audiences
    )


def _is_of(claims: Mapping[str, Any], now_s: float) -> bool:
    """Is it valid at that moment? Without an end it never is."""
    ends = _time(claims.get("exp"))
    if ends is None or now_s >= ends + LEEWAY_S:
        return False
    begun = [_time(claims[name]) for name in ("nbf", "iat") if name in claims]
    return all(one is not None and one <= now_s + LEEWAY_S for one in begun)


def _time(value: object) -> float | None:
    is_time = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_time else None  # type: ignore[arg-type]
