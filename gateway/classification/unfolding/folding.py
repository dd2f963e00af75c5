"""Letters as they look: compatibility forms, invisible characters and look-alikes, one by one.

WHY: each character is folded alone, so that the way back to the original is a sum of lengths.
"""

import unicodedata
from bisect import bisect_left
from functools import cache
from itertools import chain

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


# WHY: ideographs, syllables and places without a character fold to themselves, and there are many.
_FOLDING = (
    *((0x80, 0x3400), (0x4DC0, 0x4E00), (0xA000, 0xAC00), (0xD7A4, 0xD800), (0xE000, 0x20000)),
    *((0x2F800, 0x2FA20), (0xE0000, 0xE0200)),
)
STRIDE = 128


@cache
def folds() -> dict[int, str]:
    """Return what each character folds to that folds to another; made once, when a node starts.

    WHY: worked out when they are first met, characters at random would cost the first scans twice
    as much as others.
    """
    codes = [*chain.from_iterable(range(*ends) for ends in _FOLDING)]
    plain = unicodedata.normalize("NFKC", "\n".join(map(chr, codes))).split("\n")
    table: dict[int, str] = {}
    for code, said in zip(codes, plain, strict=True):
        folded = _folded(chr(code), said)
        if folded != chr(code):
            table[code] = folded
    # INVARIANT: what was folded folds to itself, so that nobody has to fold it again.
    return {code: said if said.isascii() else said.translate(table) for code, said in table.items()}


def fold(text: str) -> str:
    """Return the text as it looks in ASCII, where it looks like that."""
    return text.translate(folds())


class WayBack:
    """From the bytes of a folded text to those that became them.

    WHY: many findings may stand in one long text; each begins to count near where it stands.
    """

    __slots__ = ("_came", "_text", "_went")

    def __init__(self, text: str) -> None:
        self._text = text
        self._went = [0]
        self._came = [0]
        for at in range(0, len(text), STRIDE):
            part = text[at : at + STRIDE]
            self._went.append(self._went[-1] + _size(part))
            self._came.append(self._came[-1] + _size(fold(part)))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the bytes of the text that became those bytes of the folded one."""
        stop, _ = self._until(end)
        begin, size = self._until(start + 1)
        return (min(begin - size, stop) if start < self._came[-1] else stop), stop

    def _until(self, end: int) -> tuple[int, int]:
        """Return the bytes of the text that made so many folded ones, and those of the last."""
        stride = max(bisect_left(self._came, end) - 1, 0)
        at, came, size = self._went[stride], self._came[stride], 0
        for one in self._text[stride * STRIDE : (stride + 1) * STRIDE]:
            if came >= end:
                break
            size = _size(one)
            at += size
            came += _size(fold(one))
        return at, size


def _folded(one: str, plain: str) -> str:
    """Return what a character folds to, of which that is the plain form."""
    if one in _LOOK_ALIKES:
        return _LOOK_ALIKES[one]
    if one in _INVISIBLE_LETTERS or unicodedata.category(one) in _INVISIBLE:
        return ""
    digit = unicodedata.decimal(one, None)
    if digit is not None:
        return str(digit)
    return "".join(_LOOK_ALIKES.get(part, part) for part in plain)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
