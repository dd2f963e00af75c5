"""What a grant does to a decision: it opens one zone, and nothing that is closed without exception.

A waiver asks the rules again, as if the request had the lower label. Broken glass stands in for a
permit and for the clearance, and for nothing else.
"""

from datetime import datetime

from msgspec import UNSET

from gateway.domain.decision import Facts
from gateway.domain.grant import Grant
from gateway.policy.program import Program


def serves(grant: Grant, facts: Facts, now: datetime) -> bool:
    """Is the request one of those that were signed for?

    INVARIANT: what a client claims takes a grant away, and gives none: a repository counts where
    the key binds it and nobody speaks of any other.
    """
    if not grant.holds(now) or not grant.label.dominates(facts.label):
        return False
    if grant.repo is not UNSET and not _is_of(facts, grant.repo):
        return False
    return grant.team in (UNSET, facts.team) and grant.key in (UNSET, facts.key)


def forbidden(program: Program, facts: Facts, zone: str) -> bool:
    """Is the zone closed to that label whatever anybody signs?

    INVARIANT: an invariant speaks of the label that the request has, and a label that leaves no
    lawful place has none.
    """
    known = program.zones.get(zone)
    if known is None or not facts.label.has_lawful_place:
        return True
    return not all(
        promise.allows(known) for promise in program.promises if promise.speaks_of(facts.label)
    )


def _is_of(facts: Facts, repo: str) -> bool:
    return bool(facts.repos) and facts.repos | facts.claimed_repos <= {repo}
