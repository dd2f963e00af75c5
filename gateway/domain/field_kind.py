"""What a field of a request is for, which says where it may go."""

import re
from collections.abc import Iterable
from enum import StrEnum


class FieldKind(StrEnum):
    """What a field is for.

    content: what is said. setting: how it is to be answered. identifying: who asks, or from where.
    egress: makes a provider fetch, keep, run or pass on something.
    """

    CONTENT = "content"
    SETTING = "setting"
    IDENTIFYING = "identifying"
    EGRESS = "egress"


LEAVES = frozenset({FieldKind.CONTENT, FieldKind.SETTING})


_HUMP = re.compile(r"(?<!^)[A-Z]")


def spelled(name: str) -> str:
    """Return a vendor's name of a field in the one form in which names are told: `like_this`."""
    return _HUMP.sub(lambda found: f"_{found[0].lower()}", name)


def fields(
    *,
    content: Iterable[str],
    setting: Iterable[str] = (),
    identifying: Iterable[str] = (),
    egress: Iterable[str] = (),
) -> dict[str, FieldKind]:
    """Return the table of a dialect's documented fields; ValueError for one that stands twice."""
    kinds = (
        (FieldKind.CONTENT, content),
        (FieldKind.SETTING, setting),
        (FieldKind.IDENTIFYING, identifying),
        (FieldKind.EGRESS, egress),
    )
    pairs = [(name, kind) for kind, names in kinds for name in names]
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a field stands twice in the table")
    return table
