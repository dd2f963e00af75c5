"""What another policy would have made of a recorded request."""

from functools import lru_cache
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from gateway.audit.record import Decided
from gateway.classification.conversation import standing
from gateway.classification.restating import Stating, restated
from gateway.domain.caller import NO_LIMITS
from gateway.domain.decision import Effect, Facts
from gateway.domain.errors import ConfigError, UnknownModel
from gateway.domain.fleet import Fleet
from gateway.domain.grant import Grant
from gateway.domain.vocabulary import Vocabulary
from gateway.flow.ports import World
from gateway.flow.replay import (
    KEPT_MAX,
    Load,
    NotReplayable,
    anew,
    as_it_was,
    documents_of,
    fleet_of,
    found_in,
)
from gateway.flow.ruling import Evidence
from gateway.policy.compile import Compiled, compile_bundle
from gateway.policy.program import Asks


class Past:
    """The fleets of old records, and what the rules of their policies asked for; each read once."""

    def __init__(self, load: Load) -> None:
        self._fleet = lru_cache(KEPT_MAX)(lambda digest: fleet_of(load(digest)))
        self._asked = lru_cache(KEPT_MAX)(lambda digest: _asks_of(load(digest), digest))

    def of(self, decided: Decided) -> tuple[Fleet, Asks]:
        """Return both for one record; NotReplayable when it names none, or one of another form."""
        for name in ("policy", "catalogue"):
            if name not in decided.documents:
                raise NotReplayable(f"the record names no {name}")
        try:
            fleet = self._fleet(decided.documents["catalogue"])
            return as_it_was(fleet, decided), self._asked(decided.documents["policy"])
        except ConfigError:
            raise NotReplayable("a stored document cannot be used by this version") from None


def _asks_of(stored: dict[str, Any], digest: str) -> Asks:
    return compile_bundle(documents_of(stored), digest).require().program.asks


class Answered(Struct, frozen=True):
    """What a policy makes of a request, as far as a change of it matters to people."""

    label: str
    effect: Effect
    reason: str
    boundary: tuple[str, ...]
    obligations: tuple[str, ...]
    candidates: tuple[str, ...]


def answered(decided: Decided, compiled: Compiled, fleet: Fleet, asked: Asks) -> Answered:
    """Return what that policy makes of the request, on the day and in the fleet of the record.

    `asked` is what the rules of the recorded policy asked for. NotReplayable where the record lacks
    what this policy asks: an unknown answer is never told as the same one.
    """
    if decided.ask is None or decided.facts is None or not decided.signals:
        raise NotReplayable("the record holds no facts")
    evidence = Evidence(
        decided.ask,
        decided.signals,
        _facts(decided, decided.facts, compiled.program.asks, asked),
        allowance=decided.allowance or NO_LIMITS,
        body_bytes=decided.body_bytes,
        grants=_granted(decided, compiled.vocabulary),
    )
    try:
        world, by = _world(decided, compiled, fleet), _stating(compiled)
        ruling = anew(decided, evidence, world, lambda told, kinds: restated(told, kinds, by))
    except UnknownModel:
        raise NotReplayable("the catalogue of the record has no such name") from None
    decision = ruling.decision
    return Answered(
        str(ruling.classification.label),
        decision.effect,
        decision.reason,
        tuple(sorted(decision.boundary)),
        decision.obligations,
        tuple(one.offering.id for one in ruling.route.candidates),
    )


def _world(decided: Decided, compiled: Compiled, fleet: Fleet) -> World:
    return World(
        program=compiled.program,
        vocabulary=compiled.vocabulary,
        registry=compiled.registry,
        fleet=fleet,
        documents=decided.documents,
        demo=decided.demo,
    )


def _stating(compiled: Compiled) -> Stating:
    program = compiled.program
    return Stating(
        compiled.vocabulary,
        compiled.registry,
        program.default,
        program.raises,
        program.unseen_assistant,
    )


def _granted(decided: Decided, vocabulary: Vocabulary) -> tuple[Grant, ...]:
    """Return what was granted, in the words of this policy; nothing where it lacks one of them."""
    grant = decided.granted
    if grant is UNSET:
        return ()
    labels = [grant.label, *((grant.treated_as,) if grant.treated_as else ())]
    levels, caveats = set(vocabulary.levels), vocabulary.caveats
    if not all(one.level.name in levels and one.caveats <= caveats for one in labels):
        return ()
    label, *treated = (standing(one, vocabulary) for one in labels)
    return (replace(grant, label=label, treated_as=treated[0] if treated else UNSET),)


def _facts(decided: Decided, facts: Facts, asks: Asks, asked: Asks) -> Facts:
    """Return the facts that this policy is told.

    WHY: a record holds no more of a caller than its own policy asked for.
    """
    if not asks.clients <= asked.clients:
        raise NotReplayable("the record does not say which client it was")
    if asks.counts and not asked.counts and found_in(decided):
        raise NotReplayable("the record does not say how many different findings there were")
    if not set(asks.paths) <= set(asked.paths):
        raise NotReplayable("the record does not say with which paths tools were called")
    keys = asks.keys | ({decided.granted.key} if decided.granted else set())
    hit = (facts.paths or frozenset()) & {glob.text for glob in asks.paths}
    return replace(
        facts,
        key=decided.key_id if decided.key_id in keys else UNSET,
        paths=hit or UNSET,
        client=facts.client if facts.client in asks.clients else UNSET,
        finding_counts=facts.finding_counts if asks.counts else UNSET,
    )
