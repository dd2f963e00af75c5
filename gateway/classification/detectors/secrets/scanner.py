"""All rules over one buffer in one call of Vectorscan, then a second look at what matched."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from gateway.classification.detectors.secrets.confirm import Confirmation, Run
from gateway.classification.detectors.secrets.pattern import IN_BUFFER, translate
from gateway.classification.detectors.secrets.rules import Rule
from gateway.classification.matching import Match, Matcher, compiled
from gateway.classification.parts import EDGE
from gateway.classification.texts import Hit, Scanned

MATCHES_MAX = 50_000
CONFIRMED_MAX = 128
HITS_MAX = 256
TAGS_MAX = 32


def expressions(rules: Sequence[Rule]) -> tuple[bytes, ...]:
    """Return what is compiled: each rule's pattern as Vectorscan reads it."""
    return tuple(translate(rule.regex, IN_BUFFER).encode() for rule in rules)


def compile_database(rules: Sequence[Rule]) -> bytes:
    """Return the compiled and serialised database; about half a second for all rules."""
    return compiled(expressions(rules))


class SecretScanner:
    """Finds secrets in joined texts. One scanner serves several threads.

    `database` must come from `compile_database` with the same rules on this machine: the engine
    does not survive a forged one.
    """

    name = "secrets"

    def __init__(self, rules: Sequence[Rule], database: bytes) -> None:
        self._rules = tuple(rules)
        # WHY: compiled at their first match, they would make the first scans of a node the dearest.
        self._confirmations = tuple(Confirmation(rule) for rule in rules)
        self._matcher = Matcher(database)

    def __repr__(self) -> str:
        """Return the number of rules."""
        return f"SecretScanner({len(self._rules)} rules)"

    def scan(self, buffer: bytes) -> Scanned:
        """Return the hits in a buffer of joined texts; releases the GIL while matching.

        Over a bound the result says `truncated`, which counts as a failed detector. Hits that
        raise nothing have a bound of their own, over which they are left out.
        """
        early = Scanned()

        def enough(first: list[Match]) -> bool:
            nonlocal early
            early = self._judged(buffer, first)
            return early.truncated

        ends, more = self._matcher.matches(buffer, MATCHES_MAX, enough)
        if early.truncated:
            return early
        scanned = self._judged(buffer, ends)
        return replace(scanned, truncated=scanned.truncated or more)

    def _judged(self, buffer: bytes, ends: Sequence[Match]) -> Scanned:
        """Return the hits of these matches, `truncated` for too many."""
        joined = _joined(ends)
        guesses = {rule: found for rule, found in joined.items() if self._rules[rule].tag_only}
        secrets = {rule: found for rule, found in joined.items() if rule not in guesses}
        spoken = _Spoken(buffer)
        hits = self._hits(buffer, _runs(spoken, secrets, self._rules), HITS_MAX)
        tags = self._hits(buffer, _runs(spoken, guesses, self._rules), TAGS_MAX)
        kept = tuple(sorted((*hits[:HITS_MAX], *tags[:TAGS_MAX]), key=_position))
        return Scanned(kept, len(hits) > HITS_MAX)

    def _hits(self, buffer: bytes, runs: Iterable[tuple[int, Run]], most: int) -> list[Hit]:
        """Return the hits of these runs, one more than so many at most."""
        hits: list[Hit] = []
        for looks, (index, run) in enumerate(runs):
            confirmation = self._confirmations[index]
            look = confirmation.judge if looks < CONFIRMED_MAX else confirmation.stands
            span = look(buffer, run)
            if span is not None:
                _add(hits, Hit(confirmation.rule.id, *span, confirmation.rule.tag_only))
            if len(hits) > most:
                break
        return hits


def _joined(ends: Sequence[Match]) -> dict[int, list[list[int]]]:
    """Return the first and last of neighbouring ends, by rule."""
    joined: dict[int, list[list[int]]] = {}
    for end, rule, _ in ends:
        runs = joined.get(rule)
        if runs is None:
            joined[rule] = [[end, end]]
        elif end <= runs[-1][1] + 1:
            runs[-1][1] = end
        else:
            runs.append([end, end])
    return joined


class _Spoken:
    """Whether a keyword stands in a text; each text is made small once for all rules."""

    __slots__ = ("_buffer", "_lower")

    def __init__(self, buffer: bytes) -> None:
        self._buffer = buffer
        self._lower: dict[int, bytes] = {}

    def text(self, place: int) -> tuple[int, int]:
        """Return from where to where the text reaches in which that byte stands."""
        return self._buffer.rfind(EDGE, 0, place) + 1, self._buffer.find(EDGE, place)

    def has(self, low: int, high: int, keywords: Sequence[str]) -> bool:
        """Does one of the keywords stand in that text, or are there none?"""
        if not keywords:
            return True
        lower = self._lower.get(low)
        if lower is None:
            lower = self._lower[low] = self._buffer[low:high].lower()
        return any(word.encode() in lower for word in keywords)


def _runs(
    spoken: _Spoken, joined: Mapping[int, list[list[int]]], rules: Sequence[Rule]
) -> Iterator[tuple[int, Run]]:
    """Yield each rule with its runs of neighbouring ends, where a keyword stands in the text.

    WHY: one by one, for nobody looks at more of them than make too many hits.
    """
    for rule, runs in joined.items():
        low, high, holds = 0, -1, False
        for first, last in runs:
            if first - 1 > high:
                low, high = spoken.text(first - 1)
                holds = spoken.has(low, high, rules[rule].keywords)
            if holds:
                yield rule, Run(first, last, low, high)


def _add(hits: list[Hit], hit: Hit) -> None:
    """Add a hit, or widen the last one when it is of the same kind and they overlap."""
    if hits and hits[-1].kind == hit.kind and hit.start < hits[-1].end:
        last = hits.pop()
        hit = replace(hit, start=min(hit.start, last.start), end=max(hit.end, last.end))
    hits.append(hit)


def _position(hit: Hit) -> tuple[int, int, str]:
    return hit.start, hit.end, hit.kind
