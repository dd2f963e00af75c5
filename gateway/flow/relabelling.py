"""What a request that is under way would be by now: by what is registered, allowed and raised.

A label was given before the request was decided. A repository that is restricted by now, a finding
that is allowed no more, or a detector that counts for more takes away as a rule does.
"""

from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from gateway.classification.repos import repos_of
from gateway.classification.signals import signals
from gateway.domain.decision import Facts, Scan
from gateway.domain.errors import GatewayError
from gateway.domain.grant import Grant
from gateway.domain.label import join
from gateway.domain.request import Envelope
from gateway.flow.ports import World
from gateway.flow.ruling import spared
from gateway.policy.program import Program


def relabelled(facts: Facts, envelope: Envelope, now: World) -> Facts | None:
    """Return the facts as the registry and the default of now have them; None where they cannot be.

    INVARIANT: a label only rises by that: what was read of the request stands.
    """
    caller, claims = envelope.caller, envelope.claims
    try:
        told = signals(caller, claims, now.registry, now.vocabulary, now.program.default)
        repos = repos_of(caller, claims, now.registry)
    except GatewayError:
        return None
    label = join(facts.label, *(one.label for one in told))
    return replace(facts, label=label, repos=repos.known, claimed_repos=repos.claimed)


def reads_otherwise(then: Program, now: Program) -> bool:
    """Would what detectors found, or what is remembered, join other labels now?

    WHY: what was found is not looked at again; where it may say more, it is not known what it says.
    """
    before = then.raises, then.counts, then.unseen_assistant
    return before != (now.raises, now.counts, now.unseen_assistant)


def allowed_still(scan: Scan, envelope: Envelope, now: World, moment: datetime) -> bool:
    """Is every finding that a steward allowed still allowed?"""
    found = tuple(replace(one, allowed=False) for one in scan.findings if one.allowed)
    if not found:
        return True
    again = spared(Scan(found), envelope, now, moment)
    return all(one.allowed for one in again.findings)


def grants_for(grants: tuple[Grant, ...], envelope: Envelope, now: World) -> tuple[Grant, ...]:
    """Return what may still serve a request that speaks of these repositories."""
    is_strange = repos_of(envelope.caller, envelope.claims, now.registry).strange
    return tuple(one for one in grants if one.repo is UNSET) if is_strange else grants
