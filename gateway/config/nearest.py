"""The known name that is nearest to a misspelt one."""

from collections.abc import Iterable
from difflib import get_close_matches

NAME_CHARS_MAX = 128
SHOWN_MAX = 12
LIKENESS_MIN = 0.6


def nearest(name: str, known: Iterable[str], likeness_min: float = LIKENESS_MIN) -> str | None:
    """Return the known name that is most like `name`, or None when none is alike enough."""
    near = get_close_matches(name[:NAME_CHARS_MAX], sorted(known), n=1, cutoff=likeness_min)
    return near[0] if near else None


def guess(name: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest known name, or the list of all of them, or nothing."""
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f"did you mean `{near}`?"
    if not names:
        return ""
    more = f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else ""
    return f"known: {', '.join(names[:SHOWN_MAX])}{more}"
