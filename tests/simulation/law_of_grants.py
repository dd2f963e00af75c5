"""What persons can grant, and what nobody can, worked out once more from the page."""

from random import Random

from msgspec.structs import replace

from gateway.domain.decision import Decision, Facts
from gateway.domain.label import Label
from gateway.flow.ruling import Ruling
from gateway.policy.evaluate import decide
from tests.simulation.grants import RIGHT, Known
from tests.simulation.grants import serves as is_whose
from tests.simulation.law_of_duties import COST, joined, redacting
from tests.simulation.laws import (
    LAST,
    LAWLESS,
    NO_MORE,
    NOTHING,
    OPENS,
    SCOPE,
    SIGNED,
    STILL_OWED,
    Drawn,
    Said,
    Setting,
    held,
    is_steady,
    opened,
)

NOWHERE: frozenset[str] = frozenset()


def of_signing(setting: Setting) -> Said:
    """What stands in a world is what was rightly signed, not revoked; the rest has no effect."""
    world = setting.world
    standing = {one.id for one in world.grants}
    usable = {one.id for one in world.usable}
    for known in setting.known:
        if known.how != RIGHT:
            yield SIGNED, known.grant is None
        else:
            yield SIGNED, known.grant is not None and (known.id in standing) == known.stands
            yield SIGNED, (known.id in usable) == (known.stands and known.left > 0)
    yield SIGNED, standing == {one.id for one in setting.known if one.stands}


def of_taking(setting: Setting, one: Drawn, ruling: Ruling, without: Ruling) -> Said:
    """A request that took a grant had nothing else, and the grant was there for it."""
    granted = ruling.grant
    if granted is None:
        return
    known = next(known for known in setting.known if known.id == granted.id)
    strangely = one.strange and "repo" in known.whose
    good = known.stands and known.left > 0 and not strangely
    serving = good and serves(setting, known, ruling.facts)
    zones = {candidate.zone for candidate in ruling.route.candidates}
    yield LAST, serving and not without.route.candidates and known.zone in zones
    boundary = ruling.decision.boundary
    yield SCOPE, zones <= boundary <= without.decision.boundary | {known.zone}


def of_grants(
    setting: Setting, asked: tuple[Drawn, Facts], before: Decision, chance: Random
) -> Said:
    """Of any grant, used or not: what it opens, and that it opens no more."""
    one, facts = asked
    right = [known for known in setting.known if known.grant is not None]
    if not right:
        return
    known = chance.choice(right)
    is_serving = serves(setting, known, facts)
    if not is_serving and chance.random() < 0.5:
        # One more draw: most serve somebody else.
        known = chance.choice(right)
        is_serving = serves(setting, known, facts)
    after = _decided(setting, one, facts, (known,))
    grown = after.boundary - before.boundary
    if not is_serving:
        yield NOTHING, after == before
    else:
        opening = opens(setting, known, facts, redacted=one.redacted)
        yield OPENS, grown == (frozenset({known.zone} if opening else ()) - before.boundary)
    yield SCOPE, grown <= {known.zone} and before.boundary <= after.boundary
    if grown:
        yield STILL_OWED, _owes(setting, facts, after)
    if chance.random() < 0.1:
        lawless = replace(facts, label=replace(facts.label, residency=NOWHERE))
        yield LAWLESS, not _decided(setting, one, lawless, tuple(right)).boundary


def of_more(setting: Setting, one: Drawn, facts: Facts, raised: Facts) -> Said:
    """A signal more: every grant that serves opens what it did, or less."""
    for known in setting.known:
        if known.grant is None or not serves(setting, known, facts):
            continue
        if _is_steady(setting, known, facts, raised):
            less = _decided(setting, one, raised, (known,)).boundary
            yield NO_MORE, less <= _decided(setting, one, facts, (known,)).boundary
            return


def _is_steady(setting: Setting, known: Known, facts: Facts, raised: Facts) -> bool:
    """Is no rule the more open for the signal, nor where the label is treated as a lower one?"""
    program = setting.world.program
    rules = program.duties
    if redacting(held(rules, raised) or []) - redacting(held(rules, facts) or []):
        # Of a redacted body, what else is to be redacted is no reason for a waiver to open less.
        return False
    if known.treated is None:
        return is_steady(program, facts, raised)
    low, high = (replace(one, label=one.label.meet(known.treated)) for one in (facts, raised))
    return is_steady(program, facts, raised) and is_steady(program, low, high)


def _decided(setting: Setting, one: Drawn, facts: Facts, known: tuple[Known, ...]) -> Decision:
    grants = tuple(each.grant for each in known if each.grant is not None)
    return decide(setting.world.program, facts, setting.now, grants, redacted=one.redacted)


def serves(setting: Setting, known: Known, facts: Facts) -> bool:
    """Is it the time of the grant, is the request one of those it speaks of, and low enough?"""
    whose = (facts.team, facts.key, facts.repos, facts.claimed_repos)
    in_time = known.begins <= setting.now < known.until
    return in_time and is_whose(known, whose) and _covers(known.label, facts.label)


def _covers(most: Label | None, label: Label) -> bool:
    if most is None or label.level.rank > most.level.rank or not label.caveats <= most.caveats:
        return False
    if most.residency is None:
        return label.residency is None
    return label.residency is None or most.residency <= label.residency


def opens(setting: Setting, known: Known, facts: Facts, *, redacted: bool) -> bool:
    """Does a grant that serves the request open its zone?"""
    program, label = setting.world.program, facts.label
    zone = program.zones.get(known.zone)
    if zone is None or label.residency == NOWHERE:
        return False
    if any(one.speaks_of(label) and not one.allows(zone) for one in program.promises):
        return False
    treated = label if known.treated is None else label.meet(known.treated)
    rules = (*program.clauses, *program.duties)
    truly, as_told = held(rules, facts), held(rules, replace(facts, label=treated))
    if truly is None or as_told is None:
        return False
    # What is due before anything is permitted cannot be waived, nor made due by a waiver.
    owed = redacting(truly)
    if (owed and not redacted) or redacting(as_told) - owed:
        return False
    if any(zone.name in one.zones for one in as_told if not one.permits and not one.obliges):
        return False
    return known.treated is None or zone.name in opened(setting, as_told, treated)


def _owes(setting: Setting, facts: Facts, after: Decision) -> bool:
    """Is everything still owed that the label itself obliges to, and no cost raised?"""
    matching = held(setting.world.program.duties, facts) or []
    words = frozenset(word for one in matching for word in one.obliges)
    kept = {word for word in words if not word.startswith(COST)}
    said = frozenset(after.obligations)
    return kept <= said and joined({*said, *words}) == said
