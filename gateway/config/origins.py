"""The address of a backend: scheme, host and port, and nothing that a path could hide."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from msgspec import Struct

PORT_MAX = 65_535
_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Origin(Struct, frozen=True):
    """Where a backend listens. `host` is lower-case; an IPv6 address stands without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def tls(self) -> bool:
        """Is the connection encrypted?"""
        return self.scheme == "https"


class BadOriginError(ValueError):
    """The text is not `http(s)://host[:port]`; `hint` says what to write."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


def read_origin(text: str) -> Origin:
    """Read `http(s)://host[:port]`; a path, user, query or odd host is BadOriginError."""
    found = _ORIGIN.fullmatch(text)
    if found is None:
        raise BadOriginError("must be http(s)://host[:port]", _advice(text))
    port = int(found["port"]) if found["port"] else _PORTS[found["scheme"]]
    if not 0 < port <= PORT_MAX:
        raise BadOriginError(f"the port must be from 1 to {PORT_MAX}")
    return Origin(found["scheme"], _host(found["host"].lower()), port)


def _host(text: str) -> str:
    if text.startswith("["):
        return str(_address(text[1:-1]))
    labels = text.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        # WHY: 0x7f.1 and 2130706433 are addresses to some resolvers and names to others.
        return str(_address(text))
    if not all(_DNS_LABEL.fullmatch(label) for label in labels):
        raise BadOriginError("the host is not a DNS name or an IP address")
    return text


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise BadOriginError("the host is not an IP address in its usual form") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        raise BadOriginError("the host is an IPv4 address in IPv6 form", "write it as IPv4")
    return address


def _advice(text: str) -> str:
    """Return what is probably wrong; the text is not repeated, it may hold a password."""
    rest = text.partition("://")[2]
    if "@" in rest:
        return "no user or password; a credential is a `secret`"
    if "?" in rest or "#" in rest:
        return "no query and no fragment"
    if "/" in rest:
        return "no path, not even /v1: the kind of the backend knows its paths"
    return ""
