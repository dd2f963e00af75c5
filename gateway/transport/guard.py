"""The last question before the bytes go: does this host lie in the zone that was decided?"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from msgspec import Struct

from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import FailureKind
from gateway.transport.call import Address
from gateway.transport.failure import failed

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
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
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# WHY: these answer with credentials of the machine itself, whatever the zone's pins say.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254")
)
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


class Place(Struct, frozen=True):
    """Where the fleet file says that a backend is, and in which zone."""

    name: str
    scheme: str
    host: str
    port: int
    zone: str

    @property
    def authority(self) -> str:
        """Host and port as the Host field says them; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if SCHEMES.get(self.scheme) == self.port else f"{host}:{self.port}"


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
        self.pin(pins)
        self._lookups: dict[str, asyncio.Task[list[str]]] = {}

    def pin(self, pins: Mapping[str, tuple[str, ...]]) -> None:
        """Let other CIDR blocks hold from now on; ValueError when a zone in use would have none.

        What was looked up before is looked up again.
        """
        faults = _unpinned(self._places.values(), pins)
        if faults:
            raise ValueError("; ".join(sorted(faults)))
        self._pins = {
            zone: tuple(ipaddress.ip_network(block) for block in blocks)
            for zone, blocks in pins.items()
        }
        self._checked.clear()

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
        """Return the addresses to dial, every one inside the zone's pins.

        BoundaryBreach when any address lies outside; TransportFailure when the name has none.
        INVARIANT: what is returned was checked, and what was checked is what is dialled: a name
        is looked up at most every RESOLVED_MS_MAX, and never again by the client.
        """
        place = self.place(backend)
        literal = _ip(place.host)
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

    def _inside(self, place: Place, address: IpAddress) -> Address:
        plain = _unwrap(address)
        pins = self._pins[place.zone]
        if not any(plain.version == pin.version and plain in pin for pin in pins):
            raise _breach(f"{place.name} has an address outside the pins of zone {place.zone}")
        if _is_never_dialled(plain):
            raise _breach(f"{place.name} has an address that is never dialled")
        return Address(str(plain), place.port)

    async def _look_up(self, place: Place) -> list[str]:
        """Ask the system, once at a time for each backend: a stuck resolver holds one thread."""
        task = self._lookups.get(place.name)
        if task is None:
            task = asyncio.create_task(self._lookup(place.host, place.port))
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


def place_faults(place: Place) -> list[str]:
    """Return what is wrong with a place, for `check` and for the guard itself."""
    faults = []
    if place.scheme not in SCHEMES:
        faults.append(f"{place.name}: scheme must be http or https")
    if not 0 < place.port <= PORT_MAX:
        faults.append(f"{place.name}: port must be 1 to {PORT_MAX}")
    if not _is_host(place.host):
        faults.append(
            f"{place.name}: host must be a lower-case name or an IP address in its usual form"
        )
    elif (literal := _ip(place.host)) is not None and _is_never_dialled(_unwrap(literal)):
        faults.append(f"{place.name}: this address is never dialled")
    return faults


def _is_host(host: str) -> bool:
    """Is it a name that no resolver could read as a number, or a plain IP address?"""
    if _ip(host) is not None:
        return True
    if len(host) > HOST_CHARS_MAX or not _NAME.fullmatch(host):
        return False
    # WHY: resolvers read `2130706433`, `0x7f.1` and `127.1` as addresses: the last label tells.
    return not _NUMBER.fullmatch(host.rpartition(".")[2])


def _contradictions(places: tuple[Place, ...]) -> list[str]:
    zones: dict[tuple[str, int], str] = {}
    faults = []
    for place in places:
        literal = _ip(place.host)
        host = place.host if literal is None else str(_unwrap(literal))
        zone = zones.setdefault((host, place.port), place.zone)
        if zone != place.zone:
            faults.append(f"{place.name}: this host and port is in zone {zone} already")
    names = [place.name for place in places]
    return faults + [f"{name}: named twice" for name in {n for n in names if names.count(n) > 1}]


def _unpinned(places: Iterable[Place], pins: Mapping[str, tuple[str, ...]]) -> list[str]:
    used = {place.zone for place in places}
    return [
        *(f"{zone}: {fault}" for zone, blocks in pins.items() for fault in _bad(blocks)),
        *(f"zone {zone}: no addresses are pinned" for zone in used if not pins.get(zone)),
    ]


def _bad(blocks: tuple[str, ...]) -> list[str]:
    return [f"{block} is not a CIDR block" for block in blocks if not _is_network(block)]


def _is_network(block: str) -> bool:
    try:
        ipaddress.ip_network(block)
    except ValueError:
        return False
    return True


def _ip(host: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(host) if "%" not in host else None
    except ValueError:
        return None


def _unwrap(address: IpAddress) -> IpAddress:
    """Return the IPv4 address inside an IPv4-mapped one: it is where the packets go."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_never_dialled(address: IpAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address in _NAT64:
        address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return (
        address.is_unspecified
        or address.is_multicast
        or address.is_link_local
        or address == _BROADCAST
        or address in _METADATA
    )


def _breach(hint: str) -> BoundaryBreach:
    return BoundaryBreach("The request was stopped at the boundary.", hint=hint)


async def _getaddrinfo(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
