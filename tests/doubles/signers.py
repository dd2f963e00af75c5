"""Clients that sign: botocore with a time of our choice, and requests as identity sees them."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from msgspec import Struct

from gateway.domain.caller import Caller
from gateway.domain.errors import Unauthenticated
from gateway.identity.access_keys import AccessKeys, Unproven, secret_of
from gateway.identity.callers import Callers
from gateway.identity.keys import HeldKeys, KeyEntry, KeyRing, refused
from gateway.identity.sent import Sent

REGION = "eu-central-1"
ROOT = bytes(range(32))
NAME = "PMT_CLIENT"
NOW = datetime(2026, 11, 27, 7, 51, 30, tzinfo=UTC)
ENTRY = KeyEntry("cleo", "payments", generation=1, label="internal", repos=("ledger",))
CLEO = Caller("client", "cleo", "payments", "internal", ("ledger",))
URL = "http://gateway.test:8080/r/ledger/model/a%3A0/converse?beta=true&x=1"
BODY = b'{"messages":[{"role":"user","content":"hello"}]}'
FIELDS = {"content-type": "application/json", "x-perimeter-label": "internal +pii"}


class Access(Struct, frozen=True):
    """An access key as a client holds it."""

    name: str = NAME
    secret: str = secret_of(ROOT, NAME, 1).reveal()
    token: str | None = None


def signed(
    url: str = URL,
    body: bytes = BODY,
    fields: dict[str, str] | None = None,
    access: Access = Access(),  # noqa: B008 - a frozen value
    **over: Any,
) -> dict[str, str]:
    """Return the fields of a request that botocore has signed; `over` is where, when and how."""
    at: datetime = over.get("at", NOW)
    request = AWSRequest(
        method=over.get("method", "POST"), url=url, headers=fields or FIELDS, data=body
    )
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = stamp
    if access.token is not None:
        request.headers["X-Amz-Security-Token"] = access.token
    request.context["timestamp"] = stamp
    keys = ReadOnlyCredentials(access.name, access.secret, access.token)
    auth = SigV4Auth(keys, over.get("service", "bedrock"), over.get("region", REGION))
    text = auth.string_to_sign(request, auth.canonical_request(request))
    names = auth.signed_headers(auth.headers_to_sign(request))
    request.headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, "
        f"Signature={auth.signature(text, request)}"
    )
    return dict(request.headers.items())


def sent(
    fields: dict[str, str] | list[tuple[str, bytes]], url: str = URL, method: str = "POST", **over
) -> Sent:
    """Return the head of a request as identity sees it."""
    host, _, target = url.partition("://")[2].partition("/")
    path, _, query = f"/{target}".partition("?")
    pairs = fields if isinstance(fields, list) else as_pairs({"host": host, **fields})
    where = {"peer": "127.0.0.1", "address": "127.0.0.1", **over}
    return Sent(
        method=method,
        path=path.encode(),
        query=query.encode(),
        headers=tuple(pairs),
        fields={name: value.decode("latin-1") for name, value in pairs},
        **where,
    )


def as_pairs(fields: dict[str, str]) -> list[tuple[str, bytes]]:
    return [(name.lower(), value.encode("latin-1")) for name, value in fields.items()]


def overheard(raw: bytes) -> tuple[Sent, bytes]:
    """Return head and body of a request that was recorded."""
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    pairs = [one.partition(":") for one in rest]
    fields = [(name.lower(), value.strip(" ").encode("latin-1")) for name, _, value in pairs]
    return sent(fields, f"http://x{target}", method), body


def callers(entry: KeyEntry = ENTRY, root: bytes = ROOT, **over: KeyEntry) -> Callers:
    """Return a house that knows one caller by an access key."""
    ring = HeldKeys(KeyRing({"client": entry, **over}))
    return Callers(ring, AccessKeys(ring, root))


def met(head: Sent, body: bytes = BODY, house=None, now=NOW) -> Caller:
    """Return the caller, by way of both steps."""
    unproven = (house or callers()).meet(head, now)
    assert isinstance(unproven, Unproven)
    return unproven.proven(hashlib.sha256(body).digest())


def assert_refused_early(head: Sent, house=None, now=NOW) -> None:
    """Refused before anything of the body is read, in the one form that all refusals have."""
    with pytest.raises(Unauthenticated) as caught:
        (house or callers()).meet(head, now)
    assert caught.value.what == refused().what
    assert caught.value.__context__ is None


def assert_refused(head: Sent, body: bytes = BODY, house=None) -> None:
    with pytest.raises(Unauthenticated) as caught:
        met(head, body, house)
    assert caught.value.what == refused().what
