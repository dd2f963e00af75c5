"""A program and facts become a decision."""

from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime

from msgspec import UNSET, Struct
from msgspec.structs import replace

from gateway.domain.decision import Decision, Effect, Facts
from gateway.domain.grant import Grant
from gateway.domain.label import Label
from gateway.domain.obligation import COST_MAX, Obligation, cost_max, costing
from gateway.policy.granting import forbidden, serves
from gateway.policy.program import Clause, Program

CLEARANCE = "clearance"
NOT_PERMITTED = "not_permitted"
RULE_ERROR = "rule_error"
REDACT_FIRST = "redact_first"
CANNOT_REDACT = "cannot_redact"
GRANTED = "granted"
NO_LAWFUL_PLACE = "no_lawful_place"
# What no redaction mends.
_BEFORE_ANY_DUTY = frozenset({NO_LAWFUL_PLACE, RULE_ERROR})


class _Matched(Struct, frozen=True):
    """The clauses that match, sorted by id, and the ids of those that could not be evaluated."""

    permits: tuple[Clause, ...]
    denies: tuple[Clause, ...]
    broken: tuple[str, ...]
    duties: tuple[Clause, ...] = ()

    def open(self, zone: str) -> bool:
        """Does a rule permit that zone?"""
        return any(zone in clause.zones for clause in self.permits)

    def closing(self, zone: str) -> str | None:
        """Return the id of the first rule that denies that zone."""
        return next((clause.id for clause in self.denies if zone in clause.zones), None)

    def with_others(self, more: "_Matched") -> "_Matched":
        """Return what matches here and there; what is broken there is not taken over."""
        permits = _by_id([*self.permits, *more.permits])
        denies = _by_id([*self.denies, *more.denies])
        return _Matched(permits, denies, self.broken, (*self.duties, *more.duties))

    def also_obliged(self, more: "_Matched") -> "_Matched":
        """Return what matches here, with what is obliged to or broken there as well."""
        broken = _sorted((*self.broken, *more.broken))
        duties = _by_id([*{clause.id: clause for clause in (*self.duties, *more.duties)}.values()])
        return replace(self, broken=broken, duties=duties)

    @property
    def redacting(self) -> tuple[str, ...]:
        """The ids of the rules that oblige to redact."""
        return _sorted(clause.id for clause in self.duties if Obligation.REDACT in clause.obliges)

    @property
    def obligations(self) -> tuple[str, ...]:
        """The union of what is obliged to; of limits of cost the lowest alone."""
        return _joined(word for clause in self.duties for word in clause.obliges)


def _joined(words: Iterable[str]) -> tuple[str, ...]:
    """Return each word once; of limits of cost the lowest alone."""
    said = frozenset(words)
    limit = cost_max(said)
    kept = {word for word in said if not word.startswith(COST_MAX)}
    return _sorted(kept if limit is None else {*kept, costing(limit)})


def decide(
    program: Program,
    facts: Facts,
    now: datetime,
    grants: tuple[Grant, ...] = (),
    *,
    redacted: bool = False,
) -> Decision:
    """Return the boundary: (permitted zones minus denied zones) that clear the label on that day.

    INVARIANT: every zone of the boundary is permitted by a rule, denied by none, and dominates
    the label; a rule that cannot be evaluated leaves no zone. A zone that a grant opens is denied
    by no rule either, and forbidden by no invariant. Where a rule obliges to redact, nothing is
    permitted before that is done: `redacted` says that the facts are those of the body after it.
    """
    matched = _in_force(program, facts)
    decision = _decision(program, facts.label, matched, now, redacted=redacted)
    for grant in grants if decision.reason != REDACT_FIRST else ():
        decision = _granted(program, facts, matched, decision, grant)
    return decision


def still_obliged(decision: Decision, duties: tuple[str, ...]) -> Decision:
    """Return the decision with what was obliged to before the body was redacted as well.

    INVARIANT: a rule that asks for what was found holds no more once it is taken out, and what it
    obliges to beside the redaction is still owed.
    """
    if not duties or decision.effect is not Effect.PERMIT:
        return decision
    return replace(decision, obligations=_joined((*decision.obligations, *duties)))


def notifying(
    program: Program, because: Collection[str], facts: Iterable[Facts]
) -> tuple[str, ...]:
    """Return the ids of the rules that oblige to notify: among `because`, or of any of the facts.

    WHY: a rule that asked for what was redacted made no part of the answer, and one that a grant
    brought in does not match the request's own label.
    """
    matching = {clause.id for one in facts for clause in _matched(program.duties, one).duties}
    return _sorted(
        clause.id
        for clause in program.duties
        if Obligation.NOTIFY in clause.obliges and clause.id in {*matching, *because}
    )


def unredacted(first: Decision, why: str) -> Decision:
    """Return the final decision where what should be redacted cannot be; `why` is a clause."""
    message = f"{first.message}, and that cannot be done: {why}"
    return replace(first, reason=CANNOT_REDACT, message=message)


def _granted(
    program: Program, facts: Facts, matched: _Matched, decision: Decision, grant: Grant
) -> Decision:
    """Return the decision with the zone that the grant opens; the same one where it opens none.

    INVARIANT: what the label of the request is obliged to, it stays obliged to.
    """
    zone, now = grant.zone, decision.decided_at
    if not serves(grant, facts, now) or forbidden(program, facts, zone):
        return decision
    label = grant.treats(facts.label)
    # WHY: broken glass lowers nothing, so that rules are asked about the label as it is.
    again = _in_force(program, replace(facts, label=label)).also_obliged(matched)
    lowers = grant.treated_as is not UNSET
    if lowers and not (again.open(zone) and program.zones[zone].clears(label, now.date())):
        return decision
    if again.broken or again.closing(zone) is not None or zone in decision.boundary:
        return decision
    # WHY: what the lower label obliges to redact was taken out for no rule of the request's own.
    if not frozenset(again.redacting) <= frozenset(matched.redacting):
        return decision
    opened = _ids(again.permits, frozenset({zone})) if lowers else ()
    because = _sorted((*(decision.because if decision.boundary else ()), *opened, grant.word))
    message = f"{grant.word} opens zone {zone} to label {facts.label}"
    boundary = decision.boundary | {zone}
    return _told(program, _obliged(again, _Verdict(GRANTED, message, because, boundary)), now)


class Shadowed(Struct, frozen=True):
    """The shadow rules that match, those without an answer, and the decision with the former."""

    rules: tuple[str, ...]
    broken: tuple[str, ...]
    decision: Decision


def shadowed(
    program: Program, facts: Facts, now: datetime, *, redacted: bool = False
) -> Shadowed | None:
    """Return what the shadow rules would have made of the request; None where none has a word.

    INVARIANT: nothing of it reaches the decision: one that cannot be evaluated denies nothing.
    """
    if not program.shadows:
        return None
    found = _matched(program.shadows, facts)
    matching = (*found.permits, *found.denies, *found.duties)
    if not matching and not found.broken:
        return None
    with_them = _in_force(program, facts).with_others(found)
    decision = _decision(program, facts.label, with_them, now, redacted=redacted)
    return Shadowed(_sorted(clause.id for clause in matching), found.broken, decision)


def _decision(
    program: Program, label: Label, matched: _Matched, now: datetime, *, redacted: bool
) -> Decision:
    verdict = _verdict(program, label, matched, now.date())
    waits = verdict.reason not in _BEFORE_ANY_DUTY and not redacted and matched.redacting
    return _told(program, _first_redact(matched, label) if waits else verdict, now)


def _told(program: Program, verdict: "_Verdict", now: datetime) -> Decision:
    return Decision(
        effect=Effect.PERMIT if verdict.boundary else Effect.DENY,
        boundary=verdict.boundary,
        because=verdict.because,
        reason=verdict.reason,
        policy=program.digest,
        decided_at=now,
        message=verdict.message,
        obligations=verdict.obligations,
    )


def why_not(program: Program, facts: Facts, zone: str, now: datetime) -> str | None:
    """Return in a word why the request may not be in that zone, or None when it may.

    `clearance`, the id of a rule that denies, `not_permitted`, or `rule_error`.
    """
    return objections(program, facts, now)(zone)


def objections(program: Program, facts: Facts, now: datetime) -> Callable[[str], str | None]:
    """Return `why_not` for one request: the rules are evaluated once, however many zones."""
    matched = _in_force(program, facts)
    today = now.date()

    def objection(zone: str) -> str | None:
        if matched.broken:
            return RULE_ERROR
        known = program.zones.get(zone)
        if known is not None and not known.clears(facts.label, today):
            return CLEARANCE
        denied = matched.closing(zone)
        if denied is not None:
            return denied
        return None if known is not None and matched.open(zone) else NOT_PERMITTED

    return objection


class _Verdict(Struct, frozen=True):
    reason: str
    message: str
    because: tuple[str, ...] = ()
    boundary: frozenset[str] = frozenset()
    obligations: tuple[str, ...] = ()


def _verdict(program: Program, label: Label, matched: _Matched, today: date) -> _Verdict:
    if not label.has_lawful_place:
        return _Verdict(NO_LAWFUL_PLACE, "the labels that meet here leave no lawful place")
    if matched.broken:
        return _Verdict(
            RULE_ERROR,
            f"{_rules(matched.broken)} cannot be evaluated, so nothing is permitted",
            matched.broken,
        )
    open_zones = frozenset(zone for zone in program.zones if matched.open(zone))
    cleared = frozenset(zone for zone in open_zones if program.zones[zone].clears(label, today))
    boundary = frozenset(zone for zone in cleared if matched.closing(zone) is None)
    if boundary:
        return _obliged(matched, _permitted(matched, label, cleared, boundary))
    return _denied(matched, label, cleared)


def _permitted(
    matched: _Matched, label: Label, cleared: frozenset[str], boundary: frozenset[str]
) -> _Verdict:
    """Name the rules that opened the boundary and those that closed a zone beside it."""
    opened = _ids(matched.permits, boundary)
    closed = _ids(matched.denies, cleared)
    zones = ", ".join(sorted(boundary))
    keeps = "keeps" if len(opened) == 1 else "keep"
    message = f"{_rules(opened)} {keeps} label {label} in zones {zones}"
    return _Verdict("permitted", message, _sorted((*opened, *closed)), boundary)


def _obliged(matched: _Matched, verdict: _Verdict) -> _Verdict:
    """Return the verdict with its obligations.

    INVARIANT: an obligation only ever takes away from what is permitted.
    """
    if not matched.duties:
        return verdict
    because = _sorted((*verdict.because, *(clause.id for clause in matched.duties)))
    return replace(verdict, because=because, obligations=matched.obligations)


def _first_redact(matched: _Matched, label: Label) -> _Verdict:
    """Return the verdict that nothing may leave before it is redacted, permitted or not."""
    by = matched.redacting
    message = f"{_rules(by)} obliges to redact label {label} first"
    return _Verdict(REDACT_FIRST, message, by, obligations=matched.obligations)


def _denied(matched: _Matched, label: Label, cleared: frozenset[str]) -> _Verdict:
    permits = _sorted(clause.id for clause in matched.permits)
    if matched.denies and (cleared or not permits):
        by = _ids(matched.denies, cleared) or _sorted(clause.id for clause in matched.denies)
        keeps = "keeps" if len(by) == 1 else "keep"
        where = f"zones {', '.join(sorted(cleared))}" if cleared else "every zone"
        why = "".join(f"; {c.reason}" for c in matched.denies if c.id in by and c.reason)
        message = f"{_rules(by)} {keeps} label {label} out of {where}{why}"
        return _Verdict("denied_by_rule", message, by)
    if permits:
        message = f"no zone that {_rules(permits)} would permit is cleared for label {label}"
        return _Verdict("no_zone_cleared", message, permits)
    return _Verdict("no_rule_matched", f"no rule permits label {label} in any zone")


def _in_force(program: Program, facts: Facts) -> _Matched:
    return _matched((*program.clauses, *program.duties), facts)


def _matched(clauses: Iterable[Clause], facts: Facts) -> _Matched:
    permits: list[Clause] = []
    denies: list[Clause] = []
    duties: list[Clause] = []
    broken: list[str] = []
    for clause in clauses:
        try:
            holds = clause.matches(facts)
        except Exception:  # noqa: BLE001 - whatever went wrong, the rule has no answer
            broken.append(clause.id)
            continue
        if holds and clause.obliges:
            duties.append(clause)
        elif holds:
            (permits if clause.permits else denies).append(clause)
    return _Matched(_by_id(permits), _by_id(denies), _sorted(broken), _by_id(duties))


def _by_id(clauses: list[Clause]) -> tuple[Clause, ...]:
    return tuple(sorted(clauses, key=lambda clause: clause.id))


def _ids(clauses: Iterable[Clause], zones: frozenset[str]) -> tuple[str, ...]:
    """Return the ids of the clauses that speak of one of these zones."""
    return _sorted(clause.id for clause in clauses if clause.zones & zones)


def _sorted(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(ids)))


def _rules(ids: tuple[str, ...]) -> str:
    """Return `rule "a"` or `rules "a", "b"`."""
    return f"rule{'' if len(ids) == 1 else 's'} " + ", ".join(f'"{rule}"' for rule in ids)
