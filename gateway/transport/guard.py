"""The last question before the bytes go: does this host lie in the zone that was decided?"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import FailureKind
from gateway.transport.addresses import IpAddress, ip, is_network, is_never_dialled
from gateway.transport.call import Address
from gateway.transport.failure import failed
from gateway.transport.tls import PINS_MAX, is_pin

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Coroutine[Any, Any, list[str]]]

PORT_MAX = 65_535
HOST_CHARS_MAX = 253
ADDRESSES_MAX = 16
RESOLVE_MS_MAX = 2_000
RESOLVED_MS_MAX = 5_000
SCHEMES = {"http": 80, "https": 443}
_NAME = re.compile(
    r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class Proxy(Struct, frozen=True):
    """The forward proxy of a zone, and the CIDR blocks to which its host must resolve."""

    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def authority(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Place(Struct, frozen=True):
    """Where the fleet file says that a backend is, and in which zone.

    `server_name` is the name that its certificate must carry where the host is another, `pins` are
    the public keys of which it must hold one, where any are stated. Behind a `proxy` it is the
    proxy that is dialled: then the pins of addresses are the proxy's, and the backend is known by
    the host that the proxy is asked for and by the TLS inside.
    """

    name: str
    scheme: str
    host: str
    port: int
    zone: str
    server_name: str = ""
    pins: tuple[str, ...] = ()
    proxy: Proxy | None = None

    @property
    def sni(self) -> str:
        """The name that TLS asks for and verifies."""
        return self.server_name or self.host

    @property
    def dialled(self) -> tuple[str, int]:
        """The host and port to which a connection is made."""
        return (self.host, self.port) if self.proxy is None else (self.proxy.host, self.proxy.port)

    @property
    def origin(self) -> str:
        """Host and port, both said."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        """Host and port as the Host field says them; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if SCHEMES.get(self.scheme) == self.port else self.origin


class Guard:
    """Knows each backend's zone by the fleet file, and dials nothing outside that zone's pins.

    `places` are the backends, `pins` maps each zone to its CIDR blocks. Raises ValueError, naming
    every fault, when a place cannot be trusted to mean one host in one zone.
    """

    def __init__(
        self,
        places: Iterable[Place],
        pins: Mapping[str, tuple[str, ...]],
        lookup: Lookup | None = None,
    ) -> None:
        listed = tuple(places)
        faults = [fault for place in listed for fault in place_faults(place)]
        faults += _contradictions(listed)
        faults += _unpinned(listed, pins)
        if faults:
            raise ValueError("; ".join(sorted(faults)))
        self._places = {place.name: place for place in listed}
        self._lookup = lookup or _getaddrinfo
        self._checked: dict[str, tuple[float, tuple[Address, ...]]] = {}
        self._pins = {
            zone: tuple(ipaddress.ip_network(block) for block in blocks)
            for zone, blocks in pins.items()
        }
        self._lookups: dict[str, asyncio.Task[list[str]]] = {}

    def place(self, backend: str) -> Place:
        """Return where the backend is; BoundaryBreach for a name that the fleet file lacks."""
        try:
            return self._places[backend]
        except KeyError:
            raise _breach(f"{backend} is not in the fleet file") from None

    def knows(self, place: Place) -> bool:
        """Is this exactly what the fleet file says of the backend of that name?"""
        return self._places.get(place.name) == place

    def zone_of(self, backend: str) -> str:
        """Return the zone that the fleet file pins to the backend's host."""
        return self.place(backend).zone

    async def resolve(self, backend: str) -> tuple[Address, ...]:
        """Return the addresses to dial, every one inside the pins of the zone or of its proxy.

        BoundaryBreach when any address lies outside; TransportFailure when the name has none.
        INVARIANT: what is returned was checked, and what was checked is what is dialled: a name
        is looked up at most every RESOLVED_MS_MAX, and never again by the client.
        """
        place = self.place(backend)
        self._assert_named(place)
        literal = ip(place.dialled[0])
        if literal is not None:
            return (self._inside(place, literal),)
        now = asyncio.get_running_loop().time()
        known = self._checked.get(backend)
        if known is not None and now < known[0]:
            return known[1]
        texts = await self._look_up(place)
        if not texts:
            raise failed(FailureKind.UNREACHABLE, "the name has no address", sent=False)
        if len(texts) > ADDRESSES_MAX:
            raise failed(FailureKind.UNREACHABLE, "the name has too many addresses", sent=False)
        found = tuple(self._inside(place, ipaddress.ip_address(text)) for text in texts)
        self._checked[backend] = (now + RESOLVED_MS_MAX / 1_000, found)
        return found

    def dials(self, backend: str, address: Address) -> bool:
        """May that address still be dialled for the backend?"""
        try:
            place = self.place(backend)
            self._assert_named(place)
            return address == self._inside(place, ipaddress.ip_address(address.ip))
        except BoundaryBreach:
            return False

    def misplaced(self) -> list[str]:
        """Return the backends whose address is written down and lies outside of their zone."""
        literal = [
            (name, Address(str(found), place.dialled[1]))
            for name, place in self._places.items()
            if (found := ip(place.dialled[0])) is not None
        ]
        return [name for name, address in literal if not self.dials(name, address)]

    def _assert_named(self, place: Place) -> None:
        """Raise BoundaryBreach for an engine behind a proxy whose address is outside its zone."""
        if place.proxy is not None and (named := ip(place.host)) is not None:
            _assert_pinned(place, named, self._pins[place.zone])

    def _inside(self, place: Place, address: IpAddress) -> Address:
        proxy = place.proxy
        _assert_pinned(place, address, self._pins[place.zone] if proxy is None else _pins(proxy))
        return Address(str(address), place.dialled[1])

    async def _look_up(self, place: Place) -> list[str]:
        """Ask the system, once at a time for each backend: a stuck resolver holds one thread."""
        task = self._lookups.get(place.name)
        if task is None:
            task = asyncio.create_task(self._lookup(*place.dialled))
            self._lookups[place.name] = task
            task.add_done_callback(lambda done: self._looked_up(place.name, done))
        try:
            async with asyncio.timeout(RESOLVE_MS_MAX / 1_000):
                return await asyncio.shield(task)
        except TimeoutError:
            raise failed(FailureKind.TIMED_OUT, "name resolution", sent=False) from None
        except (OSError, UnicodeError):
            raise failed(
                FailureKind.UNREACHABLE, "the name cannot be resolved", sent=False
            ) from None

    def _looked_up(self, backend: str, task: asyncio.Task[list[str]]) -> None:
        del self._lookups[backend]
        if not task.cancelled():
            task.exception()


def _pins(proxy: Proxy) -> tuple[IpNetwork, ...]:
    return tuple(ipaddress.ip_network(block) for block in proxy.addresses)


def _assert_pinned(place: Place, address: IpAddress, pins: tuple[IpNetwork, ...]) -> None:
    """Raise BoundaryBreach unless the address may be dialled for that place."""
    if not any(address.version == pin.version and address in pin for pin in pins):
        raise _breach(f"{place.name} has an address outside the pins of zone {place.zone}")
    if is_never_dialled(address):
        raise _breach(f"{place.name} has an address that is never dialled")


def place_faults(place: Place) -> list[str]:
    """Return what is wrong with a place, for `check` and for the guard itself."""
    faults = []
    if place.scheme not in SCHEMES:
        faults.append(f"{place.name}: scheme must be http or https")
    if not 0 < place.port <= PORT_MAX:
        faults.append(f"{place.name}: port must be 1 to {PORT_MAX}")
    if place.scheme != "https" and (place.server_name or place.pins):
        faults.append(f"{place.name}: a server name or a pin means nothing without https")
    if place.server_name and not _is_host(place.server_name):
        faults.append(f"{place.name}: the server name is no name and no IP address")
    if len(place.pins) > PINS_MAX or not all(map(is_pin, place.pins)):
        faults.append(f"{place.name}: a pin is sha256: and 64 hex digits; at most {PINS_MAX}")
    if not _is_host(place.host):
        faults.append(
            f"{place.name}: host must be a lower-case name or an IP address in its usual form"
        )
    elif (literal := ip(place.host)) is not None and is_never_dialled(literal):
        faults.append(f"{place.name}: this address is never dialled")
    return faults + [f"{place.name}: {fault}" for fault in _proxy_faults(place)]


def _proxy_faults(place: Place) -> Iterator[str]:
    proxy = place.proxy
    if proxy is None:
        return
    if place.scheme != "https":
        yield "behind a proxy it must be https, or nothing would tell who answers"
    if not 0 < proxy.port <= PORT_MAX or not _is_host(proxy.host):
        yield "the proxy is a host and a port"
    elif (literal := ip(proxy.host)) is not None and is_never_dialled(literal):
        yield "the address of the proxy is never dialled"
    if not proxy.addresses:
        yield "no addresses are pinned for the proxy"
    yield from _bad(proxy.addresses)


def _is_host(host: str) -> bool:
    """Is it a name that no resolver could read as a number, or a plain IP address?"""
    if ip(host) is not None:
        return True
    if len(host) > HOST_CHARS_MAX or not _NAME.fullmatch(host):
        return False
    # WHY: resolvers read `2130706433`, `0x7f.1` and `127.1` as addresses: the last label tells.
    return not _NUMBER.fullmatch(host.rpartition(".")[2])


def _contradictions(places: tuple[Place, ...]) -> list[str]:
    zones: dict[tuple[str, int], str] = {}
    faults = []
    for place in places:
        literal = ip(place.host)
        host = place.host if literal is None else str(literal)
        zone = zones.setdefault((host, place.port), place.zone)
        if zone != place.zone:
            faults.append(f"{place.name}: this host and port is in zone {zone} already")
    faults += [
        f"{one.name}: its proxy is a backend"
        for one in places
        if one.proxy is not None and one.dialled in zones
    ]
    faults += _borrowed(places)
    names = [place.name for place in places]
    return faults + [f"{name}: named twice" for name in {n for n in names if names.count(n) > 1}]


def _borrowed(places: tuple[Place, ...]) -> list[str]:
    """Return a fault for each certificate's name that is the host of a backend in another zone."""
    hosts: dict[str, set[str]] = {}
    for place in places:
        hosts.setdefault(place.host, set()).add(place.zone)
    return [
        f"{one.name}: its server name is a host of another zone"
        for one in places
        if one.server_name and hosts.get(one.server_name, {one.zone}) != {one.zone}
    ]


def _unpinned(places: Iterable[Place], pins: Mapping[str, tuple[str, ...]]) -> list[str]:
    used = {place.zone for place in places}
    return [
        *(f"{zone}: {fault}" for zone, blocks in pins.items() for fault in _bad(blocks)),
        *(f"zone {zone}: no addresses are pinned" for zone in used if not pins.get(zone)),
    ]


def _bad(blocks: tuple[str, ...]) -> list[str]:
    return [f"{block} is not a CIDR block" for block in blocks if not is_network(block)]


def _breach(hint: str) -> BoundaryBreach:
    return BoundaryBreach("The request was stopped at the boundary.", hint=hint)


async def _getaddrinfo(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
