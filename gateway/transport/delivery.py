"""One stated host is asked, or handed a small document such as a checkpoint for a witness.

It carries no byte of any request, and nothing of the environment: no proxy, no CA, no `.netrc`.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from gateway.domain.errors import BoundaryBreach
from gateway.transport import tls
from gateway.transport.call import Address
from gateway.transport.failure import TransportFailure
from gateway.transport.guard import SCHEMES, Guard, Lookup, Place

if TYPE_CHECKING:
    import httpx

ANYWHERE = ("0.0.0.0/0", "::/0")


class Source(Struct, frozen=True, kw_only=True):
    """Which host, to which addresses it may resolve, whom TLS trusts, how much is read."""

    name: str
    url: str
    addresses: tuple[str, ...] = ()
    ca_file: str | None = None
    bytes_max: int


class Patience(Struct, frozen=True):
    """For how many seconds the host is waited for: to connect, between two reads, and in all."""

    connect_s_max: float = 5.0
    read_s_max: float = 10.0
    total_s_max: float = 30.0


PATIENCE = Patience()


class NotDelivered(Exception):
    """Nobody took it; the text is one of ours."""


class Parcel(Struct, frozen=True):
    """What is handed over: `url` lies on the host of the source."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Reply(Struct, frozen=True):
    """What the host answered."""

    status: int
    body: bytes


class Delivery:
    """Hands parcels to one host.

    INVARIANT: the address that is dialled was checked against the pins, no redirect is followed,
    and the answer is bounded.
    """

    def __init__(
        self, source: Source, lookup: Lookup | None = None, patience: Patience = PATIENCE
    ) -> None:
        parts = urlsplit(source.url)
        self._host = parts.hostname or ""
        port = parts.port or SCHEMES[parts.scheme]
        place = Place(source.name, parts.scheme, self._host, port, source.name)
        self.authority = place.authority
        self._source = source
        self._patience = patience
        self._guard = Guard([place], {source.name: source.addresses or ANYWHERE}, lookup)

    async def send(self, parcel: Parcel) -> Reply:
        """Hand it over and return the answer, whatever its status; NotDelivered."""
        try:
            addresses = await self._guard.resolve(self._source.name)
        except BoundaryBreach as error:
            raise NotDelivered(error.hint) from None
        except TransportFailure as error:
            raise NotDelivered(error.failure.detail) from None
        return await asyncio.to_thread(self._send, parcel, addresses[0])

    def _send(self, parcel: Parcel, address: Address) -> Reply:
        import httpx

        named = f"[{address.ip}]" if ":" in address.ip else address.ip
        url = httpx.URL(parcel.url).copy_with(host=named, port=address.port)
        limits = httpx.Timeout(self._patience.read_s_max, connect=self._patience.connect_s_max)
        fixed = {"host": self.authority, "accept-encoding": "identity", "user-agent": "perimeter"}
        try:
            with (
                httpx.Client(
                    trust_env=False,
                    follow_redirects=False,
                    timeout=limits,
                    verify=tls.context(self._source.ca_file),
                ) as client,
                client.stream(
                    parcel.method,
                    url,
                    headers={**parcel.headers, **fixed},
                    content=parcel.body,
                    extensions={"sni_hostname": self._host},
                ) as reply,
            ):
                return Reply(reply.status_code, self._bounded(reply))
        except (httpx.HTTPError, OSError) as error:
            raise NotDelivered(type(error).__name__) from None

    def _bounded(self, reply: "httpx.Response") -> bytes:
        body, end_s = bytearray(), time.monotonic() + self._patience.total_s_max
        for part in reply.iter_raw():
            body += part
            if len(body) > self._source.bytes_max or time.monotonic() > end_s:
                raise NotDelivered("an answer that is too large or does not end")
        return bytes(body)
