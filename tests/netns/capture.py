"""Every packet of a network namespace, as the kernel sends it."""

import ipaddress
import socket
import struct
import threading
import time
from collections import Counter
from types import TracebackType
from typing import NamedTuple, Self

ALL = 0x0003
OUTGOING = 4
SOL_PACKET, STATISTICS = 263, 6
ETHERNET_BYTES = 14
IPV4, IPV6 = 0x0800, 0x86DD
TCP = 6
BUFFER_BYTES = 64 * 1024 * 1024
PACKET_BYTES_MAX = 128 * 1024
PACKETS_MAX = 500_000
QUIET_S = 0.3


class Packet(NamedTuple):
    """Whence and whither, of which protocol, and what it carries."""

    source: str
    target: str
    protocol: int
    ports: tuple[int, int]
    payload: bytes
    opens: bool


class Capture:
    """Keeps what is sent on any interface, loopback included, while it is open."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.odd: Counter[int] = Counter()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._socket.settimeout(0.05)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        time.sleep(QUIET_S)
        self._ends.set()
        self._thread.join()
        _, dropped = struct.unpack(
            "II", self._socket.getsockopt(SOL_PACKET, STATISTICS, struct.calcsize("II"))
        )
        self._socket.close()
        if error is None:
            assert dropped == 0, f"{dropped} packets went by unseen"
            assert len(self.packets) < PACKETS_MAX, "more packets than are kept"

    def to(self, *networks: str) -> list[Packet]:
        """Return the packets to these networks."""
        blocks = [ipaddress.ip_network(text) for text in networks]
        return [
            one
            for one in self.packets
            if any(
                ipaddress.ip_address(one.target) in block
                for block in blocks
                if block.version == ipaddress.ip_address(one.target).version
            )
        ]

    def targets(self) -> set[str]:
        """Return every address that a packet was sent to."""
        return {one.target for one in self.packets}

    def _listen(self) -> None:
        while not self._ends.is_set() and len(self.packets) < PACKETS_MAX:
            try:
                raw, (_, kind, way, *_) = self._socket.recvfrom(PACKET_BYTES_MAX)
            except TimeoutError:
                continue
            if way == OUTGOING:
                self._keep(kind, raw[ETHERNET_BYTES:])

    def _keep(self, kind: int, raw: bytes) -> None:
        packet = {IPV4: _ipv4, IPV6: _ipv6}.get(kind, lambda _raw: None)(raw)
        if packet is None:
            self.odd[kind] += 1
        elif not _is_neighbourly(packet):
            self.packets.append(packet)


def said(packets: list[Packet]) -> bytes:
    """Return all that packets carry, connection by connection."""
    flows: dict[tuple[str, str, tuple[int, int]], bytearray] = {}
    for one in packets:
        flows.setdefault((one.source, one.target, one.ports), bytearray()).extend(one.payload)
    return b"\n".join(map(bytes, flows.values()))


def _ipv4(raw: bytes) -> Packet:
    length = (raw[0] & 0xF) * 4
    total = int.from_bytes(raw[2:4])
    source, target = (str(ipaddress.IPv4Address(raw[at : at + 4])) for at in (12, 16))
    return _packet(source, target, raw[9], raw[length : total or None])


def _ipv6(raw: bytes) -> Packet:
    source, target = (str(ipaddress.IPv6Address(raw[at : at + 16])) for at in (8, 24))
    return _packet(source, target, raw[6], raw[40:])


def _packet(source: str, target: str, protocol: int, rest: bytes) -> Packet:
    ports = (int.from_bytes(rest[:2]), int.from_bytes(rest[2:4])) if len(rest) >= 8 else (0, 0)
    if protocol != TCP or len(rest) < 20:
        return Packet(source, target, protocol, ports, rest[8:], opens=False)
    payload = rest[(rest[12] >> 4) * 4 :]
    return Packet(source, target, protocol, ports, payload, opens=rest[13] & 0x12 == 0x02)


def _is_neighbourly(packet: Packet) -> bool:
    """Is it the kernel's own talk about neighbours and groups on a link (RFC 4861, RFC 3810)?"""
    return packet.protocol in {0, 58} and ipaddress.ip_address(packet.target).is_multicast
