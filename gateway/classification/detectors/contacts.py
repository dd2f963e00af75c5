"""Contacts: e-mail addresses, phone numbers, IP addresses.

Every prompt about code holds some. They are recorded and raise no label alone; many of them at
once may be somebody's customers, so policy may raise by their number.
"""

from ipaddress import IPv6Address, ip_network

from gateway.classification.patterns import Check

LOCAL_CHARS_MAX = 64
PHONE_DIGITS_MIN = 8
PHONE_DIGITS_MAX = 15
DISTINCT_DIGITS_MIN = 3
GROUPS_MIN = 3
HEX_DIGITS_MIN = 6

# WHY: names that RFC 2606 and RFC 6761 keep for examples, and what tools write everywhere.
_NOBODYS = (".example", ".test", ".invalid", ".localhost", ".local", ".example.com", ".example.org",
            ".example.net", ".users.noreply.github.com")  # fmt: skip
_TOOLS = frozenset({"git", "noreply", "no-reply", "hg"})
_FILES = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "js", "css", "ts", "py", "scss"})
# WHY: blocks for documentation, loopback and masks name no machine of anybody.
# The first number of an address that is nobody's, or of groups and masks; how those begin that are
# for documentation.
_NOWHERE = frozenset(map(str, (0, 127, *range(224, 256))))
_SHOWN = ("192.0.2.", "198.51.100.", "203.0.113.")
_PARTS = 4
_NUMBERS = frozenset(map(str, range(256)))
_NOWHERE_6 = tuple(ip_network(block) for block in ("::/127", "2001:db8::/32", "ff00::/8"))


def is_email(text: str) -> bool:
    """Is it an address that may be a person's?"""
    local, _, domain = text.lower().rpartition("@")
    if (
        not 0 < len(local) <= LOCAL_CHARS_MAX
        or ".." in text
        or local[:1] == "."
        or local[-1:] == "."
    ):
        return False
    if local in _TOOLS or domain.rpartition(".")[2] in _FILES:
        return False
    return not f".{domain}".endswith(_NOBODYS)


def is_phone(text: str) -> bool:
    """Has it as many digits as a telephone number, of more than two kinds?"""
    digits = "".join(filter(str.isdigit, text))
    return (
        PHONE_DIGITS_MIN <= len(digits) <= PHONE_DIGITS_MAX
        and len(set(digits)) >= DISTINCT_DIGITS_MIN
    )


def is_ipv4(text: str) -> bool:
    """Is it an address of a machine? Documentation, loopback and masks are not."""
    parts = text.split(".")
    is_one = len(parts) == _PARTS and _NUMBERS.issuperset(parts)
    return is_one and parts[0] not in _NOWHERE and not text.startswith(_SHOWN)


def is_ipv6(text: str) -> bool:
    """Is it an address of a machine, and no scope of a language?"""
    groups = [group for group in text.split(":") if group]
    if len(groups) < GROUPS_MIN or len("".join(groups)) < HEX_DIGITS_MIN:
        return False
    try:
        address = IPv6Address(text)
    except ValueError:
        return False
    return not any(address in block for block in _NOWHERE_6)


CHECKS: dict[str, Check] = {
    "email": is_email,
    "phone": is_phone,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
}
