"""Classify, decide, plan: the pure middle of a request, the same for serving, cases and replay."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from gateway.classification.allowed import with_allowed
from gateway.classification.classify import classify
from gateway.classification.conversation import (
    NOTHING_RECALLED,
    Recollection,
    conversation_signals,
)
from gateway.classification.repos import repos_of
from gateway.classification.signals import finding_signals, signals
from gateway.domain.caller import NO_LIMITS, Allowance
from gateway.domain.decision import Classification, Decision, Facts, Scan, Signal
from gateway.domain.dialect import Dialect
from gateway.domain.request import Ask, Envelope, Operation
from gateway.domain.route import Route
from gateway.flow.ports import World
from gateway.policy.evaluate import decide, objections
from gateway.routing.allowance import narrowed, objecting
from gateway.routing.names import Named, resolve
from gateway.routing.plan import Limits, plan


class Evidence(Struct, frozen=True):
    """What is known of a request before anything is judged: signals, and facts without a label."""

    ask: Ask
    signals: tuple[Signal, ...]
    facts: Facts
    scan: Scan = Scan()
    allowance: Allowance = NO_LIMITS


class Ruling(Struct, frozen=True):
    """What was made of the evidence."""

    evidence: Evidence
    facts: Facts
    classification: Classification
    decision: Decision
    route: Route


def asked(envelope: Envelope, dialect: Dialect) -> Ask:
    """Return what is asked for, by the body and, where it says so, by the path."""
    ask = dialect.peek(envelope.body)
    if dialect.operation is not Operation.GENERATE:
        ask = replace(ask, operation=dialect.operation)
    if envelope.asked:
        ask = replace(ask, model=envelope.asked)
    return ask if envelope.streams is None else replace(ask, stream=envelope.streams)


def spared(scan: Scan, envelope: Envelope, world: World, now: datetime) -> Scan:
    """Return the scan with what stewards allowed for the repositories of the request."""
    if not world.allows:
        return scan
    repos = repos_of(envelope.caller, envelope.claims, world.registry)
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
    return Evidence(ask, (*told, *found, *known), facts, scan, caller.allowance)


def rule(evidence: Evidence, world: World, now: datetime, named: Named | None = None) -> Ruling:
    """Return classification, decision and route; pure, so that an auditor can run it again.

    `named` stands for the name that is asked for; without it the catalogue is asked.
    """
    classification = classify(evidence.signals)
    facts = replace(evidence.facts, label=classification.label)
    allowance = evidence.allowance
    decision = decide(world.program, facts, now)
    decision = narrowed(decision, facts.label, allowance, world.vocabulary)
    named = named or resolve(evidence.ask.model, world.fleet.catalogue)
    why_not = objecting(objections(world.program, facts, now), allowance)
    limits = Limits(why_not, world.program.passes, now.date(), allowance)
    route = plan(decision, evidence.ask, named, world.fleet, limits)
    return Ruling(evidence, facts, classification, decision, route)


def _facts(envelope: Envelope, named: Named, scan: Scan, world: World) -> Facts:
    repos = repos_of(envelope.caller, envelope.claims, world.registry)
    return Facts(
        label=world.vocabulary.top,
        team=envelope.caller.team,
        surface=envelope.surface,
        model=named.asked if named.task is not None else named.offerings[0].model,
        task=named.task,
        repos=repos.known,
        findings=frozenset(one.kind for one in scan.findings if not one.allowed),
        claimed_repos=repos.claimed,
    )
