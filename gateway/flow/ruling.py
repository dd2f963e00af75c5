"""Classify, decide, plan: the pure middle of a request, the same for serving, cases and replay."""

from collections import Counter
from datetime import datetime

from msgspec import UNSET, Struct
from msgspec.structs import replace

from gateway.classification.allowed import with_allowed
from gateway.classification.classify import classify
from gateway.classification.conversation import (
    NOTHING_RECALLED,
    Recollection,
    conversation_signals,
)
from gateway.classification.paths import paths_hit
from gateway.classification.repos import repos_of
from gateway.classification.signals import finding_signals, is_detected, signals
from gateway.domain.caller import NO_LIMITS, Allowance
from gateway.domain.decision import Classification, Decision, Facts, Redaction, Scan, Shadow, Signal
from gateway.domain.dialect import Dialect
from gateway.domain.grant import Grant
from gateway.domain.obligation import cost_max, passing
from gateway.domain.product import product_of
from gateway.domain.request import Ask, Envelope, Operation
from gateway.domain.route import Route
from gateway.flow.ports import World
from gateway.policy.evaluate import decide, objections, shadowed, still_obliged
from gateway.policy.granting import serves
from gateway.routing.allowance import narrowed, objecting
from gateway.routing.names import Named, resolve
from gateway.routing.plan import Limits, plan


class Evidence(Struct, frozen=True):
    """What is known of a request before anything is judged: signals, and facts without a label.

    `grants` is what persons granted and may serve one more request. `redacted` says that signals
    and facts are those of the body after redaction; `scan` is always that of the body that came.
    `duties` are the obligations of the decision to redact it.
    """

    ask: Ask
    signals: tuple[Signal, ...]
    facts: Facts
    scan: Scan = Scan()
    allowance: Allowance = NO_LIMITS
    body_bytes: int | None = None
    grants: tuple[Grant, ...] = ()
    redacted: bool = False
    duties: tuple[str, ...] = ()


class Ruling(Struct, frozen=True):
    """What was made of the evidence; `grant` is what it was made with, where it took one.

    `redaction` is what was decided first, where that was to redact.
    """

    evidence: Evidence
    facts: Facts
    classification: Classification
    decision: Decision
    route: Route
    shadow: Shadow | None = None
    grant: Grant | None = None
    redaction: Redaction | None = None


def asked(envelope: Envelope, dialect: Dialect) -> Ask:
    """Return what is asked for, by the body and, where it says so, by the path."""
    ask = dialect.peek(envelope.body)
    if dialect.operation is not Operation.GENERATE:
        ask = replace(ask, operation=dialect.operation)
    if envelope.asked:
        ask = replace(ask, model=envelope.asked)
    return ask if envelope.streams is None else replace(ask, stream=envelope.streams)


def spared(scan: Scan, envelope: Envelope, world: World, now: datetime) -> Scan:
    """Return the scan with what stewards allowed for the repositories of the request.

    INVARIANT: a key binds one of them. What a client merely claims may take an allowance away, and
    gives none: a claim only raises.
    """
    if not world.allows:
        return scan
    repos = repos_of(envelope.caller, envelope.claims, world.registry)
    if repos.strange or not repos.known:
        return scan
    return with_allowed(scan, world.allows, repos.known | repos.claimed, now)


def gather(
    envelope: Envelope,
    ask: Ask,
    scan: Scan,
    world: World,
    recalled: Recollection = NOTHING_RECALLED,
) -> Evidence:
    """Return the evidence; UnknownModel or Malformed when the request cannot be judged."""
    named = resolve(ask.model, world.fleet.catalogue)
    program, caller = world.program, envelope.caller
    told = signals(caller, envelope.claims, world.registry, world.vocabulary, program.default)
    found = finding_signals(scan.findings, scan.failed, program.raises, program.counts)
    known = conversation_signals(recalled, world.vocabulary, program.unseen_assistant)
    facts = _facts(envelope, named, scan, world)
    size = envelope.body_bytes
    every = (*told, *found, *known)
    grants = _usable(envelope, world)
    return Evidence(ask, every, facts, scan, caller.allowance, size, grants)


def _usable(envelope: Envelope, world: World) -> tuple[Grant, ...]:
    """Return what was granted and may serve this request.

    INVARIANT: what was granted for one repository serves no request that speaks of another, also
    where nobody registered that one: among the facts it has no name.
    """
    usable = world.usable
    if not usable or not repos_of(envelope.caller, envelope.claims, world.registry).strange:
        return usable
    return tuple(one for one in usable if one.repo is UNSET)


def scanned_again(first: Ruling, scan: Scan, world: World) -> Evidence:
    """Return the evidence with what the detectors say of the redacted body, all else as it was.

    INVARIANT: what the key, the repository, the claims and the conversation said stands.
    """
    program, evidence = world.program, first.evidence
    kept = tuple(one for one in evidence.signals if not is_detected(one))
    found = finding_signals(scan.findings, scan.failed, program.raises, program.counts)
    facts = replace(
        evidence.facts,
        findings=frozenset(one.kind for one in scan.findings if not one.allowed),
        finding_counts=(_counted(scan) or UNSET) if program.asks.counts else UNSET,
    )
    duties = first.decision.obligations
    return replace(evidence, signals=(*kept, *found), facts=facts, redacted=True, duties=duties)


def rule(evidence: Evidence, world: World, now: datetime, named: Named | None = None) -> Ruling:
    """Return classification, decision and route; pure, so that an auditor can run it again.

    `named` stands for the name that is asked for; without it the catalogue is asked. Where
    the evidence is that of a redacted body, nothing has to be redacted first any more.
    INVARIANT: a grant is the last resort: without it nothing may answer, and with it something may.
    """
    ruling = _ruled(evidence, world, now, named)
    if ruling.route.candidates:
        return ruling
    for grant in evidence.grants:
        if serves(grant, ruling.facts, now):
            granted = _ruled(evidence, world, now, named, grant)
            if granted.route.candidates:
                return granted
    return ruling


def _ruled(
    evidence: Evidence, world: World, now: datetime, named: Named | None, grant: Grant | None = None
) -> Ruling:
    classification = classify(evidence.signals)
    facts = replace(evidence.facts, label=classification.label)
    allowance = evidence.allowance
    grants = () if grant is None else (grant,)
    decision = decide(world.program, facts, now, grants, redacted=evidence.redacted)
    decision = still_obliged(decision, evidence.duties)
    decision = narrowed(decision, facts.label, allowance, world.vocabulary)
    named = named or resolve(evidence.ask.model, world.fleet.catalogue)
    why_not = objecting(objections(world.program, facts, now), allowance)
    limits = Limits(
        why_not,
        passing(world.program.passes, decision.obligations),
        now.date(),
        allowance,
        cost_max(decision.obligations),
        evidence.body_bytes,
    )
    route = plan(decision, evidence.ask, named, world.fleet, limits)
    shadow = _shadow(world, evidence, facts, now)
    return Ruling(evidence, facts, classification, decision, route, shadow, grant)


def _shadow(world: World, evidence: Evidence, facts: Facts, now: datetime) -> Shadow | None:
    """Return what the shadow rules would have made of it, within the caller's allowance."""
    found = shadowed(world.program, facts, now, redacted=evidence.redacted)
    if found is None:
        return None
    decision = narrowed(found.decision, facts.label, evidence.allowance, world.vocabulary)
    return Shadow(
        found.rules, decision.effect, decision.boundary, found.broken, decision.obligations
    )


def _facts(envelope: Envelope, named: Named, scan: Scan, world: World) -> Facts:
    repos = repos_of(envelope.caller, envelope.claims, world.registry)
    asks, key = world.program.asks, envelope.caller.key_id
    keys = asks.keys | {one.key for one in world.grants if one.key is not UNSET}
    client = product_of(envelope.client) if asks.clients else ""
    return Facts(
        label=world.vocabulary.top,
        team=envelope.caller.team,
        surface=envelope.surface,
        model=named.asked if named.task is not None else named.offerings[0].model,
        task=named.task,
        repos=repos.known,
        findings=frozenset(one.kind for one in scan.findings if not one.allowed),
        claimed_repos=repos.claimed,
        key=key if key in keys else UNSET,
        client=client if client in asks.clients else UNSET,
        finding_counts=(_counted(scan) or UNSET) if asks.counts else UNSET,
        paths=paths_hit(envelope.body, asks.paths) or UNSET,
    )


def _counted(scan: Scan) -> dict[str, int]:
    """Return how many different findings there are, by kind; what a steward allowed is none."""
    different = {
        (one.kind, one.fingerprint or (one.path, one.start))
        for one in scan.findings
        if not one.allowed
    }
    return dict(sorted(Counter(kind for kind, _ in different).items()))
