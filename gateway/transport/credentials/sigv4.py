"""Amazon's Signature Version 4 over the very call that is sent, and Bedrock's API keys.

The secret is `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with `:SESSION_TOKEN` where it is temporary, or one
Bedrock API key. It stands in the node file, or a source that the fleet file states has fetched it.
"""

import re
from datetime import UTC, datetime

from msgspec import Struct

from gateway.domain.secret import Secret
from gateway.transport.aws_partition import is_region
from gateway.transport.credentials import Fields, Settings, Sign, Unsigned

SERVICE = "bedrock"
REGION = "region"
ALGORITHM = "AWS4-HMAC-SHA256"

_ACCESS_KEY = re.compile(r"[A-Z0-9]{16,128}")
_KEY_PART = re.compile(r"[A-Za-z0-9+/=_-]{16,}")


class Scope(Struct, frozen=True):
    """For which service, in which region, a signature holds."""

    service: str
    region: str


def api_key(secret: Secret | None) -> Fields:
    """Return the field of a Bedrock API key, none for an access key; ValueError for neither."""
    if secret is None:
        raise ValueError("this kind of backend needs a secret")
    text = secret.reveal()
    if ":" not in text:
        return (("authorization", f"Bearer {text}"),)
    key, *rest = text.split(":")
    known = 0 < len(rest) <= 2 and all(_KEY_PART.fullmatch(part) for part in rest)  # noqa: PLR2004
    if not _ACCESS_KEY.fullmatch(key) or not known:
        raise ValueError("the secret is no access key id and secret, and no API key")
    return ()


def signer(secret: Secret | None, settings: Settings) -> Sign | None:
    """Return what signs each call, None where the secret is an API key; ValueError."""
    if secret is None or api_key(secret):
        return None
    region = settings.get(REGION)
    if not isinstance(region, str) or not is_region(region):
        raise ValueError("a signature needs a region of AWS")
    # WHY: botocore costs a fifth of a second; a gateway without Bedrock never loads it.
    import botocore.auth  # noqa: F401

    return lambda unsigned, at: signed(unsigned, at, secret, Scope(SERVICE, region))


def signed(unsigned: Unsigned, at: datetime, secret: Secret, scope: Scope) -> Fields:
    """Return the fields of the signature.

    INVARIANT: everything comes as an argument, the time included; the URL is the one that is sent,
    percent-encoding and all, for the signature covers it encoded once more.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import ReadOnlyCredentials

    key, secret_key, *token = secret.reveal().split(":")
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    dated = [("x-amz-date", stamp), *(("x-amz-security-token", one) for one in token)]
    request = AWSRequest(
        method=unsigned.method,
        url=unsigned.url,
        headers=dict([*unsigned.headers, *dated]),
        data=unsigned.body,
    )
    request.context["timestamp"] = stamp
    auth = SigV4Auth(ReadOnlyCredentials(key, secret_key, None), scope.service, scope.region)
    names = auth.signed_headers(auth.headers_to_sign(request))
    signature = auth.signature(
        auth.string_to_sign(request, auth.canonical_request(request)), request
    )
    said = f"Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"
    return (*dated, ("authorization", f"{ALGORITHM} {said}"))
