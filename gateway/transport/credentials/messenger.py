"""One question to a host that gives out credentials: blocking, for a thread.

Loaded only where credentials are fetched.
"""

import time
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from gateway.transport import tls
from gateway.transport.credentials import DIRECT, CredentialRefused, WayOut
from gateway.transport.credentials.wires import Wire, wires
from gateway.transport.http1_tunnel import proxy_fields

if TYPE_CHECKING:
    import httpx

CONNECT_S_MAX = 2.0
ANSWER_S_MAX = 5.0
TOTAL_S_MAX = 10.0
ANSWER_BYTES_MAX = 256 * 1024
# Services of the machine itself, which speak http alone: instance metadata and pod identities.
LINK_LOCAL = frozenset({"169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})


class Answered(Struct, frozen=True):
    """What a host answered; its body may hold a secret."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Answered(status={self.status})"


class Question(Struct, frozen=True, kw_only=True):
    """What is asked; it may hold a secret."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return "Question(***)"


def origin(url: str) -> str:
    """Return scheme, host and port of a URL; ValueError for one that is not plain.

    http is for loopback and for the services of the machine itself.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username is not None or not host or not url.isascii():
        raise ValueError("the URL must be a scheme, a host and a path")
    if parts.scheme != "https" and not (parts.scheme == "http" and _may_be_plain(host)):
        raise ValueError("the URL must be https; http is for loopback and metadata alone")
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + (f":{parts.port}" if parts.port else "")


def ask(question: Question, hosts: tuple[str, ...], way_out: WayOut = DIRECT) -> Answered:
    """Return the answer of any status but 3xx; CredentialRefused.

    INVARIANT: only the stated hosts are asked, at an address that was looked up once and may be
    dialled; no redirect is followed, and nothing comes from the environment: no proxy, no CA, no
    .netrc.
    """
    try:
        known = origin(question.url) in hosts
    except ValueError:
        known = False
    if not known:
        raise CredentialRefused("a host that is not stated was to be asked")
    answered = _at_first(question, wires(question.url, way_out), way_out)
    if 300 <= answered.status < 400:  # noqa: PLR2004 - the class of redirects
        raise CredentialRefused("redirect refused")
    return answered


def _at_first(question: Question, found: tuple[Wire, ...], way_out: WayOut) -> Answered:
    """Ask along the first wire that takes a connection."""
    import httpx

    limits = httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX)
    known = tls.context(way_out.ca_file)
    refused = ""
    for wire in found:
        try:
            with (
                httpx.Client(
                    trust_env=False,
                    follow_redirects=False,
                    timeout=limits,
                    verify=known,
                    proxy=_proxied(wire, way_out),
                ) as client,
                client.stream(
                    question.method,
                    wire.url,
                    headers={"user-agent": "perimeter", **question.headers, **wire.headers},
                    content=question.body,
                    extensions=dict(wire.extensions),
                ) as reply,
            ):
                body = _bounded(reply.iter_raw())
                headers = {name.lower(): value for name, value in reply.headers.items()}
                return Answered(reply.status_code, headers, body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            refused = type(error).__name__
        except httpx.HTTPError as error:
            raise CredentialRefused(type(error).__name__) from None
    raise CredentialRefused(refused)


def _proxied(wire: Wire, way_out: WayOut) -> "httpx.Proxy | None":
    import httpx

    if not wire.proxy:
        return None
    try:
        fields = proxy_fields(way_out.secret)
    except ValueError as error:
        raise CredentialRefused(str(error)) from None
    return httpx.Proxy(wire.proxy, headers=[*fields, ("user-agent", "perimeter")])


def _bounded(parts: Iterator[bytes]) -> bytes:
    body, end_s = bytearray(), time.monotonic() + TOTAL_S_MAX
    for part in parts:
        body += part
        if len(body) > ANSWER_BYTES_MAX or time.monotonic() > end_s:
            raise CredentialRefused("an answer that is too large or does not end")
    return bytes(body)


def _may_be_plain(host: str) -> bool:
    try:
        return host in LINK_LOCAL or ip_address(host).is_loopback
    except ValueError:
        return False
