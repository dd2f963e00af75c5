"""Where a host that gives credentials is asked: looked up once, checked, and dialled there."""

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from gateway.transport.addresses import IpAddress, ip, is_never_dialled
from gateway.transport.credentials import CredentialRefused, WayOut

WIRES_MAX = 3
HTTPS = 443


class Wire(Struct, frozen=True):
    """One way to ask: the URL as it is dialled, and what keeps the host's name in TLS and HTTP."""

    url: str
    proxy: str = ""
    headers: Mapping[str, str] = {}
    extensions: Mapping[str, str] = {}


def wires(url: str, way_out: WayOut) -> tuple[Wire, ...]:
    """Return the ways to ask for that URL, best first; CredentialRefused when there is none.

    INVARIANT: a name never leads to the machine's own services, nor a proxy out of its pins.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ip(host) is not None:
        return (Wire(url),)
    if way_out.proxy is not None:
        found = _looked_up(*way_out.proxy)
        if not all(_is_pinned(one, way_out.addresses) for one in found):
            raise CredentialRefused("the proxy has an address outside its pins")
        return tuple(Wire(url, f"http://{_written(one)}:{way_out.proxy[1]}") for one in found)
    port = parts.port or HTTPS
    named = {"host": host if port == HTTPS else f"{host}:{port}"}
    rest = url.removeprefix(f"{parts.scheme}://{parts.netloc}")
    return tuple(
        Wire(f"{parts.scheme}://{_written(one)}:{port}{rest}", "", named, {"sni_hostname": host})
        for one in _looked_up(host, port)
    )


def _looked_up(host: str, port: int) -> list[IpAddress]:
    try:
        told = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CredentialRefused("the name cannot be resolved") from None
    texts = dict.fromkeys(str(entry[4][0]) for entry in told)
    found = [ipaddress.ip_address(text) for text in texts]
    if not found or any(map(is_never_dialled, found)):
        raise CredentialRefused("the name leads to an address that is never dialled")
    return found[:WIRES_MAX]


def _is_pinned(address: IpAddress, blocks: tuple[str, ...]) -> bool:
    pins = [ipaddress.ip_network(block) for block in blocks]
    return any(address.version == pin.version and address in pin for pin in pins)


def _written(address: IpAddress) -> str:
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6
