"""A detector made of patterns as data, each with a check of our own where its form has one.

Vectorscan says where a match begins and ends; a check looks at that span and its neighbours alone.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.classification import context
from gateway.classification.growth import Growth
from gateway.classification.matching import Match, Matcher, compiled
from gateway.classification.parts import EDGE
from gateway.classification.room import Room
from gateway.classification.texts import Hit, Scanned

RULES_MAX = 1_000
RULES_CHARS_MAX = 1024 * 1024
MATCHES_MAX = 16_384
# INVARIANT: below the matches after which a matcher asks, so that it ends where all were looked at.
LOOKS_MAX = 8_192
HITS_MAX = 256
# No policy counts more of them.
COUNTED_MAX = 1_000
SPAN_BYTES_MAX = 256
LEAD_BYTES_MAX = 96
BEFORE_BYTES_MAX = 96
AFTER_BYTES_MAX = 48

# WHY: what digits touch through these is a version, a date, a path or a longer number; a comma or
# a colon stands between values.
_JOINERS = frozenset(b".-/+")
_DIGITS = frozenset(b"0123456789")
_LETTERS_DIGITS = frozenset(one for one in range(256) if bytes((one,)).isalnum())
_AROUND = b' \t\r\n":'
_ASSIGNS = b'": "'

# What checks said of a text, by number of the rule and text.
Verdicts = dict[tuple[int, bytes], bool]
# Says whether a matched text is what its rule looks for; the text is Latin-1 of the bytes.
Check = Callable[[str], bool]


class RulesError(ValueError):
    """The rule data cannot be used."""


class PatternRule(Struct, frozen=True, forbid_unknown_fields=True):
    """One pattern of a detector and what must also hold for a match to count.

    `regex` has a bounded width. `check` names a function. `context` are words of which one must
    stand near the match, in the same text; with `near` it is looked for near them alone, since
    ordinary texts are full of its form. With `glued` the match may touch other digits and
    letters through `.`, `-`, `/` and the like. With `around` the match holds the line breaks or
    quotes around it, which do not count; with `lead` these characters in front of it belong to it.
    One of `behind` that ends the match does not belong to it: what no edge of a word would tell.
    `tag_only`: the hit is recorded and raises nothing. Rules of one `group` are compiled together:
    some that are fast alone slow one another down.
    """

    id: str
    regex: str
    check: str = ""
    context: tuple[str, ...] = ()
    near: bool = False
    glued: bool = False
    around: bool = False
    lead: str = ""
    behind: str = ""
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
    for rule in rules:
        if rule.near and (rule.around or rule.lead or rule.behind or not rule.context):
            raise RulesError(f"rule {rule.id}: near no word, or edges that its words do not know")
        if any(len(word.encode()) > context.WORD_BYTES_MAX for word in rule.context):
            raise RulesError(f"rule {rule.id}: a word of its context is too long")
    return rules


def expressions(rules: Sequence[PatternRule]) -> tuple[bytes, ...]:
    """Return what the database depends on, by rule: its pattern, and what it is compiled with."""
    return tuple(
        msgspec.msgpack.encode((rule.regex, *_group(rule), rule.near and rule.context))
        for rule in rules
    )


def compile_database(rules: Sequence[PatternRule]) -> bytes:
    """Return the compiled and serialised database: one part for each group, and the words."""
    parts = [
        compiled([rules[number].regex.encode() for number in numbers], with_starts=not around)
        for (around, *_), numbers in _groups(rules).items()
    ]
    words = context.expressions(_words(rules))
    return msgspec.msgpack.encode([*parts, compiled(words)] if words else parts)


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
        self._behind = tuple(rule.behind.encode() for rule in rules)
        self._near = tuple(_near(rule.context) for rule in rules)
        parts = msgspec.msgpack.decode(database, type=list[bytes])
        groups = _groups(rules)
        words = Matcher(parts.pop()) if len(parts) > len(groups) else None
        self._matchers = [
            (context.Spoken(Matcher(part), words) if spoken and words else Matcher(part), numbers)
            for part, ((_, spoken, *_), numbers) in zip(parts, groups.items(), strict=True)
        ]

    def __repr__(self) -> str:
        """Return the name and the number of rules."""
        return f"PatternScanner({self.name}, {len(self._rules)} rules)"

    def scan(self, buffer: bytes) -> Scanned:
        """Return the hits in a buffer of joined texts.

        Over a bound the result says `truncated`, which counts as a failed detector. Tags of one
        kind have a bound of their own, over which they are left out.
        INVARIANT: however many of one kind there are, those of another are looked for and kept.
        """
        found = _Found(self, buffer)
        failed = any(found.add(matcher, numbers) for matcher, numbers in self._matchers)
        scanned = self.judged(buffer, found.matches, found.verdicts)
        failed = failed or found.more or found.falls_short(scanned.hits)
        return replace(scanned, truncated=scanned.truncated or failed)

    def judged(self, buffer: bytes, matches: Sequence[Match], verdicts: Verdicts) -> Scanned:
        """Return the hits among the matches, `truncated` for too many or too many texts."""
        hits: list[Hit] = []
        room = Room()
        looks = Looks(LOOKS_MAX, verdicts)
        for start, width, number in self._spans(buffer, matches):
            end, rule = start - width, self._rules[number]
            if start < looks.reached and looks.is_taken(start, end, rule):
                continue
            said = (number, buffer[start:end])
            # WHY: mostly the same few texts stand in thousands of places.
            if (
                said in room.enough
                or verdicts.get(said) is False
                or (rule.tag_only and room.has_enough(rule.id, said))
            ):
                continue
            if not self._holds(buffer, number, (start, end), looks):
                if looks.spent:
                    break
                continue
            looks.take(start, end, rule)
            if not rule.tag_only and len(hits) >= HITS_MAX:
                looks.spent = True
                break
            hit = Hit(rule.id, start, end, rule.tag_only)
            if rule.tag_only:
                room.keep(hit, said[1])
            else:
                hits.append(hit)
        return Scanned(tuple(sorted((*hits, *room.tags), key=_position)), looks.spent)

    def tag_of(self, numbers: Sequence[int]) -> str:
        """Return the kind of tag of which these rules are, empty for rules that raise."""
        rule = self._rules[numbers[0]]
        return rule.id if rule.tag_only else ""

    def can_be(self, most: int, buffer: bytes, matches: Sequence[Match]) -> bool:
        """Can so many different texts be among them? What a lead adds may tell any two apart."""
        led = any(self._leads[rule] for rule in {rule for _, rule, _ in matches})
        return led or len({buffer[begin:end] for end, _, begin in matches}) >= most

    def _spans(self, buffer: bytes, matches: Sequence[Match]) -> list[tuple[int, int, int]]:
        """Return (start, minus width, rule) of every match by start, the widest first."""
        spans: list[tuple[int, int, int]] = []
        for end, rule, begins in matches:
            start, stop = begins, end
            if self._leads[rule]:
                low = max(begins - LEAD_BYTES_MAX, 0)
                start = low + len(buffer[low:begins].rstrip(self._leads[rule]))
            elif self._rules[rule].around:
                start, stop = _line(buffer, end)
            if buffer[end - 1] in self._behind[rule]:
                stop = end - 1
            spans.append((start, start - stop, rule))
        spans.sort()
        return spans

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


class _Found:
    """The matches of one scan while they are collected; `more` says that there are more."""

    __slots__ = ("_buffer", "_enough", "_scanner", "matches", "more", "verdicts")

    def __init__(self, scanner: PatternScanner, buffer: bytes) -> None:
        self._scanner = scanner
        self._buffer = buffer
        self._enough: set[str] = set()
        self.matches: list[Match] = []
        self.verdicts: Verdicts = {}
        self.more = False

    def add(self, matcher: "Matcher | context.Spoken", numbers: Sequence[int]) -> bool:
        """Add what that matcher finds; True when its first matches are a failure already.

        WHY: tags are counted by how many different ones there are, and policy counts no further;
        so of a kind of which there are enough no more are looked for.
        """
        kind = self._scanner.tag_of(numbers)
        if kind in self._enough:
            return False
        most = COUNTED_MAX if kind else HITS_MAX
        growth, failed = Growth(), False

        def enough(first: list[Match]) -> bool:
            nonlocal failed
            looked = len(self.verdicts) + len(first) - growth.at
            # WHY: a question costs as much as the matches that it is about.
            if growth.at and growth.expected(len(first)) < most and looked < LOOKS_MAX:
                return False
            matches = _numbered(first, numbers)
            if kind and not self._scanner.can_be(most, self._buffer, matches):
                return False
            told = self._scanner.judged(self._buffer, matches, self.verdicts)
            failed = told.truncated
            growth.note(len(first), len({self._buffer[one.start : one.end] for one in told.hits}))
            if kind and growth.counted >= most:
                self._enough.add(kind)
            return failed or kind in self._enough

        found, over = matcher.matches(self._buffer, MATCHES_MAX, enough)
        self.matches += _numbered(found, numbers)
        self.more = self.more or (over and kind not in self._enough)
        return failed

    def falls_short(self, hits: Sequence[Hit]) -> bool:
        """Are there too few of a kind of which no more were looked for?

        WHY: what seemed enough by itself may be parts of other hits.
        """
        return any(
            len({self._buffer[one.start : one.end] for one in hits if one.kind == kind})
            < COUNTED_MAX
            for kind in self._enough
        )


class Looks:
    """What the checks said of each text, in bounded work, and up to where hits reach already.

    INVARIANT: a text over the bound is not looked at, and `spent` says so.
    """

    __slots__ = ("_begun", "_left", "_said", "_taken", "reached", "spent")

    def __init__(self, most: int, verdicts: Verdicts) -> None:
        self._left = most - len(verdicts)
        self._said = verdicts
        self._taken: dict[str, int] = {}
        self._begun = self.reached = 0
        self.spent = False

    def is_taken(self, start: int, end: int, rule: PatternRule) -> bool:
        """Does a hit stand there already? Spans come by their start, the widest first.

        WHY: policy may let one kind raise more than another that stands in its place or reaches
        into it: only what is a part of another hit, or of its own kind, is no second one.
        """
        if start < self._taken.get(rule.id, 0) or (rule.tag_only and start < self.reached):
            return True
        return end < self.reached or (end == self.reached and start > self._begun)

    def take(self, start: int, end: int, rule: PatternRule) -> None:
        """Note that a hit of the rule stands there."""
        self._taken[rule.id] = end
        if end > self.reached:
            self._begun, self.reached = start, end

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


def _numbered(matches: Sequence[Match], numbers: Sequence[int]) -> list[Match]:
    """Return the matches with the numbers of their rules among all."""
    return [(end, numbers[rule], start) for end, rule, start in matches]


def _groups(rules: Sequence[PatternRule]) -> dict[tuple[bool, bool, int, str], list[int]]:
    """Return the numbers of rules by what they are compiled with."""
    groups: dict[tuple[bool, bool, int, str], list[int]] = {}
    for number, rule in enumerate(rules):
        groups.setdefault(_group(rule), []).append(number)
    return groups


def _group(rule: PatternRule) -> tuple[bool, bool, int, str]:
    """Return what rules that are compiled together have in common.

    WHY: where a line begins need not be told by the engine, which is five times as slow with it.
    Tags of one kind stand alone, so that a scan for them may end early.
    """
    return rule.around, rule.near, rule.group, rule.id if rule.tag_only else ""


def _words(rules: Sequence[PatternRule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for rule in rules if rule.near for word in rule.context))


def _line(buffer: bytes, end: int) -> tuple[int, int]:
    """Return the line that ends there, without blanks, breaks and quotes around it."""
    low = max(end - SPAN_BYTES_MAX, 0)
    text = buffer[low:end].rstrip(_AROUND)
    begin = max(text.rfind(b"\n"), text.rfind(_ASSIGNS) + len(_ASSIGNS) - 1) + 1
    line = text[begin:]
    return low + begin + len(line) - len(line.lstrip(_AROUND)), low + len(text)


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
    before, after = buffer[start - 1], buffer[end]
    if before in _LETTERS_DIGITS or after in _LETTERS_DIGITS:
        return False
    if before in _JOINERS and buffer[start - 2] in _DIGITS:
        return False
    return not (after in _JOINERS and buffer[end + 1] in _DIGITS)


def _position(hit: Hit) -> tuple[int, int, str]:
    return hit.start, hit.end, hit.kind
