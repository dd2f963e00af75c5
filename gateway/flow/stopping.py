"""What a person, a clock or a new policy may do while a try is under way: then nothing leaves.

To be durable takes a while, and so does a name that is looked up or a connection that is made. In
that while a zone may be closed, what was granted be revoked or run out, evidence end, and a policy
be read again. So the same question is asked before each try, once that is durable, before each
dial, and where our own client sends, before the first byte.
"""

from datetime import datetime

from msgspec import Struct

from gateway.domain.decision import Facts
from gateway.domain.fleet import Offering
from gateway.domain.obligation import Obligation, cost_max, passing
from gateway.domain.request import Ask
from gateway.domain.route import Candidate, Failure
from gateway.flow.docket import Docket
from gateway.flow.house import House
from gateway.flow.ports import World
from gateway.policy.evaluate import decide
from gateway.policy.program import Asks
from gateway.routing.plan import ZONE_CLOSED
from gateway.transport.backend import Backend

UNGRANTED = "grant_over"
POLICY_CHANGED = "policy_changed"
FLEET_CHANGED = "fleet_changed"
STOPPED = frozenset({ZONE_CLOSED, UNGRANTED, POLICY_CHANGED, FLEET_CHANGED})


class Ground(Struct, frozen=True):
    """What a request stands on: the snapshot that it was decided with, its docket, what it asks."""

    house: House
    world: World
    docket: Docket
    ask: Ask

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
        known = self.house.backends.get(candidate.offering.backend)
        is_another = backend is not None and backend is not known
        if is_another or not _is_offered(candidate.offering, now):
            return FLEET_CHANGED
        return "" if self._is_still_permitted(candidate.zone, now, moment) else POLICY_CHANGED

    def _is_still_permitted(self, zone: str, now: World, moment: datetime) -> bool:
        decided_on = self.docket.decision.decided_at.date()
        # WHY: evidence ends with a day, so that a day later the same policy says something else.
        if now.program is self.world.program and moment.date() == decided_on:
            return True
        facts = self.docket.facts
        # WHY: what no rule asked for then is not among the facts; unknown is not allowed.
        if facts is None or _asks_for_more(self.world.program.asks, now.program.asks):
            return False
        return self._permits(zone, now, facts, moment)

    def _permits(self, zone: str, now: World, facts: Facts, moment: datetime) -> bool:
        redacted, grants = self.docket.is_redacted, self.docket.grants
        decision = decide(now.program, facts, moment, grants, redacted=redacted)
        passes = passing(now.program.passes, decision.obligations)
        passed = (self.ask.reaches or frozenset()) <= passes.get(zone, frozenset())
        owed = _owes_more(self.docket.obligations, decision.obligations)
        return zone in decision.boundary and passed and not owed


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
