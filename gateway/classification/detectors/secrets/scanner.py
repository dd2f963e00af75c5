"""All rules over one buffer in one call of Vectorscan, then a second look at what matched."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

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
        self._confirmations: dict[int, Confirmation] = {}
        self._matcher = Matcher(database)

    def __repr__(self) -> str:
        """Return the number of rules."""
        return f"SecretScanner({len(self._rules)} rules)"

    def scan(self, buffer: bytes) -> Scanned:
        """Return the hits in a buffer of joined texts; releases the GIL while matching.

        Over a bound the result says `truncated`, which counts as a failed detector. Hits that
        raise nothing have a bound of their own, over which they are left out.
        """
        ends, truncated = self._matcher.matches(buffer, MATCHES_MAX)
        joined = _joined(ends)
        guesses = {rule: found for rule, found in joined.items() if self._rules[rule].tag_only}
        secrets = {rule: found for rule, found in joined.items() if rule not in guesses}
        hits = self._hits(buffer, _runs(buffer, secrets, self._rules))
        tags = self._hits(buffer, islice(_runs(buffer, guesses, self._rules), TAGS_MAX))
        truncated = truncated or len(hits) > HITS_MAX
        return Scanned(tuple(sorted((*hits[:HITS_MAX], *tags), key=_position)), truncated)

    def _hits(self, buffer: bytes, runs: Iterable[tuple[int, Run]]) -> list[Hit]:
        """Return the hits of these runs, one more than HITS_MAX at most."""
        hits: list[Hit] = []
        for looks, (index, run) in enumerate(runs):
            confirmation = self._confirmation(index)
            look = confirmation.judge if looks < CONFIRMED_MAX else confirmation.stands
            span = look(buffer, run)
            if span is not None:
                _add(hits, Hit(confirmation.rule.id, *span, confirmation.rule.tag_only))
            if len(hits) > HITS_MAX:
                break
        return hits

    def _confirmation(self, index: int) -> Confirmation:
        found = self._confirmations.get(index)
        if found is None:
            found = self._confirmations[index] = Confirmation(self._rules[index])
        return found


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


def _runs(
    buffer: bytes, joined: Mapping[int, list[list[int]]], rules: Sequence[Rule]
) -> Iterator[tuple[int, Run]]:
    """Yield each rule with its runs of neighbouring ends, where a keyword stands in the text.

    WHY: one by one, for nobody looks at more of them than make too many hits.
    """
    for rule, runs in joined.items():
        low, high, spoken = 0, -1, False
        for first, last in runs:
            if first - 1 > high:
                low = buffer.rfind(EDGE, 0, first - 1) + 1
                high = buffer.find(EDGE, first - 1)
                spoken = _spoken(buffer[low:high].lower(), rules[rule].keywords)
            if spoken:
                yield rule, Run(first, last, low, high)


def _spoken(lower: bytes, keywords: Sequence[str]) -> bool:
    return not keywords or any(word.encode() in lower for word in keywords)


def _add(hits: list[Hit], hit: Hit) -> None:
    """Add a hit, or widen the last one when it is of the same kind and they overlap."""
    if hits and hits[-1].kind == hit.kind and hit.start < hits[-1].end:
        last = hits.pop()
        hit = replace(hit, start=min(hit.start, last.start), end=max(hit.end, last.end))
    hits.append(hit)


def _position(hit: Hit) -> tuple[int, int, str]:
    return hit.start, hit.end, hit.kind
