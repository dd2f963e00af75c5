"""A request in the shape on which a dialect depends, and what another dialect cannot say of it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from gateway.domain.errors import Malformed
from gateway.translation.losses import UNKNOWN

_T = TypeVar("_T")


def shaped(value: object, shape: type[_T], where: str = "") -> _T:
    """Return the value in that shape; Malformed names the place and the types, never the value."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise Malformed(f"{where}{error}") from None


def leftovers(
    holder: Mapping[str, Any] | None, known: Collection[str], documented: Collection[str]
) -> tuple[str, ...]:
    """Return the names of fields that say something and are not known, each once.

    INVARIANT: a field is named only if a vendor documents it; a client's own word is not.
    """
    said = (
        name
        for name, value in (holder or {}).items()
        if name not in known and value is not None and value is not False
        if value not in ("", [], {})
    )
    return tuple(dict.fromkeys(name if name in documented else UNKNOWN for name in said))


def once(*names: Iterable[str]) -> tuple[str, ...]:
    """Return each name once, in the order in which they were met."""
    return tuple(dict.fromkeys(name for some in names for name in some))
