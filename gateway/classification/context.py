"""Rules that count near a word alone, looked for near such words alone.

WHY: a text of numbers or times has many thousands of matches with no word near any of them, and
each match costs a hundred times as much as the bytes in which it stands.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from gateway.classification.matching import Enough, Match, Matcher
from gateway.classification.parts import SEPARATOR

WORDS_MAX = 2_048
# A match, its neighbours and the word that it is near to stand in so many bytes on either side.
AROUND_BYTES = 192
WORD_BYTES_MAX = 32
WIDTH_MAX = 80
_TWICE = 2 * AROUND_BYTES


def expressions(words: Sequence[str]) -> tuple[bytes, ...]:
    """Return the patterns of words that are no parts of others, in any case; none for none."""
    return tuple(rb"(?i)[^a-z]" + _literal(word) + rb"[^a-z]" for word in words)


class Spoken:
    """Finds patterns near the words of a rule, in the manner of a matcher."""

    __slots__ = ("_matcher", "_words")

    def __init__(self, matcher: Matcher, words: Matcher) -> None:
        self._matcher = matcher
        self._words = words

    def matches(
        self, buffer: bytes, most: int, enough: Enough | None = None
    ) -> tuple[list[Match], bool]:
        """Return the matches near words, and whether there were `most` or more."""
        windows = self._windows(buffer)
        if not windows:
            return [], False
        cut = SEPARATOR.join((b"", *(buffer[low:high] for low, high in windows), b""))
        sizes = (high - low + len(SEPARATOR) for low, high in windows)
        begins = list(accumulate(sizes, initial=len(SEPARATOR)))[:-1]
        moves = [low - begin for begin, (low, _) in zip(begins, windows, strict=True)]

        def moved(found: list[Match]) -> list[Match]:
            ways = ((match, moves[bisect_right(begins, match[2]) - 1]) for match in found)
            return [(end + by, rule, start + by) for (end, rule, start), by in ways]

        asked = None if enough is None else lambda found: enough(moved(found))
        found, over = self._matcher.matches(cut, most, asked)
        return moved(found), over

    def _windows(self, buffer: bytes) -> list[tuple[int, int]]:
        """Return what stands around words; behind too many of them all the rest."""
        ends, over = self._words.matches(buffer, WORDS_MAX)
        if not ends:
            return []
        places = [end for end, _, _ in ends]
        apart = [at for at, (one, other) in enumerate(pairwise(places), 1) if other - one > _TWICE]
        firsts = [places[0], *(places[at] for at in apart)]
        lasts = [*(places[at - 1] for at in apart), places[-1]]
        windows = [
            (max(first - AROUND_BYTES, 0), min(last + AROUND_BYTES, len(buffer)))
            for first, last in zip(firsts, lasts, strict=True)
        ]
        if over:
            windows[-1] = (windows[-1][0], len(buffer))
        return windows


def _literal(word: str) -> bytes:
    return b"".join(rb"\x%02x" % one for one in word.lower().encode())
