"""How a secret becomes header fields.

Rule 1: a credential is a small function; it holds nothing and logs nothing.
Rule 2: the secret is revealed here and nowhere earlier: no call, record or repr ever holds it.
Rule 3: nothing comes from the environment: a secret and the fleet file's settings are all there is.
Rule 4: what is fetched is fetched in a thread, ahead of time, from hosts that are stated.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from gateway.domain.secret import Secret

Fields = tuple[tuple[str, str], ...]
Settings = Mapping[str, str | int | bool]
Credential = Callable[[Secret | None], Fields]


class Unsigned(Struct, frozen=True):
    """A call exactly as it will be sent, but for its signature; `url` is encoded for the wire."""

    method: str
    url: str
    headers: Fields
    body: bytes


class WayOut(Struct, frozen=True):
    """How hosts that give credentials are reached: as the zone of the backend is.

    `proxy` is host and port, `addresses` are the CIDR blocks to which that host must resolve,
    `secret` is `user:password` for it. `ca_file` is the only CA that is believed, where there is
    one. The machine's own services are always asked directly.
    """

    proxy: tuple[str, int] | None = None
    addresses: tuple[str, ...] = ()
    secret: Secret | None = None
    ca_file: str | None = None


DIRECT = WayOut()


class Lease(Struct, frozen=True):
    """A secret for a while, in the form that the credential of its kind of backend takes."""

    secret: Secret
    expires_at: datetime


class Source(Struct, frozen=True):
    """Where a credential is fetched and renewed: `name` is told in the log, nothing else is.

    `hosts` are the origins that may be asked, all of them. `fetch(now)` blocks, for it runs in a
    thread; it raises CredentialRefused, or anything else, and its words never leave the thread
    unless they are of CredentialRefused.
    """

    name: str
    hosts: tuple[str, ...]
    fetch: Callable[[datetime], Lease]


class CredentialRefused(Exception):
    """There is no credential; the text is ours, safe to log, and repeats no secret."""


Sourced = Callable[[Secret | None, Settings, WayOut], Source | None]
Sign = Callable[[Unsigned, datetime], Fields]
Signer = Callable[[Secret | None, Settings], Sign | None]
