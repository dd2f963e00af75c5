"""What may leave the premises, and the one form in which a loss may be named."""

import re

from gateway.domain.dialect import Dialect
from gateway.domain.field_kind import LEAVES
from gateway.domain.request import Body

LOSSES_MAX = 64
MORE = "more"
UNKNOWN = "unknown_field"
_NAME = re.compile(r"[a-z][A-Za-z0-9_.:]{0,63}")


def leaving(
    body: Body, dialect: Dialect, passed: frozenset[str] = frozenset()
) -> tuple[Body, tuple[str, ...]]:
    """Return the body without what must not leave, and the names of what was taken out.

    `passed` are names of fields that policy lets into the zone.

    INVARIANT: a field is named only if the vendor documents it; a client's own word is not.
    """
    kept = {
        name: value
        for name, value in body.items()
        if dialect.fields.get(name) in LEAVES or (name in dialect.fields and name in passed)
    }
    lost = [name for name in body if name not in kept]
    return kept, tuple(name if name in dialect.fields else UNKNOWN for name in lost)


def taken(
    body: Body, dialect: Dialect, takes: frozenset[str] | None
) -> tuple[Body, tuple[str, ...]]:
    """Return the body with the fields that an engine takes, and the names of the others."""
    if takes is None:
        return body, ()
    kept = {name: value for name, value in body.items() if name in takes}
    lost = [name for name in body if name not in kept and body[name] is not None]
    return kept, tuple(name if name in dialect.fields else UNKNOWN for name in lost)


def closed(losses: tuple[str, ...]) -> tuple[str, ...]:
    """Return each loss once, in a form that no text of a client has, bounded in number."""
    names = dict.fromkeys(name if _NAME.fullmatch(name) else UNKNOWN for name in losses)
    kept = tuple(names)[:LOSSES_MAX]
    return kept if len(kept) == len(names) else (*kept, MORE)
