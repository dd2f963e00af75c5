"""A detector made of patterns as data, each with a check of our own where its form has one.

Vectorscan says where a match begins and ends; a check looks at that span and its neighbours alone.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from gateway.classification.matching import Match, Matcher, compiled
from gateway.classification.parts import EDGE
from gateway.classification.texts import Hit, Scanned

RULES_MAX = 1_000
RULES_CHARS_MAX = 1024 * 1024
MATCHES_MAX = 16_384
LOOKS_MAX = 4_096
SPOKEN_MIN = 4_096
HITS_MAX = 256
TAGS_MAX = 1_024
TAGS_FREE = 256
REPEATS_MAX = 4
SPAN_BYTES_MAX = 256
LEAD_BYTES_MAX = 96
BEFORE_BYTES_MAX = 96
AFTER_BYTES_MAX = 48

# WHY: what digits touch through these is a version, a date, a path or a longer number; a comma or
# a colon stands between values.
_JOINERS = b".-/+"
_AROUND = b' \t\r\n":'
_ASSIGNS = b'": "'

# Says whether a matched text is what its rule looks for; the text is Latin-1 of the bytes.
Check = Callable[[str], bool]


class RulesError(ValueError):
    """The rule data cannot be used."""


class PatternRule(Struct, frozen=True, forbid_unknown_fields=True):
    """One pattern of a detector and what must also hold for a match to count.

    `regex` has a bounded width. `check` names a function. `context` are words of which one must
    stand near the match, in the same text. With `glued` the match may touch other digits and
    letters through `.`, `-`, `/` and the like. With `around` the match holds the line breaks or
    quotes around it, which do not count; with `lead` these characters in front of it belong to it.
    `tag_only`: the hit is recorded and raises nothing. Rules of one `group` are compiled together:
    some that are fast alone slow one another down.
    """

    id: str
    regex: str
    check: str = ""
    context: tuple[str, ...] = ()
    glued: bool = False
    around: bool = False
    lead: str = ""
    group: int = 0
    tag_only: bool = False


class _RulesFile(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    rules: tuple[PatternRule, ...]


def parse_rules(toml_text: str) -> tuple[PatternRule, ...]:
    """Return the rules of a file; RulesError. Several rules may have one id: they are one kind."""
    if len(toml_text) > RULES_CHARS_MAX:
        raise RulesError("the rules are too long")
    try:
        rules = msgspec.convert(tomllib.loads(toml_text), _RulesFile).rules
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RulesError(f"the rules cannot be read: {error}") from None
    if not 0 < len(rules) <= RULES_MAX:
        raise RulesError(f"no rule, or more than {RULES_MAX}")
    return rules


def expressions(rules: Sequence[PatternRule]) -> tuple[bytes, ...]:
    """Return what is compiled."""
    return tuple(rule.regex.encode() for rule in rules)


def compile_database(rules: Sequence[PatternRule]) -> bytes:
    """Return the compiled and serialised database: one part for each group."""
    patterns = expressions(rules)
    parts = [
        compiled([patterns[number] for number in numbers], with_starts=not around)
        for (around, _), numbers in _groups(rules).items()
    ]
    return msgspec.msgpack.encode(parts)


class PatternScanner:
    """One detector. `database` must come from `compile_database` with the same rules."""

    def __init__(
        self,
        name: str,
        rules: Sequence[PatternRule],
        database: bytes,
        checks: Mapping[str, Check],
    ) -> None:
        unknown = {rule.check for rule in rules if rule.check} - checks.keys()
        if unknown:
            raise RulesError(f"no check is called {', '.join(sorted(unknown))}")
        self.name = name
        self._rules = tuple(rules)
        self._checks = tuple(checks.get(rule.check, _anything) for rule in rules)
        self._leads = tuple(rule.lead.encode() for rule in rules)
        self._words = tuple(tuple(word.lower().encode() for word in rule.context) for rule in rules)
        self._tags_alone = all(rule.tag_only for rule in rules)
        self._near = tuple(_near(rule.context) for rule in rules)
        parts = msgspec.msgpack.decode(database, type=list[bytes])
        self._matchers = [
            (Matcher(part), numbers)
            for part, numbers in zip(parts, _groups(rules).values(), strict=True)
        ]

    def __repr__(self) -> str:
        """Return the name and the number of rules."""
        return f"PatternScanner({self.name}, {len(self._rules)} rules)"

    def scan(self, buffer: bytes) -> Scanned:
        """Return the hits in a buffer of joined texts.

        Over a bound the result says `truncated`, which counts as a failed detector. Hits that
        raise nothing have a bound of their own, over which they are left out.
        """
        matches, truncated = self._matches(buffer)
        hits: list[Hit] = []
        tags: list[Hit] = []
        looks = Looks(LOOKS_MAX)
        spans = self._spans(buffer, matches)
        for number, (start, end, rule) in enumerate(spans):
            if start < looks.taken or not self._holds(buffer, rule, (start, end), looks):
                if looks.spent:
                    break
                continue
            tag = self._rules[rule].tag_only
            looks.taken = end
            if not tag and len(hits) >= HITS_MAX:
                truncated = True
                break
            if tag and not looks.has_room(buffer[start:end], len(tags)):
                if self._tags_alone and len(tags) >= TAGS_MAX:
                    looks.leave(buffer, spans[number:])
                    break
                continue
            (tags if tag else hits).append(Hit(self._rules[rule].id, start, end, tag))
        return Scanned(tuple(sorted((*hits, *tags), key=_position)), truncated or looks.spent)

    def _matches(self, buffer: bytes) -> tuple[list[Match], bool]:
        found: list[Match] = []
        truncated = False
        for matcher, numbers in self._matchers:
            matches, over = matcher.matches(buffer, MATCHES_MAX)
            found += ((end, numbers[rule], start) for end, rule, start in matches)
            truncated = truncated or over
        return (self._speakable(buffer, found) if len(found) > SPOKEN_MIN else found), truncated

    def _speakable(self, buffer: bytes, matches: list[Match]) -> list[Match]:
        """Return the matches without those whose words stand nowhere in the buffer.

        WHY: a table of numbers has many thousands, and no word near any of them.
        """
        lower = buffer.lower()
        silent = {
            number
            for number in {rule for _, rule, _ in matches}
            if self._words[number] and not any(word in lower for word in self._words[number])
        }
        return [match for match in matches if match[1] not in silent]

    def _spans(self, buffer: bytes, matches: Sequence[Match]) -> list[tuple[int, int, int]]:
        """Return (start, end, rule) of every match by start, the widest first."""
        spans: list[tuple[int, int, int]] = []
        for end, rule, begins in matches:
            start, stop = begins, end
            if self._leads[rule]:
                low = max(begins - LEAD_BYTES_MAX, 0)
                start = low + len(buffer[low:begins].rstrip(self._leads[rule]))
            if self._rules[rule].around:
                start, stop = _line(buffer, end)
            spans.append((start, stop, rule))
        return sorted(spans, key=_start_then_width)

    def _holds(self, buffer: bytes, number: int, span: tuple[int, int], looks: "Looks") -> bool:
        start, end = span
        rule = self._rules[number]
        if end - start > SPAN_BYTES_MAX:
            return False
        if not (rule.glued or rule.around or _alone(buffer, start, end)):
            return False
        near = self._near[number]
        if near is not None and not _spoken(near, buffer, start, end):
            return False
        return looks.verdict(number, buffer[start:end], self._checks[number])


class Looks:
    """What the checks said of each text, in bounded work, and up to where a hit reaches already.

    INVARIANT: a text over the bound is not looked at, and `spent` says so.
    """

    __slots__ = ("_left", "_repeats", "_said", "spent", "taken")

    def __init__(self, most: int) -> None:
        self._left = most
        self._said: dict[tuple[int, bytes], bool] = {}
        self._repeats: dict[bytes, int] = {}
        self.taken = 0
        self.spent = False

    def has_room(self, text: bytes, tags: int) -> bool:
        """May one more tag be kept? Many of one text make no room for others.

        WHY: tags are counted by how many different ones there are.
        """
        repeats = self._repeats[text] = self._repeats.get(text, 0) + 1
        return tags < TAGS_MAX and (tags < TAGS_FREE or repeats <= REPEATS_MAX)

    def leave(self, buffer: bytes, spans: Sequence[tuple[int, int, int]]) -> None:
        """Look at no further text; where too many new ones are left, the bound is exceeded."""
        different = {buffer[start:end] for start, end, _ in spans}
        different -= {text for _, text in self._said}
        self.spent = self.spent or len(different) > self._left

    def verdict(self, rule: int, text: bytes, check: Check) -> bool:
        """Return what the check says of the text; each text is looked at once."""
        said = self._said.get((rule, text))
        if said is None:
            if self._left <= 0:
                self.spent = True
                return False
            self._left -= 1
            said = self._said[(rule, text)] = check(text.decode("latin-1"))
        return said


def _groups(rules: Sequence[PatternRule]) -> dict[tuple[bool, int], list[int]]:
    """Return the numbers of rules by what they are compiled with.

    WHY: where a line begins need not be told by the engine, which is five times as slow with it.
    """
    groups: dict[tuple[bool, int], list[int]] = {}
    for number, rule in enumerate(rules):
        groups.setdefault((rule.around, rule.group), []).append(number)
    return groups


def _line(buffer: bytes, end: int) -> tuple[int, int]:
    """Return the line that ends there, without blanks, breaks and quotes around it."""
    low = max(end - SPAN_BYTES_MAX, 0)
    text = buffer[low:end].rstrip(_AROUND)
    begin = max(text.rfind(b"\n"), text.rfind(_ASSIGNS) + len(_ASSIGNS) - 1) + 1
    line = text[begin:]
    return low + begin + len(line) - len(line.lstrip(_AROUND)), low + len(text)


def _start_then_width(match: tuple[int, int, int]) -> tuple[int, int, int]:
    return match[0], -match[1], match[2]


def _anything(_text: str) -> bool:
    return True


def _near(words: Sequence[str]) -> re.Pattern[bytes] | None:
    if not words:
        return None
    joined = "|".join(re.escape(word.lower()) for word in words)
    return re.compile(rf"(?<![a-z]){'(?:' + joined + ')'}(?![a-z])".encode())


def _spoken(near: re.Pattern[bytes], buffer: bytes, start: int, end: int) -> bool:
    """Does a word of the context stand near the span, in its own text?"""
    before = buffer[max(start - BEFORE_BYTES_MAX, 0) : start].rpartition(EDGE)[2]
    after = buffer[end : end + AFTER_BYTES_MAX].partition(EDGE)[0]
    return near.search(before.lower()) is not None or near.search(after.lower()) is not None


def _alone(buffer: bytes, start: int, end: int) -> bool:
    """Is the span no part of a longer number, version, path or identifier?"""
    before, after = buffer[start - 2 : start], buffer[end : end + 2]
    if before[1:].isalnum() or after[:1].isalnum():
        return False
    joined_before = before[:1].isdigit() and before[1:] in _JOINERS
    return not (joined_before or (after[1:].isdigit() and after[:1] in _JOINERS))


def _position(hit: Hit) -> tuple[int, int, str]:
    return hit.start, hit.end, hit.kind
