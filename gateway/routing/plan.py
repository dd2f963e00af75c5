"""The route: what was asked for, inside the boundary, able and well."""

from collections.abc import Callable, Mapping
from datetime import date

from msgspec import Struct

from gateway.domain.caller import NO_LIMITS, Allowance
from gateway.domain.decision import Decision
from gateway.domain.errors import (
    Denied,
    GatewayError,
    NoHealthyBackend,
    NotAllowed,
    NothingFits,
)
from gateway.domain.fleet import Fleet, Offering
from gateway.domain.request import Ask, Operation
from gateway.domain.route import Candidate, Excluded, Route
from gateway.routing.allowance import NOT_ALLOWED, may_ask
from gateway.routing.cost import worst_microusd
from gateway.routing.names import Named

CANDIDATES_MAX = 8
RESTING = "resting"
COST = "cost"
NOTHING: frozenset[str] = frozenset()
ENDED = "ended"
ZONE_CLOSED = "zone_closed"
REPLIES = frozenset({Operation.GENERATE})


class Limits(Struct, frozen=True):
    """What policy says of zones beside the boundary.

    `why_not(zone)` says in a word why it keeps the request out of a zone. `passes` names, by zone,
    what may go there although it makes a provider act. `today` is the day of the decision.
    `allowance` says which names the caller may ask for. `cost_max_microusd` is what the request may
    cost at worst, and `body_bytes` how long it is.
    """

    why_not: Callable[[str], str | None]
    passes: Mapping[str, frozenset[str]] = {}
    today: date = date.min
    allowance: Allowance = NO_LIMITS
    cost_max_microusd: int | None = None
    body_bytes: int | None = None


def plan(
    decision: Decision,
    ask: Ask,
    named: Named,
    fleet: Fleet,
    limits: Limits,
) -> Route:
    """Return the candidates in order of preference, and why each other offering fell.

    INVARIANT: every candidate's zone is in the decision's boundary.
    """
    candidates: list[Candidate] = []
    excluded: list[Excluded] = []
    for offering in named.offerings:
        reason = _objection(offering, decision, ask, fleet, limits)
        if not may_ask(named.asked, offering, limits.allowance):
            reason = NOT_ALLOWED
        if reason is None and _too_dear(offering, ask, limits):
            reason = COST
        if reason is None and len(candidates) == CANDIDATES_MAX:
            reason = "too_many_candidates"
        if reason is None:
            candidates.append(Candidate(offering))
        else:
            excluded.append(Excluded(offering.id, reason))
    return Route(tuple(candidates), decision.boundary, tuple(excluded))


def _too_dear(offering: Offering, ask: Ask, limits: Limits) -> bool:
    limit = limits.cost_max_microusd
    return limit is not None and worst_microusd(offering, ask, limits.body_bytes) > limit


def nowhere() -> Route:
    """Return the route of a request that goes nowhere."""
    return Route((), frozenset())


def refusal(decision: Decision, route: Route) -> GatewayError:
    """Return the error for a route without candidates."""
    if not decision.boundary:
        return Denied(decision.message or "No rule permits this request anywhere.")
    if route.excluded and all(item.reason == NOT_ALLOWED for item in route.excluded):
        return NotAllowed("Your key does not allow this model; ask for one that it names.")
    reasons = ", ".join(f"{item.offering}: {item.reason}" for item in route.excluded)
    if any(item.reason == RESTING for item in route.excluded):
        return NoHealthyBackend(f"What may answer this request is not available now ({reasons}).")
    return NothingFits(f"Nothing that may see this request can answer it ({reasons}).")


def _objection(
    offering: Offering,
    decision: Decision,
    ask: Ask,
    fleet: Fleet,
    limits: Limits,
) -> str | None:
    if offering.zone not in decision.boundary:
        return limits.why_not(offering.zone) or "boundary"
    stopped = (ask.reaches or NOTHING) - limits.passes.get(offering.zone, frozenset())
    if stopped:
        return f"not_passed_{min(stopped)}"
    unable = _inability(offering, ask, fleet)
    if unable is not None:
        return unable
    if fleet.ends.get(offering.id, date.max) <= limits.today:
        return ENDED
    if offering.zone in fleet.closed:
        return ZONE_CLOSED
    return RESTING if fleet.rests(offering) else None


def _inability(offering: Offering, ask: Ask, fleet: Fleet) -> str | None:
    if ask.wants not in fleet.operations.get(offering.id, REPLIES):
        return f"cannot_{ask.wants}"
    missing = ask.needs - offering.capabilities
    if missing:
        return f"cannot_{min(missing)}"
    if ask.output_tokens_max is not None and ask.output_tokens_max > offering.context_tokens:
        return "context"
    return None
