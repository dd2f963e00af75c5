"""What rules in the shadow and obligations may do to a decision, worked out once more."""

from collections.abc import Iterable
from random import Random

from msgspec.structs import replace

from gateway.domain.decision import Decision
from gateway.domain.route import Route
from gateway.flow.ruling import Ruling, rule
from gateway.policy.evaluate import decide
from gateway.policy.program import Clause
from tests.simulation.laws import (
    FIRST,
    JOINED,
    KEPT,
    OWED,
    RESTRICTS,
    SHADOW,
    TOLD,
    Drawn,
    Said,
    Setting,
    held,
    holds,
)

MILLION = 1_000_000
COST = "cost_max_microusd:"
ONLY = "passes_only:"
REDACT = "redact"
STRIP = "strip_provider_tools"
# What a provider runs, of the names that are drawn.
RUN = frozenset({"mcp_servers", "tools.web_search", "tools.shell"})
FINAL = frozenset({"no_lawful_place", "rule_error"})
SHARE = 0.5
NO_ROOM = "too_many_candidates"


def of_shadows(setting: Setting, ruling: Ruling, chance: Random) -> Said:
    """A rule in the shadow is looked at, and no more."""
    program = setting.world.program
    if not program.shadows:
        return
    if chance.random() < 0.3:
        without = rule(ruling.evidence, setting.unshadowed, setting.now)
        yield SHADOW, replace(ruling, shadow=None) == without
    matching = [one for one in program.shadows if holds(one, ruling.facts)]
    broken = {one.id for one in program.shadows if holds(one, ruling.facts) is None}
    told = ruling.shadow
    if not matching and not broken:
        yield TOLD, told is None
        return
    enforced = replace(
        program,
        shadows=(),
        clauses=(*program.clauses, *(one for one in matching if not one.obliges)),
        duties=(*program.duties, *(one for one in matching if one.obliges)),
    )
    after = decide(enforced, ruling.facts, setting.now, redacted=ruling.evidence.redacted)
    yield (
        TOLD,
        told is not None
        and set(told.rules) == {one.id for one in matching}
        and set(told.broken) == broken
        and (told.effect, told.boundary) == (after.effect, after.boundary)
        and told.obligations == after.obligations,
    )


def of_duties(setting: Setting, one: Drawn, ruling: Ruling, chance: Random) -> Said:
    """What is obliged to is joined, comes before everything, and takes away alone."""
    program, decision = setting.world.program, ruling.decision
    matching = held((*program.clauses, *program.duties), ruling.facts)
    duties = [clause for clause in matching or () if clause.obliges]
    words = joined(word for clause in duties for word in clause.obliges)
    yield from _told(one, decision, words)
    if REDACT in words and not one.redacted:
        yield FIRST, not decision.boundary and decision.reason in {*FINAL, "redact_first"}
        return
    if words and chance.random() < SHARE:
        ungranted = replace(ruling.evidence, grants=())
        yield RESTRICTS, _is_less(ruling, rule(ungranted, setting.unobliged, setting.now))
    if ruling.route.candidates and decision.obligations:
        yield KEPT, all(_keeps(setting, one, ruling, at) for at in range(_count(ruling.route)))


def _told(one: Drawn, decision: Decision, words: frozenset[str]) -> Said:
    permits = bool(decision.boundary)
    if permits and one.duties:
        yield OWED, frozenset(decision.obligations) == joined({*words, *one.duties})
    elif permits or decision.reason == "redact_first":
        yield JOINED, frozenset(decision.obligations) == words


def joined(words: Iterable[str]) -> frozenset[str]:
    """Return all words, and of the limits of cost the lowest."""
    every = frozenset(words)
    costs = [int(word.removeprefix(COST)) for word in every if word.startswith(COST)]
    least = {f"{COST}{min(costs)}"} if costs else set()
    return frozenset(word for word in every if not word.startswith(COST)) | least


def _is_less(with_them: Ruling, without: Ruling) -> bool:
    """Does the one that is obliged go nowhere where the other may not, in the same order?

    What the other had no room for may take the place of what fell.
    """
    fitting = [one.offering.id for one in without.route.candidates]
    fitting += [one.offering for one in without.route.excluded if one.reason == NO_ROOM]
    rest = iter(fitting)
    return with_them.decision.boundary == without.decision.boundary and all(
        one.offering.id in rest for one in with_them.route.candidates
    )


def _count(route: Route) -> int:
    return len(route.candidates)


def _keeps(setting: Setting, one: Drawn, ruling: Ruling, at: int) -> bool:
    """Does nothing pass there that may not, and can the reply alone cost no more than it may?"""
    candidate = ruling.route.candidates[at]
    words = ruling.decision.obligations
    passing = set(setting.world.program.passes.get(candidate.zone, ()))
    for word in words:
        if word.startswith(ONLY):
            passing &= set(word.removeprefix(ONLY).split(","))
    if STRIP in words:
        passing -= RUN
    costs = [int(word.removeprefix(COST)) for word in words if word.startswith(COST)]
    offering = candidate.offering
    tokens = one.ask.output_tokens_max or offering.output_tokens_max
    cost = tokens * offering.price.output_microusd / MILLION
    return set(one.ask.reaches or ()) <= passing and (not costs or cost <= min(costs))


def redacting(clauses: Iterable[Clause]) -> frozenset[str]:
    """Return the ids of those of these rules that oblige to redact."""
    return frozenset(clause.id for clause in clauses if REDACT in clause.obliges)
