"""IP addresses as packets see them: what is inside another form, and what is never dialled."""

import ipaddress

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Forms of IPv6 that carry an IPv4 address in their last four bytes: translated (RFC 6052, RFC 8215,
# RFC 2765) and compatible (RFC 4291 section 2.5.5.1).
_CARRIERS = tuple(
    ipaddress.IPv6Network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")
)
# WHY: these answer with credentials of the machine itself, or stand for its network's own services,
# whatever the zone's pins say.
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "255.255.255.255/32",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
    )
)
_IPV4 = 0xFFFFFFFF


def ip(text: str) -> IpAddress | None:
    """Return the address that the text is in its usual form, None for a name."""
    try:
        return ipaddress.ip_address(text) if "%" not in text else None
    except ValueError:
        return None


def is_network(block: str) -> bool:
    """Is it a CIDR block whose host bits are zero?"""
    try:
        ipaddress.ip_network(block)
    except ValueError:
        return False
    return True


def is_never_dialled(address: IpAddress) -> bool:
    """Is it an address that no backend has, in whatever form it is written?

    INVARIANT: no pin allows it. Loopback is not among them: engines of our own may stand there.
    """
    # WHY: an IPv4 address in IPv6 form is dialled as what it is not pinned as. No resolver gives
    # one unasked, and who writes one into his names has a reason that is not ours.
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return True
    return any(map(_is_barred, (address, *_carried(address))))


def _carried(address: IpAddress) -> tuple[IpAddress, ...]:
    """Return the IPv4 addresses to which a translator or tunnel would take the packets."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    # WHY: `::` and `::1` have a meaning of their own, though they lie in a block of carriers.
    if address.is_loopback or address.is_unspecified:
        return ()
    inside = [ipaddress.IPv4Address(int(address) & _IPV4)]
    inside = inside if any(address in carrier for carrier in _CARRIERS) else []
    teredo = address.teredo or ()
    return tuple(one for one in (*inside, address.sixtofour, *teredo) if one is not None)


def _is_barred(address: IpAddress) -> bool:
    return (
        address.is_unspecified
        or address.is_multicast
        or address.is_link_local
        or any(address.version == block.version and address in block for block in _NEVER)
    )
