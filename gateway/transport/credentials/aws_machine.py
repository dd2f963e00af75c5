"""Credentials of AWS that the machine itself gives out: instance metadata and pod identities."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from gateway.transport.credentials import CredentialRefused, Lease, sts
from gateway.transport.credentials.messenger import Question, ask, origin

OK = 200
TOKEN_FILE_BYTES_MAX = 64 * 1024
INSTANCE_URL = "http://169.254.169.254"
POD_URL = "http://169.254.170.23/v1/credentials"
SESSION_TOKEN = "/latest/api/token"  # noqa: S105 - a path
ROLES = "/latest/meta-data/iam/security-credentials/"
TOKEN_LIFE_S = "60"  # noqa: S105 - seconds
_ROLE = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")


class _Given(msgspec.Struct):
    """What both services answer, and nothing else of it."""

    AccessKeyId: str
    SecretAccessKey: str
    Token: str
    Expiration: datetime


def instance(url: str) -> Lease:
    """Return the credential of the instance's role, by IMDSv2 alone; CredentialRefused.

    WHY: version 1 of that service answers whoever can make this machine fetch a URL.
    """
    hosts = (origin(url),)
    life = {"x-aws-ec2-metadata-token-ttl-seconds": TOKEN_LIFE_S}
    token = _text(Question(url=url + SESSION_TOKEN, method="PUT", headers=life), hosts)
    field = {"x-aws-ec2-metadata-token": token}
    role = _text(Question(url=url + ROLES, headers=field), hosts)
    if not _ROLE.fullmatch(role):
        raise CredentialRefused("the instance has no role, or more than one")
    return _lease(_body(Question(url=url + ROLES + role, headers=field), hosts))


def pod(url: str, token_file: str) -> Lease:
    """Return the credential of the pod or task, from the agent beside it; CredentialRefused."""
    field = {"authorization": token_of(token_file)} if token_file else {}
    return _lease(_body(Question(url=url, headers=field), (origin(url),)))


def token_of(token_file: str) -> str:
    """Return the token in that file, read anew each time; CredentialRefused."""
    try:
        with Path(token_file).open("rb") as stream:
            data = stream.read(TOKEN_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise CredentialRefused(f"the token file: {type(error).__name__}") from None
    token = data.decode("ascii", "replace").strip()
    if not token or len(data) > TOKEN_FILE_BYTES_MAX or not _is_plain(token):
        raise CredentialRefused("the token file holds no token")
    return token


def _text(question: Question, hosts: tuple[str, ...]) -> str:
    text = _body(question, hosts).decode("ascii", "replace").strip()
    if not text or not _is_plain(text):
        raise CredentialRefused("the metadata service answers nothing that can be read")
    return text


def _body(question: Question, hosts: tuple[str, ...]) -> bytes:
    answered = ask(question, hosts)
    if answered.status != OK:
        raise CredentialRefused(f"status {answered.status}")
    return answered.body


def _lease(body: bytes) -> Lease:
    try:
        given: Any = msgspec.json.decode(body, type=_Given)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CredentialRefused("the answer holds no credential") from None
    return sts.lease(given.AccessKeyId, given.SecretAccessKey, given.Token, given.Expiration)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
