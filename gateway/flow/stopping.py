"""What a person, a clock or a new policy may do while a try is under way: then nothing leaves.

To be durable takes a while, and so does a name that is looked up or a connection that is made. In
that while a zone may be closed, what was granted be revoked or run out, evidence end, a key be
revoked, and a policy be read again. So the same question is asked before each try, once that is
durable, before each dial, and where our own client sends, before the first byte.
"""

from datetime import datetime

from msgspec import Struct

from gateway.domain.decision import Facts
from gateway.domain.field_kind import spelled
from gateway.domain.fleet import Offering
from gateway.domain.obligation import Obligation, cost_max, passing
from gateway.domain.request import Envelope
from gateway.domain.route import Candidate, Failure
from gateway.flow.docket import Docket
from gateway.flow.house import House
from gateway.flow.ports import World
from gateway.flow.relabelling import allowed_still, grants_for, reads_otherwise, relabelled
from gateway.flow.ruling import Evidence
from gateway.policy.evaluate import decide
from gateway.policy.program import Asks
from gateway.routing.plan import ZONE_CLOSED
from gateway.transport.backend import Backend

UNGRANTED = "grant_over"
POLICY_CHANGED = "policy_changed"
FLEET_CHANGED = "fleet_changed"
KEY_CHANGED = "key_changed"
NOTHING: frozenset[str] = frozenset()
STOPPED = frozenset({ZONE_CLOSED, UNGRANTED, POLICY_CHANGED, FLEET_CHANGED, KEY_CHANGED})


class Ground(Struct, frozen=True):
    """What a request stands on: the snapshot that it was decided with, its docket, what it says.

    `evidence` is what was known of the envelope when it was decided.
    """

    house: House
    world: World
    docket: Docket
    envelope: Envelope
    evidence: Evidence

    def lost(self, candidate: Candidate, backend: Backend | None = None) -> str:
        """Return why nothing is to leave for that candidate any more; empty where it may.

        `backend` is the record that a call was made for: where another stands in its place by now,
        the call may say what it should not, or go where it was not meant to.
        INVARIANT: what is in force now may only take away. The request keeps its snapshot: nothing
        that opened since is open to it.
        """
        now, moment = self.house.worlds.now(), self.house.clock.now()
        if candidate.zone in now.fleet.closed:
            return ZONE_CLOSED
        if not now.grants_still(self.docket.grants, moment):
            return UNGRANTED
        if not self.house.stands(self.envelope.caller):
            return KEY_CHANGED
        known = self.house.backends.get(candidate.offering.backend)
        is_another = backend is not None and backend is not known
        if is_another or not _is_offered(candidate.offering, now):
            return FLEET_CHANGED
        return "" if self._is_still_permitted(candidate.zone, now, moment) else POLICY_CHANGED

    def _is_still_permitted(self, zone: str, now: World, moment: datetime) -> bool:
        if not allowed_still(self.evidence.scan, self.envelope, now, moment):
            return False
        decided_on = self.docket.decision.decided_at.date()
        is_same = now.program is self.world.program and now.registry is self.world.registry
        # WHY: evidence ends with a day, so that a day later the same policy says something else.
        if is_same and moment.date() == decided_on:
            return True
        then, facts = self.world.program, self.docket.facts
        # WHY: what no rule asked for then is not among the facts; unknown is not allowed.
        if facts is None or _asks_for_more(then.asks, now.program.asks):
            return False
        if reads_otherwise(then, now.program):
            return False
        facts = relabelled(facts, self.envelope, now)
        return facts is not None and self._permits(zone, now, facts, moment)

    def _permits(self, zone: str, now: World, facts: Facts, moment: datetime) -> bool:
        redacted = self.docket.is_redacted
        grants = grants_for(self.docket.grants, self.envelope, now)
        decision = decide(now.program, facts, moment, grants, redacted=redacted)
        hides = redacted and any(
            now.program.hides(decision.because, kind) for kind in facts.findings
        )
        owed = hides or _owes_more(self.docket.obligations, decision.obligations)
        passes = self._passes(zone, now, decision.obligations)
        return zone in decision.boundary and passes and not owed

    def _passes(self, zone: str, now: World, obligations: tuple[str, ...]) -> bool:
        """May what passed the border of that zone when the call was made pass it still?"""
        before, known = self.world.program.zones.get(zone), now.program.zones.get(zone)
        is_ours = known is not None and known.premises
        if before is not None and before.premises and not is_ours:
            return False
        passed = passing(self.world.program.passes, self.docket.obligations)
        passes = passing(now.program.passes, obligations)
        less = passed.get(zone, NOTHING) - passes.get(zone, NOTHING)
        said = (self.evidence.ask.reaches or NOTHING) | set(map(spelled, self.envelope.body))
        return less.isdisjoint(said)


def is_stopped(failure: Failure) -> bool:
    """Did nothing leave because somebody stopped it? Then the engine is not to blame."""
    return failure.detail in STOPPED and not failure.sent


def _is_offered(offering: Offering, now: World) -> bool:
    """Does the catalogue of now offer the same model at the same place?

    WHY: another price, or another limit, is no reason to stop what was decided before it.
    """
    offered = now.fleet.catalogue.offerings
    return offering in offered or _where(offering) in map(_where, offered)


def _where(offering: Offering) -> tuple[str, str, str, str]:
    return offering.id, offering.backend, offering.zone, offering.wire_model


def _asks_for_more(then: Asks, now: Asks) -> bool:
    """Do rules ask now for what was not gathered then?"""
    counts = now.counts and not then.counts
    fewer = now.keys <= then.keys and now.clients <= then.clients
    return counts or not (fewer and set(now.paths) <= set(then.paths))


def _owes_more(then: tuple[str, ...], now: tuple[str, ...]) -> bool:
    """Is something owed now that was not done, because it was not owed then?"""
    limit, before = cost_max(now), cost_max(then)
    if limit is not None and (before is None or limit < before):
        return True
    return any(word in tuple(Obligation) and word not in then for word in now)
