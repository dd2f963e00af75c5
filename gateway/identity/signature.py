"""Amazon's Signature Version 4 over a request as it was received, for callers who sign.

What is signed is the path and the query of the request line, the headers that the signature names
and the hash of the body. Nothing is normalised: a client signs what it sends.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_from_bytes

from msgspec import Struct

from gateway.identity.sent import SIGNED_QUERY, TOKEN_HEADER, Sent

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "bedrock"
TERMINATOR = "aws4_request"
HASH_HEADER = "x-amz-content-sha256"
DATE_HEADER = "x-amz-date"
WINDOW = timedelta(minutes=5)
AUTHORIZATION_CHARS_MAX = 4_096
NAMES_MAX = 64

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=(?P<id>[A-Za-z0-9_]{{1,128}})/(?P<date>[0-9]{{8}})"
    r"/(?P<region>[a-z]{2,5}(?:-[a-z]{2,16}){1,3}-[0-9]{1,2})/(?P<service>[a-z0-9-]{1,64})"
    rf"/{TERMINATOR}, *SignedHeaders=(?P<names>[a-z0-9;!#$%&'*+.^_|~`-]+)"
    r", *Signature=(?P<signature>[0-9a-f]{64})"
)
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HASH = re.compile(r"[0-9a-f]{64}")
# WHY: only what HTTP calls white space; \xa0 is one bit away from a space and is another value.
_SPACES = re.compile(rb"[ \t]+")
_WITH_PORT = re.compile(rb"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:]+):[0-9]{1,5}")


class Claim(Struct, frozen=True):
    """What a well-formed signed request says of itself; nothing of it is proven yet.

    `heads` are the canonical request up to the hash of the body, one for each form of the host
    that clients sign. `told_sha256` is what the client says that hash is, empty when it does not.
    """

    access_key_id: str
    stamp: str
    region: str
    signature: str
    heads: tuple[bytes, ...]
    told_sha256: str = ""

    def __repr__(self) -> str:
        """Return nothing of the request."""
        return "Claim(***)"

    @property
    def scope(self) -> str:
        """Where and when the signature is good for."""
        return f"{self.stamp[:8]}/{self.region}/{SERVICE}/{TERMINATOR}"


def is_signed(sent: Sent) -> bool:
    """Does the request come with a signature, good or not?"""
    return sent.fields.get("authorization", "").lstrip(" \t").startswith("AWS4-")


def claim_of(sent: Sent, now: datetime) -> Claim | None:
    """Return what the request claims; None when it is not well-formed, or not of now."""
    authorization = sent.fields.get("authorization", "").strip(" \t")
    if len(authorization) > AUTHORIZATION_CHARS_MAX or sent.asks_in_the_query(SIGNED_QUERY):
        return None
    found = _AUTHORIZATION.fullmatch(authorization)
    if found is None or found["service"] != SERVICE or TOKEN_HEADER in sent.fields:
        return None
    names = found["names"].split(";")
    values = _signed_values(sent, names)
    stamp = sent.fields.get(DATE_HEADER, "")
    told = sent.values(HASH_HEADER)
    if values is None or not _is_of(stamp, found["date"], now) or not _is_hash(told):
        return None
    return Claim(
        access_key_id=found["id"],
        stamp=stamp,
        region=found["region"],
        signature=found["signature"],
        heads=tuple(_head(sent, {**values, "host": host}) for host in _hosts(values["host"])),
        told_sha256=told[0].decode("ascii") if told else "",
    )


def signing_key(secret: str, claim: Claim) -> bytes:
    """Return the key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in claim.scope.split("/"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key


def is_proven(claim: Claim, key: bytes, body_sha256: bytes) -> bool:
    """Was exactly this request, with a body of that hash, signed with the key?

    INVARIANT: the hash is that of the bytes that were received, whatever the client says it is.
    """
    digest = body_sha256.hex()
    honest = hmac.compare_digest(claim.told_sha256 or digest, digest)
    right = [
        hmac.compare_digest(_signature(claim, key, head + digest.encode()), claim.signature)
        for head in claim.heads
    ]
    return honest and any(right)


def _signature(claim: Claim, key: bytes, canonical: bytes) -> str:
    hashed = hashlib.sha256(canonical).hexdigest()
    text = "\n".join((ALGORITHM, claim.stamp, claim.scope, hashed))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _signed_values(sent: Sent, names: list[str]) -> dict[str, bytes] | None:
    """Return each signed header's one value; None unless they are sorted, there, and enough."""
    if len(names) > NAMES_MAX or names != sorted(set(names)):
        return None
    if not {"host", DATE_HEADER} <= set(names):
        return None
    wanted = set(names)
    found = [(name, value) for name, value in sent.headers if name in wanted]
    if len(found) != len(names) or {name for name, _ in found} != wanted:
        return None
    return {name: _SPACES.sub(b" ", value.strip(b" \t")) for name, value in found}


def _is_of(stamp: str, date: str, now: datetime) -> bool:
    if not _STAMP.fullmatch(stamp) or stamp[:8] != date:
        return False
    try:
        at = datetime.strptime(f"{stamp[:-1]}+0000", "%Y%m%dT%H%M%S%z")
        return abs(now.astimezone(UTC) - at) <= WINDOW
    except (ValueError, OverflowError):
        return False


def _is_hash(told: list[bytes]) -> bool:
    """Is it said once, or not at all, and as a hash: not as a body that nobody signed?"""
    return not told or (len(told) == 1 and bool(_HASH.fullmatch(told[0].decode("latin-1"))))


def _hosts(host: bytes) -> tuple[bytes, ...]:
    """Return the host as it came, and without its port.

    WHY: Anthropic's SDK for Bedrock in JavaScript signs the name alone and sends it with its port.
    """
    found = _WITH_PORT.fullmatch(host)
    return (host,) if found is None else (host, found["name"])


def _head(sent: Sent, values: dict[str, bytes]) -> bytes:
    """Return the canonical request but for the hash of the body.

    The path is percent-encoded once more than it was sent, as everywhere but at S3.
    """
    path = quote_from_bytes(sent.path or b"/", safe="/~").encode()
    lines = [name.encode() + b":" + value + b"\n" for name, value in sorted(values.items())]
    names = ";".join(sorted(values)).encode()
    parts = (sent.method.encode(), path, _query(sent.query), b"".join(lines), names, b"")
    return b"\n".join(parts)


def _query(query: bytes) -> bytes:
    pairs = [pair.partition(b"=") for pair in query.split(b"&")] if query else []
    return b"&".join(
        name + b"=" + value for name, value in sorted((name, value) for name, _, value in pairs)
    )
