"""A second look at a match: where the secret stands, and whether it is one."""

import re
import string
from collections import Counter
from math import log2

from msgspec import Struct

from gateway.classification.detectors.secrets.pattern import ALONE, IN_BUFFER, translate
from gateway.classification.detectors.secrets.rules import Allow, Rule
from gateway.classification.parts import SEPARATOR

WINDOW_BYTES_MAX = 512
WINDOW_AFTER = 64
TRIES_MAX = 32
TOKEN_BYTES_MAX = 16 * 1024
NAME_BYTES_MAX = 50
TELLING_KEYWORD_CHARS = 5

# WHY: values that vendors print in their manuals; a prompt about the manual is no leak.
EXAMPLES = frozenset(
    {
        b"AKIAIOSFODNN7EXAMPLE",
        b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
        b".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
        b".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    }
)

# WHY: leading parts that Vectorscan has proven and that say nothing about the secret; in `re`
# they backtrack, the two of curl without bound.
_PROVEN = (
    r"\bcurl\b(?:.*?|.*?(?:[\r\n]{1,2}.*?){1,5})",
    r"\bcurl\b(?:.*|.*(?:[\r\n]{1,2}.*){1,5})",
    r"[\w.-]{0,50}?",
)

# WHY: their matches are longer than a window, or cost `re` too much in one.
UNCONFIRMED = frozenset({"private-key", "kubernetes-secret-yaml"})

_NAME = (string.ascii_letters + string.digits + "_.-").encode()
_TOKEN = _NAME + b"+/=~%:@"
_TERMINATORS = SEPARATOR + b" \t\r;\"'`"


class Run(Struct, frozen=True):
    """Neighbouring ends of matches of one rule, and the text (`low` to `high`) they stand in."""

    first: int
    last: int
    low: int
    high: int


class Stopwords:
    """Words that excuse a secret in which they stand, found by their first bytes."""

    __slots__ = ("_by_head", "_head")

    def __init__(self, words: tuple[str, ...]) -> None:
        # WHY: one rule has 1,400 words, and looking for each of them costs a quarter of a
        # millisecond for every match.
        self._head = min((len(word.encode()) for word in words), default=1)
        by_head: dict[bytes, list[bytes]] = {}
        for word in words:
            by_head.setdefault(word.encode()[: self._head], []).append(word.encode())
        self._by_head = {head: tuple(tails) for head, tails in by_head.items()}

    def stand_in(self, lower: bytes) -> bool:
        """Does one of the words stand in the text, which is in lower case?"""
        size = self._head
        return any(
            (words := self._by_head.get(lower[at : at + size])) and lower.startswith(words, at)
            for at in range(len(lower))
        )


class _Excuse(Struct, frozen=True):
    patterns: tuple[re.Pattern[bytes], ...]
    stopwords: Stopwords
    target: str
    whole: bool


class Confirmation:
    """The second look for one rule."""

    __slots__ = ("_excuses", "_pattern", "_telling", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._excuses = tuple(_excuse(allow) for allow in rule.allows)
        self._pattern = _confirming(rule)
        telling = (word for word in rule.keywords if len(word) >= TELLING_KEYWORD_CHARS)
        self._telling = tuple(word.encode() for word in telling)

    def judge(self, buffer: bytes, run: Run) -> tuple[int, int] | None:
        """Return the span of the secret, or None when every reading of the match is excused.

        A match that a window cannot show stands as it is: the stricter answer.
        """
        if self._pattern is None:
            return self.stands(buffer, run)
        start = max(run.low, run.first - WINDOW_BYTES_MAX + WINDOW_AFTER)
        stop = min(run.high + 1, run.last + WINDOW_AFTER, start + WINDOW_BYTES_MAX)
        seen = False
        for _ in range(TRIES_MAX):
            match = self._pattern.search(buffer, start, stop)
            if match is None or match.start() >= run.last:
                return None if seen else self.stands(buffer, run)
            if match.end() >= run.first:
                seen = True
                span = self._secret(match)
                if not self._excused(match, span, buffer):
                    return span[0], max(span[1], run.last) if span[1] == match.end() else span[1]
            start = match.start() + 1
        return self.stands(buffer, run)

    def stands(self, buffer: bytes, run: Run) -> tuple[int, int]:
        """Return a span for a match without a second look.

        It begins at the last telling keyword, or else where the token begins.
        """
        # WHY: mostly it stands near, and many matches may lie in one long text.
        for reach in (WINDOW_BYTES_MAX, TOKEN_BYTES_MAX):
            floor, before = _before(buffer, run, reach)
            lower = before.lower()
            begin = max((lower.rfind(word) for word in self._telling), default=-1)
            if begin >= 0:
                return floor + begin, floor + len(before)
        floor, before = _before(buffer, run, TOKEN_BYTES_MAX)
        return floor + len(before.rstrip(_TOKEN)), floor + len(before)

    def _secret(self, match: re.Match[bytes]) -> tuple[int, int]:
        if self.rule.group:
            return match.span(self.rule.group)
        groups = range(1, match.re.groups + 1)
        return match.span(next((group for group in groups if match[group]), 0))

    def _excused(self, match: re.Match[bytes], span: tuple[int, int], buffer: bytes) -> bool:
        secret = buffer[slice(*span)]
        if secret in EXAMPLES or (self.rule.entropy and entropy(secret) <= self.rule.entropy):
            return True
        lower = secret.lower()
        return any(
            excuse.stopwords.stand_in(lower)
            or any(_holds(excuse, pattern, match, secret) for pattern in excuse.patterns)
            for excuse in self._excuses
        )


def entropy(data: bytes) -> float:
    """Return Shannon's entropy in bits per byte."""
    total = len(data)
    return -sum(n / total * log2(n / total) for n in Counter(data).values())


def _confirming(rule: Rule) -> re.Pattern[bytes] | None:
    if rule.id in UNCONFIRMED:
        return None
    regex = rule.regex
    for part in _PROVEN:
        regex = regex.replace(part, "")
    return re.compile(translate(regex, IN_BUFFER).encode())


def _excuse(allow: Allow) -> _Excuse:
    return _Excuse(
        tuple(re.compile(translate(text, ALONE).encode()) for text in allow.patterns),
        Stopwords(allow.stopwords),
        allow.target,
        whole=allow.whole,
    )


def _before(buffer: bytes, run: Run, reach: int) -> tuple[int, bytes]:
    """Return what ends with the match, and where it begins."""
    floor = max(run.low, run.first - reach)
    return floor, buffer[floor : run.last].rstrip(_TERMINATORS)


def _holds(
    excuse: _Excuse, pattern: re.Pattern[bytes], match: re.Match[bytes], secret: bytes
) -> bool:
    if excuse.whole:
        return pattern.fullmatch(secret) is not None
    if excuse.target == "match":
        return pattern.search(_named(match)) is not None
    return pattern.search(_line(match) if excuse.target == "line" else secret) is not None


def _named(match: re.Match[bytes]) -> bytes:
    """Return the match with the rest of the name in front of it, which `_PROVEN` cut off."""
    start = max(match.start() - NAME_BYTES_MAX, 0)
    before = match.string[start : match.start()]
    return before[len(before.rstrip(_NAME)) :] + match[0]


def _line(match: re.Match[bytes]) -> bytes:
    """Return the line or lines of the match, as far as a window shows them."""
    text, start, end = match.string, match.start(), match.end()
    begin = text.rfind(b"\n", max(start - WINDOW_BYTES_MAX, 0), start) + 1
    close = text.find(b"\n", end, end + WINDOW_BYTES_MAX)
    return text[max(begin, start - WINDOW_BYTES_MAX) : close if close >= 0 else end]
