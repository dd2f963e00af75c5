"""A document that somebody publishes, such as an issuer's keys: asked of one stated host alone.

It carries no byte of any request, and nothing of the environment: no proxy, no CA, no `.netrc`.
"""

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec import Struct

from gateway.domain.errors import BoundaryBreach
from gateway.transport import tls
from gateway.transport.call import Address
from gateway.transport.failure import TransportFailure
from gateway.transport.guard import SCHEMES, Guard, Lookup, Place

CONNECT_S_MAX = 2.0
READ_S_MAX = 5.0
TOTAL_S_MAX = 10.0
ANYWHERE = ("0.0.0.0/0", "::/0")


class NotPublished(Exception):
    """The document cannot be had; the text is one of ours."""


class Source(Struct, frozen=True, kw_only=True):
    """Where the document is, to which addresses its host may resolve, and whom TLS trusts."""

    name: str
    url: str
    addresses: tuple[str, ...] = ()
    ca_file: str | None = None
    bytes_max: int


class Published:
    """Asks for one document.

    INVARIANT: the address that is dialled was checked against the pins, no redirect is followed,
    and the answer is bounded.
    """

    def __init__(self, source: Source, lookup: Lookup | None = None) -> None:
        parts = urlsplit(source.url)
        self._host = parts.hostname or ""
        port = parts.port or SCHEMES[parts.scheme]
        place = Place(source.name, parts.scheme, self._host, port, source.name)
        self._authority = place.authority
        self._source = source
        self._guard = Guard([place], {source.name: source.addresses or ANYWHERE}, lookup)

    async def fetch(self) -> bytes:
        """Return the document; NotPublished."""
        try:
            addresses = await self._guard.resolve(self._source.name)
        except BoundaryBreach as error:
            raise NotPublished(error.hint) from None
        except TransportFailure as error:
            raise NotPublished(error.failure.detail) from None
        return await asyncio.to_thread(self._ask, addresses[0])

    def _ask(self, address: Address) -> bytes:
        import httpx

        named = f"[{address.ip}]" if ":" in address.ip else address.ip
        url = httpx.URL(self._source.url).copy_with(host=named, port=address.port)
        limits = httpx.Timeout(READ_S_MAX, connect=CONNECT_S_MAX)
        try:
            trusted = tls.context(self._source.ca_file)
            with (
                httpx.Client(
                    trust_env=False, follow_redirects=False, timeout=limits, verify=trusted
                ) as client,
                client.stream(
                    "GET",
                    url,
                    headers={"host": self._authority, "accept-encoding": "identity"},
                    extensions={"sni_hostname": self._host},
                ) as reply,
            ):
                if reply.status_code != httpx.codes.OK:
                    raise NotPublished(f"answered with {reply.status_code}")
                return self._bounded(reply.iter_raw())
        except (httpx.HTTPError, OSError) as error:
            raise NotPublished(type(error).__name__) from None

    def _bounded(self, parts: Iterator[bytes]) -> bytes:
        body, end_s = bytearray(), time.monotonic() + TOTAL_S_MAX
        for part in parts:
            body += part
            if len(body) > self._source.bytes_max or time.monotonic() > end_s:
                raise NotPublished("an answer that is too large or does not end")
        return bytes(body)
