"""Patterns of repository addresses: `host/path` segment by segment, from beginning to end.

`*` stands for any text within one segment, `**` as the last one for one segment or more. The host
is always written out. There is no other sign: a pattern is no regular expression, and one that is
written as such is refused, for it would match nothing that its author meant.
"""

from gateway.domain.repo_address import canonical

ANY_TEXT = "*"
ANY_DEPTH = "**"
STARS_MAX = 4
_STAND_IN = "!"
_GROUP = frozenset("()")
_ANY_IN_OTHER_WORDS = ".*"


def canonical_pattern(text: str) -> str:
    """Return the pattern in the form of an address; ValueError, which never repeats it."""
    if _STAND_IN in text:
        raise ValueError("a pattern holds no !")
    # INVARIANT: no host has the sign that stands in, so a star there is refused.
    # WHY: what is a pattern and what is an address must be made canonical by the same hand.
    pattern = canonical(text.replace(ANY_TEXT, _STAND_IN)).replace(_STAND_IN, ANY_TEXT)
    _, *segments = pattern.split("/")
    # WHY: the other signs of regular expressions stand in no address, so they are refused with it.
    if _GROUP & set(pattern) or any(one.startswith(_ANY_IN_OTHER_WORDS) for one in segments):
        raise ValueError("a pattern is no regular expression: `*` stands for any text")
    if any(ANY_DEPTH in one for one in segments[:-1]) or segments[-1].count(ANY_DEPTH) > 1:
        raise ValueError("`**` stands alone, as the last part of a pattern")
    if ANY_DEPTH in segments[-1] and segments[-1] != ANY_DEPTH:
        raise ValueError("`**` stands alone, as the last part of a pattern")
    if any(one.count(ANY_TEXT) > STARS_MAX for one in segments):
        raise ValueError(f"a part of a pattern has at most {STARS_MAX} `*`")
    return pattern


def host_of(address: str) -> str:
    """Return the host of an address or pattern."""
    return address.partition("/")[0]


def stem(pattern: str) -> str:
    """Return host and first part of the path, or the host alone where that part has a star."""
    host, _, path = pattern.partition("/")
    first = path.partition("/")[0]
    return host if ANY_TEXT in first else f"{host}/{first}"


def matches(pattern: str, address: str) -> bool:
    """Does the whole address, part by part, have the form of a canonical pattern?"""
    wanted, parts = pattern.split("/"), address.split("/")
    if wanted[-1] == ANY_DEPTH:
        wanted = wanted[:-1]
        if len(parts) <= len(wanted):
            return False
        parts = parts[: len(wanted)]
    if len(wanted) != len(parts):
        return False
    return all(map(_fits, wanted, parts))


def _fits(wanted: str, part: str) -> bool:
    """Does one part fit, where each `*` stands for any text, also for none?"""
    first, *rest = wanted.split(ANY_TEXT)
    if not rest:
        return part == wanted
    *middle, last = rest
    if len(part) < len(first) + len(last) or not part.startswith(first) or not part.endswith(last):
        return False
    left = part[len(first) : len(part) - len(last)]
    for one in middle:
        _, found, left = left.partition(one) if one else ("", "x", left)
        if not found:
            return False
    return True
