"""Amazon's Security Token Service: a role for a while. botocore says and reads, we send."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from gateway.domain.secret import Secret
from gateway.transport.credentials import DIRECT, CredentialRefused, Lease, Unsigned, WayOut, sigv4
from gateway.transport.credentials.messenger import Answered, Question, ask

OK = 200
SERVICE = "sts"
SESSION = "perimeter"
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,63}")


class Role(Struct, frozen=True):
    """A role, the STS where it is asked for, and that endpoint's region."""

    arn: str
    url: str
    region: str
    external_id: str = ""
    way_out: WayOut = DIRECT


def by_key(role: Role, key: Secret, now: datetime) -> Lease:
    """Return the role's credential, asked for with another one; CredentialRefused."""
    params = {"RoleArn": role.arn, "RoleSessionName": SESSION}
    if role.external_id:
        params["ExternalId"] = role.external_id
    return _asked("AssumeRole", params, role, (key, now))


def by_token(role: Role, token: str) -> Lease:
    """Return the role's credential, asked for with a signed token; CredentialRefused."""
    params = {"RoleArn": role.arn, "RoleSessionName": SESSION, "WebIdentityToken": token}
    return _asked("AssumeRoleWithWebIdentity", params, role, None)


def lease(key: object, secret_key: object, token: object, expires_at: object) -> Lease:
    """Return the credential that AWS has given, held against its form; CredentialRefused."""
    parts = [key, secret_key, token]
    texts = [part for part in parts if isinstance(part, str) and part]
    if len(texts) != len(parts) or not isinstance(expires_at, datetime):
        raise CredentialRefused("the answer holds no credential")
    secret = Secret(":".join(texts))
    try:
        sigv4.api_key(secret)
    except ValueError:
        raise CredentialRefused("the answer holds no credential") from None
    return Lease(secret, expires_at.astimezone(UTC))


def _asked(
    name: str, params: dict[str, str], role: Role, signed_by: tuple[Secret, datetime] | None
) -> Lease:
    from botocore.serialize import create_serializer

    said = create_serializer("query").serialize_to_request(params, _operation(name))
    body = urlencode(said["body"]).encode()
    fields = [(field.lower(), value) for field, value in said["headers"].items()]
    url = role.url + "/"
    if signed_by is not None:
        key, now = signed_by
        unsigned = Unsigned("POST", url, tuple(fields), body)
        fields += sigv4.signed(unsigned, now, key, sigv4.Scope(SERVICE, role.region))
    question = Question(url=url, method="POST", headers=dict(fields), body=body)
    return _read(ask(question, (role.url,), role.way_out), name)


def _read(answered: Answered, name: str) -> Lease:
    from botocore.parsers import ResponseParserError, create_parser

    reply = {"status_code": answered.status, "headers": answered.headers, "body": answered.body}
    try:
        found: dict[str, Any] = create_parser("query").parse(reply, _operation(name).output_shape)
    except (ResponseParserError, KeyError):
        found = {}
    if answered.status != OK or "Error" in found:
        code = str(found.get("Error", {}).get("Code", ""))
        word = code if _CODE.fullmatch(code) else f"status {answered.status}"
        raise CredentialRefused(f"the token service answers {word}")
    given = found.get("Credentials", {})
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    return lease(*(given.get(name) for name in names))


@cache
def _operation(name: str) -> Any:  # noqa: ANN401 - botocore has no types
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model(SERVICE, "service-2")).operation_model(name)
