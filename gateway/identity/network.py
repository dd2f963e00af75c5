"""Where a request comes from: the peer, or what a listed proxy says."""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

NETWORKS_MAX = 256
HOPS_MAX = 32
FORWARDED_CHARS_MAX = 2_048

Network = IPv4Network | IPv6Network


def networks_of(blocks: Sequence[str]) -> tuple[Network, ...]:
    """Return listed blocks as networks; ValueError for a block that is none, or too many."""
    if len(blocks) > NETWORKS_MAX:
        raise ValueError(f"more than {NETWORKS_MAX} networks")
    return tuple(ip_network(block) for block in blocks)


def client_address(peer: str, forwarded: str | None, trusted: Sequence[Network]) -> str:
    """Return the right-most hop that is no listed proxy.

    `forwarded` is the header `x-forwarded-for`; the peer is the last hop. With an empty list, a
    peer that is not listed, or a header that cannot be read, it is the peer. When every hop is
    listed it is the left-most one.
    """
    address = _address(peer)
    if address is None or forwarded is None or not _listed(address, trusted):
        return peer if address is None else str(address)
    hops = _hops(forwarded)
    if not hops:
        return str(address)
    return str(next((hop for hop in reversed(hops) if not _listed(hop, trusted)), hops[0]))


def is_listed(address: str, networks: Sequence[Network]) -> bool:
    """Is it an address in one of the networks?"""
    known = _address(address)
    return known is not None and _listed(known, networks)


def _hops(forwarded: str) -> list[IPv4Address | IPv6Address]:
    """Return the addresses of the header in order, none at all when one cannot be read."""
    parts = forwarded.split(",") if len(forwarded) <= FORWARDED_CHARS_MAX else []
    if len(parts) > HOPS_MAX:
        return []
    hops = [hop for hop in map(_address, parts) if hop is not None]
    return hops if len(hops) == len(parts) else []


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip(" \t"))
    except ValueError:
        return None
    # WHY: a dual-stack socket shows an IPv4 peer as ::ffff:a.b.c.d; it is the same machine.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _listed(address: IPv4Address | IPv6Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)
