"""From the rules of policy.yaml to clauses."""

from collections.abc import Iterator
from contextlib import suppress

from msgspec import UNSET, Struct

from gateway.domain.obligation import costing, passing_only
from gateway.domain.path_glob import PathGlob, glob_of
from gateway.domain.zone import Zone
from gateway.policy.conditions import compile_when
from gateway.policy.language import PATH_GLOBS_MAX, RULES_MAX, Rule, When
from gateway.policy.places import ANY
from gateway.policy.program import EVERY_KIND, Asks, Clause
from gateway.policy.reading import Reading, listed
from gateway.policy.words import Words, check_name

OBLIGE = "oblige"
# WHY: these words say why an offering was excluded, where the id of a rule may stand too.
_RESERVED_IDS = frozenset({"clearance", "boundary", "context", "resting", "cost"})


class Rules(Struct, frozen=True):
    """The rules in force, what is obliged to, the rules in the shadow, and what they ask for."""

    clauses: tuple[Clause, ...] = ()
    duties: tuple[Clause, ...] = ()
    shadows: tuple[Clause, ...] = ()
    asks: Asks = Asks()


def read_rules(reading: Reading, raw: object, words: Words, zones: dict[str, Zone]) -> Rules:
    """Return every rule that can be read; what is wrong with them is noted."""
    if not isinstance(raw, list):
        return Rules()
    if len(raw) > RULES_MAX:
        reading.complain("/rules", f"more than {RULES_MAX} rules")
        return Rules()
    seen: dict[str, int] = {}
    read: list[tuple[Rule, Clause]] = []
    for index, value in enumerate(raw):
        rule = reading.entry(f"/rules/{index}", value, Rule)
        if rule is not None:
            first = seen.setdefault(rule.id, index)
            if first != index:
                reading.complain(f"/rules/{index}/id", f"rule {first + 1} has the same id")
            read.append((rule, _clause(reading, f"/rules/{index}", rule, words)))
            _check_reach(reading, f"/rules/{index}", rule, words, zones)
    asks = _asks([rule.when for rule, _ in read])
    if len(asks.paths) > PATH_GLOBS_MAX:
        reading.complain("/rules", f"more than {PATH_GLOBS_MAX} patterns of paths")
    return Rules(
        clauses=tuple(one for rule, one in read if _kind(rule) == "decides"),
        duties=tuple(one for rule, one in read if _kind(rule) == "obliges"),
        shadows=tuple(one for rule, one in read if _kind(rule) == "shadow"),
        asks=asks,
    )


def _kind(rule: Rule) -> str:
    if rule.mode == "shadow":
        return "shadow"
    return "obliges" if rule.effect == OBLIGE else "decides"


def _asks(conditions: list[When]) -> Asks:
    return Asks(
        keys=frozenset(name for when in conditions for name in listed(when.key)),
        clients=frozenset(name for when in conditions for name in listed(when.client)),
        counts=any(when.detector_count_min is not UNSET for when in conditions),
        paths=tuple(_globs(sorted({text for when in conditions for text in listed(when.path)}))),
    )


def _globs(texts: list[str]) -> Iterator[PathGlob]:
    """Yield the patterns that can be read; of the others it is noted where they stand."""
    for text in texts:
        with suppress(ValueError):
            yield glob_of(text)


def _clause(reading: Reading, pointer: str, rule: Rule, words: Words) -> Clause:
    check_name(reading, f"{pointer}/id", "rule", rule.id)
    if rule.id in _RESERVED_IDS or "_" in rule.id:
        reading.complain(f"{pointer}/id", "the id has a meaning of its own", "and use no _")
    permits = rule.effect == "permit"
    conditions = compile_when(reading, f"{pointer}/when", rule.when, words, permits=permits)
    return Clause(
        id=rule.id,
        permits=permits,
        zones=_zones(reading, pointer, rule, words),
        matches=conditions.match,
        fits=conditions.fits,
        conditional=bool(conditions.on_facts),
        reason=rule.reason,
        obliges=_obliges(reading, pointer, rule, words),
        kinds=_kinds(rule.when),
    )


def _kinds(when: When) -> frozenset[str]:
    kinds = frozenset(listed(when.detector))
    return kinds or frozenset({EVERY_KIND} if when.detector_count_min is not UNSET else ())


def _obliges(reading: Reading, pointer: str, rule: Rule, known: Words) -> frozenset[str]:
    """Return the words of the obligations; only a rule that obliges has any, and at least one."""
    words = frozenset(str(word) for word in rule.obligations or ())
    if rule.cost_max_microusd is not UNSET:
        words |= {costing(rule.cost_max_microusd)}
    if rule.passes_only is not UNSET:
        names = known.known.passable
        if names is not None:
            reading.known(f"{pointer}/passes_only", "name", rule.passes_only, names)
        words |= {passing_only(rule.passes_only)}
    if rule.effect == OBLIGE and not words:
        reading.complain(pointer, "the rule obliges to nothing", "obligations: [...]")
    if rule.effect != OBLIGE and (words or rule.obligations is not UNSET):
        reading.complain(pointer, "a rule with obligations has `effect: oblige`")
    return words


def _zones(reading: Reading, pointer: str, rule: Rule, words: Words) -> frozenset[str]:
    """Return the zones that a rule opens or closes; there is no default."""
    if rule.effect == OBLIGE:
        if rule.zones is not UNSET or rule.when.zone is not UNSET:
            reading.complain(pointer, "an obligation is of the request, and names no zone")
        return frozenset()
    written, place = rule.zones, f"{pointer}/zones"
    if rule.when.zone is not UNSET:
        if rule.effect == "permit":
            reading.complain(f"{pointer}/when/zone", "a permit names its zones under `zones`")
        elif rule.zones is not UNSET:
            reading.complain(f"{pointer}/when/zone", "`zones` stands beside it", "name them once")
        written, place = rule.when.zone, f"{pointer}/when/zone"
    if written is UNSET:
        reading.complain(pointer, "the rule names no zone", "zones: [...]")
    if written == ANY and rule.effect == "deny":
        return words.zones or frozenset()
    reading.known(place, "zone", written, words.zones)
    return frozenset(listed(written))


def _check_reach(
    reading: Reading, pointer: str, rule: Rule, words: Words, zones: dict[str, Zone]
) -> None:
    """Note a permit that can never open a zone, for none clears what the rule is about."""
    named = [zones.get(zone) for zone in listed(rule.zones)]
    if rule.effect != "permit" or words.levels is None or not named or None in named:
        return
    if not any(zone is not None and _may_clear(zone, rule.when, words) for zone in named):
        reading.complain(
            pointer, "never permits: none of its zones is cleared for labels that it matches"
        )


def _may_clear(zone: Zone, when: When, words: Words) -> bool:
    levels = words.levels or ()
    least = [
        levels.index(level)
        for level in listed(when.level_min) + listed(when.level_is)
        if level in levels
    ]
    caveats = frozenset(listed(when.caveat))
    return (not least or min(least) <= zone.level.rank) and (
        not caveats or not caveats.isdisjoint(zone.caveats)
    )
