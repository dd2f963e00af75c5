"""Tokens of Google: from a key or a federation that the node file names, or from the machine.

google-auth says and reads; our messenger asks, hosts that are stated and no others.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.secret import Secret
from gateway.transport.credentials import (
    DIRECT,
    CredentialRefused,
    Lease,
    Settings,
    Source,
    WayOut,
    aws_machine,
)
from gateway.transport.credentials.messenger import Answered, Question, ask, origin

OK = 200
KIND = "credentials"
FILE = "file"
METADATA = "metadata"
METADATA_URL = "metadata_url"
TOKEN_HOSTS = "token_hosts"  # noqa: S105 - the name of a setting
AWS_REGION = "aws_region"
KNOWN = frozenset({KIND, METADATA_URL, TOKEN_HOSTS, AWS_REGION})
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
HOSTS = frozenset(
    {
        "https://oauth2.googleapis.com",
        "https://sts.googleapis.com",
        "https://iamcredentials.googleapis.com",
    }
)
# WHY: the address, not the name `metadata.google.internal`: no resolver decides who answers.
MACHINE = "http://169.254.169.254"
MACHINE_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
LIFE_S_MAX = 24 * 3_600
# What google-auth may look up beside a token: where an account may be used. It says who we are to
# one host more, is switched on by the environment alone, and does nothing for us.
LOOKUP = "/allowedLocations"
_TOKEN = re.compile(r"[!-~]{8,}")
_FEDERATED = frozenset({"file", "url"})


class UnfitError(ValueError):
    """Secret and settings do not fit; the text is ours and repeats none of them."""


class Told(Struct, frozen=True):
    """A credential of google-auth, the hosts that it asks, and what it is called in the log."""

    name: str
    hosts: tuple[str, ...]
    credential: Any

    def __repr__(self) -> str:
        return f"Told({self.name})"


def source(secret: Secret | None, settings: Settings, way_out: WayOut = DIRECT) -> Source:
    """Return what fetches the token; ValueError when secret and settings do not fit."""
    kind = settings.get(KIND, FILE)
    if kind == METADATA:
        if secret is not None:
            raise ValueError(f"`{KIND}: {METADATA}` takes no secret")
        url = str(settings.get(METADATA_URL, MACHINE))
        return Source(METADATA, (origin(url),), lambda now: machine(url, now))
    if kind != FILE or secret is None:
        needs = "needs a secret: the JSON of a service account or a federation"
        raise ValueError(needs if kind == FILE else f"{KIND} is {FILE} or {METADATA}")
    told = _told(secret, settings)

    def fetch(now: datetime) -> Lease:
        return _refreshed(told, now, way_out)

    return Source(told.name, told.hosts, fetch)


def machine(url: str, now: datetime) -> Lease:
    """Return the token of the machine's or the pod's own account; CredentialRefused."""
    asked = Question(url=url + MACHINE_PATH, headers={"metadata-flavor": "Google"})
    answered = ask(asked, (origin(url),))
    if answered.status != OK or answered.headers.get("metadata-flavor") != "Google":
        raise CredentialRefused(f"status {answered.status}, or no metadata server of Google")
    try:
        given = msgspec.json.decode(answered.body, type=_Given)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CredentialRefused("the answer holds no token") from None
    life = timedelta(seconds=min(given.expires_in, LIFE_S_MAX))
    return _lease(given.access_token, now + life)


class _Given(Struct):
    access_token: str
    expires_in: int


def _refreshed(told: Told, _now: datetime, way_out: WayOut) -> Lease:
    told.credential.refresh(_Caller(told.hosts, way_out))
    expiry = told.credential.expiry
    if expiry is None:
        raise CredentialRefused("the token has no end")
    return _lease(told.credential.token, expiry.replace(tzinfo=UTC))


def _lease(token: object, expires_at: datetime) -> Lease:
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise CredentialRefused("the answer holds no token")
    return Lease(Secret(token), expires_at)


def _told(secret: Secret, settings: Settings) -> Told:
    """Return what the JSON of the node file means; ValueError, which repeats none of it."""
    try:
        given = msgspec.json.decode(secret.reveal())
    except msgspec.DecodeError:
        given = None
    if not isinstance(given, dict) or given.get("type") not in _KINDS:
        raise ValueError(f"the secret is the JSON of one of {', '.join(_KINDS)}")
    stated = frozenset(str(settings.get(TOKEN_HOSTS, "")).split())
    hosts = tuple(dict.fromkeys(_hosts(given, HOSTS | stated)))
    kind = str(given["type"])
    try:
        return Told(kind, hosts, _KINDS[kind](given, settings))
    except UnfitError:
        raise
    except Exception:  # noqa: BLE001 - its words may quote the secret
        raise ValueError(f"the secret is no usable {kind}") from None


def _hosts(given: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    """Yield the origin of every URL that would be asked; ValueError for one that is not stated."""
    credential_source = given.get("credential_source")
    source_of = credential_source if isinstance(credential_source, dict) else {}
    urls = [given.get(name) for name in ("token_uri", "token_url")]
    urls += [given.get("service_account_impersonation_url")]
    urls += [] if _is_aws(source_of) else [source_of.get("url")]
    for url in urls:
        if url is None:
            continue
        try:
            asked = origin(str(url))
        except ValueError:
            asked = ""
        if asked not in known:
            raise ValueError(f"a host of the secret is not one of Google's: state `{TOKEN_HOSTS}`")
        yield asked
    inner = given.get("source_credentials")
    if isinstance(inner, dict):
        yield from _hosts(inner, known)
    if _is_aws(source_of):
        yield aws_machine.INSTANCE_URL


def _service_account(given: Mapping[str, Any], _settings: Settings) -> object:
    from google.oauth2 import service_account

    return service_account.Credentials.from_service_account_info(given, scopes=[SCOPE])


def _impersonated(given: Mapping[str, Any], _settings: Settings) -> object:
    from google.auth import impersonated_credentials

    inner = given.get("source_credentials")
    if not isinstance(inner, dict) or inner.get("type") != "service_account":
        raise UnfitError("an impersonation begins with a service account")
    made = impersonated_credentials.Credentials
    return made.from_impersonated_service_account_info(given, scopes=[SCOPE])


def _federated(given: Mapping[str, Any], settings: Settings) -> object:
    from google.auth import aws, identity_pool

    credential_source = given.get("credential_source")
    if not isinstance(credential_source, dict):
        raise UnfitError("a federation has a credential_source")
    if _is_aws(credential_source):
        # WHY: google-auth's own supplier asks the environment first; ours asks the instance alone.
        supplied = {**given, "aws_security_credentials_supplier": _supplier(settings)}
        del supplied["credential_source"]
        return aws.Credentials.from_info(supplied, scopes=[SCOPE])
    if len(_FEDERATED & credential_source.keys()) != 1 or "executable" in credential_source:
        raise UnfitError("a federation takes its token from a file, a URL or an AWS instance")
    return identity_pool.Credentials.from_info(given, scopes=[SCOPE])


def _is_aws(credential_source: Mapping[str, Any]) -> bool:
    return "environment_id" in credential_source


def _supplier(settings: Settings) -> object:
    from google.auth import aws

    region = settings.get(AWS_REGION)
    if not isinstance(region, str):
        raise UnfitError(f"a federation from an AWS instance needs {AWS_REGION}")

    class Instance(aws.AwsSecurityCredentialsSupplier):
        """The role of the instance, by IMDSv2."""

        def get_aws_security_credentials(self, _context: object, _request: object) -> object:
            given = aws_machine.instance(aws_machine.INSTANCE_URL).secret.reveal()
            return aws.AwsSecurityCredentials(*given.split(":"))

        def get_aws_region(self, _context: object, _request: object) -> str:
            return str(region)

    return Instance()


_KINDS: dict[str, Callable[[Mapping[str, Any], Settings], object]] = {
    "service_account": _service_account,
    "impersonated_service_account": _impersonated,
    "external_account": _federated,
}


class _Reply:
    """A reply as google-auth reads it."""

    def __init__(self, answered: Answered) -> None:
        self.status = answered.status
        self.headers = answered.headers
        self.data = answered.body


class _Caller:
    """The transport of google-auth: asks the stated hosts, and nothing with a certificate."""

    def __init__(self, hosts: tuple[str, ...], way_out: WayOut) -> None:
        self._hosts = hosts
        self._way_out = way_out

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        **others: object,
    ) -> _Reply:
        """Ask, within our own limits; CredentialRefused."""
        if others.get("cert") is not None or url.partition("?")[0].endswith(LOOKUP):
            raise CredentialRefused("something was to be asked that is not stated")
        data = body.encode() if isinstance(body, str) else body or b""
        question = Question(url=url, method=method, headers=headers or {}, body=data)
        return _Reply(ask(question, self._hosts, self._way_out))
