"""Letters as they look: compatibility forms, invisible characters and look-alikes, one by one.

WHY: each character is folded alone, so that the way back to the original is a sum of lengths.
"""

import unicodedata

FOLDS_MAX = 65_536

# WHY: letters of other scripts that no reader tells from ASCII; enough for identifiers and marks.
_LOOK_ALIKES = {
    **dict(zip("АВЕЅІЈКМНОРСТУХԁԌһаеоросухѕіјԛԝ", "ABESIJKMHOPCTYXdGhaeopocyxsijqw", strict=True)),
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανοικρτυχ", "ABEZHIKMNOPTYXavoikptyx", strict=True)),
    **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
    **dict.fromkeys("⁄∕", "/"),
    "ı": "i",
    "ӏ": "l",
    "Ӏ": "I",
    "Ꭺ": "A",
    "օ": "o",
    "ɡ": "g",
    "ꓲ": "I",
}
_INVISIBLE = frozenset({"Cf", "Mn", "Me"})
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


class _Folds(dict[int, str]):
    """What each character folds to, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        if len(self) >= FOLDS_MAX:
            self.clear()
        folded = self[code] = _fold(chr(code))
        return folded


_FOLDS = _Folds()


def fold(text: str) -> str:
    """Return the text as it looks in ASCII, where it looks like that."""
    return text.translate(_FOLDS)


def unfolded(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the bytes of the text that became those bytes of the folded one."""
    at = came = 0
    first: int | None = None
    for one in text:
        if came >= end:
            break
        size = len(_encoded(_FOLDS[ord(one)]))
        if came + size > start and first is None:
            first = at
        at += len(_encoded(one))
        came += size
    return (at if first is None else first), at


def _fold(one: str) -> str:
    if one.isascii():
        return one
    if one in _LOOK_ALIKES:
        return _LOOK_ALIKES[one]
    if one in _INVISIBLE_LETTERS or unicodedata.category(one) in _INVISIBLE:
        return ""
    digit = unicodedata.decimal(one, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", one)
    return "".join(_LOOK_ALIKES.get(part, part) for part in plain)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
