"""A gateway that errs about shadow rules, obligations or grants is found by random decisions."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from gateway.domain.grant import Grant
from gateway.domain.obligation import Obligation
from gateway.flow import ruling as ruling_module
from gateway.flow.ports import World
from gateway.identity import approvals as approvals_module
from gateway.policy import evaluate as evaluate_module
from gateway.policy import granting as granting_module
from gateway.stores import standing as standing_module
from tests.simulation import decisions, law_of_grants, laws
from tests.simulation.decisions import run
from tests.simulation.laws import Broken

DECISIONS = 20_000

MATCHED = evaluate_module._Matched


def found_by(*expected: str) -> None:
    """Is the error found, by one of these laws?"""
    with pytest.raises(Broken) as broken:
        run(DECISIONS)
    assert broken.value.law in expected


def test_a_shadow_rule_that_is_enforced_is_found(monkeypatch) -> None:
    def everything(program, facts):  # type: ignore[no-untyped-def]
        rules = (*program.clauses, *program.duties, *program.shadows)
        return evaluate_module._matched(rules, facts)

    monkeypatch.setattr(evaluate_module, "_in_force", everything)
    found_by(laws.SHADOW, laws.CLEAR, laws.RULES, laws.JOINED)


def test_a_shadow_rule_that_reaches_the_route_alone_is_found(monkeypatch) -> None:
    real = ruling_module.plan

    def shy(decision, ask, named, fleet, limits):  # type: ignore[no-untyped-def]
        route = real(decision, ask, named, fleet, limits)
        return replace(route, candidates=route.candidates[:1]) if watched[0] else route

    watched = [False]
    shadow = ruling_module.shadowed

    def noticing(program, facts, now, *, redacted=False):  # type: ignore[no-untyped-def]
        watched[0] = bool(program.shadows)
        return shadow(program, facts, now, redacted=redacted)

    monkeypatch.setattr(ruling_module, "plan", shy)
    monkeypatch.setattr(ruling_module, "shadowed", noticing)
    found_by(laws.SHADOW)


def test_a_shadow_that_tells_of_the_decision_without_it_is_found(monkeypatch) -> None:
    monkeypatch.setattr(MATCHED, "with_others", lambda self, _: self)
    found_by(laws.TOLD)


def test_obligations_of_the_first_rule_alone_are_found(monkeypatch) -> None:
    def first(self) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
        return tuple(sorted(self.duties[0].obliges)) if self.duties else ()

    monkeypatch.setattr(MATCHED, "obligations", property(first))
    found_by(laws.JOINED, laws.OWED)


def test_the_highest_of_two_limits_of_cost_is_found(monkeypatch) -> None:
    def dearest(words):  # type: ignore[no-untyped-def]
        return max((int(w.partition(":")[2]) for w in words if w.startswith("cost")), default=None)

    monkeypatch.setattr(evaluate_module, "cost_max", dearest)
    found_by(laws.JOINED, laws.OWED)


def test_obligations_in_the_order_of_the_rules_are_found(monkeypatch) -> None:
    def as_written(self) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
        return tuple(word for one in self.duties for word in sorted(one.obliges))

    monkeypatch.setattr(evaluate_module, "_by_id", tuple)
    monkeypatch.setattr(MATCHED, "obligations", property(as_written))
    found_by(laws.RULES, laws.JOINED)


def test_a_list_of_what_passes_that_opens_is_found(monkeypatch) -> None:
    def opening(passes, words):  # type: ignore[no-untyped-def]
        more = [word.partition(":")[2].split(",") for word in words if word.startswith("passes")]
        return {zone: names.union(*more) for zone, names in passes.items()}

    monkeypatch.setattr(ruling_module, "passing", opening)
    found_by(laws.KEPT, laws.RESTRICTS)


def test_provider_tools_that_pass_although_they_are_stripped_are_found(monkeypatch) -> None:
    real = ruling_module.passing

    def lax(passes, words):  # type: ignore[no-untyped-def]
        return real(passes, [one for one in words if one != Obligation.STRIP_PROVIDER_TOOLS])

    monkeypatch.setattr(ruling_module, "passing", lax)
    found_by(laws.KEPT)


def test_a_limit_of_cost_that_nobody_reads_is_found(monkeypatch) -> None:
    monkeypatch.setattr(ruling_module, "cost_max", lambda _: None)
    found_by(laws.KEPT)


def test_a_duty_that_closes_a_zone_is_found(monkeypatch) -> None:
    real = ruling_module.narrowed

    def narrow(decision, *rest):  # type: ignore[no-untyped-def]
        decision = real(decision, *rest)
        less = frozenset(sorted(decision.boundary)[:1])
        return replace(decision, boundary=less) if decision.obligations else decision

    monkeypatch.setattr(ruling_module, "narrowed", narrow)
    found_by(laws.RESTRICTS, laws.CLEAR)


def test_a_limit_of_cost_that_turns_the_candidates_about_is_found(monkeypatch) -> None:
    real = ruling_module.plan

    def about(decision, ask, named, fleet, limits):  # type: ignore[no-untyped-def]
        route = real(decision, ask, named, fleet, limits)
        is_bound = limits.cost_max_microusd is not None
        return replace(route, candidates=route.candidates[::-1]) if is_bound else route

    monkeypatch.setattr(ruling_module, "plan", about)
    found_by(laws.RESTRICTS)


def test_a_redaction_that_is_told_as_a_denial_is_found(monkeypatch) -> None:
    monkeypatch.setattr(evaluate_module, "REDACT_FIRST", "denied_by_rule")
    found_by(laws.FIRST)


def test_what_is_permitted_before_it_is_redacted_is_found(monkeypatch) -> None:
    monkeypatch.setattr(MATCHED, "redacting", property(lambda _: ()))
    found_by(laws.FIRST, laws.CLEAR)


def test_obligations_that_a_redaction_takes_away_are_found(monkeypatch) -> None:
    monkeypatch.setattr(ruling_module, "still_obliged", lambda decision, _: decision)
    found_by(laws.OWED, laws.RULES)


SIGNINGS: tuple[tuple[str, Callable[..., None]], ...] = (
    ("_check_signatures", lambda *_: None),
    ("_check_time", lambda *_: None),
    ("_check_words", lambda *_: None),
)


@pytest.mark.parametrize(("name", "lax"), SIGNINGS, ids=[name for name, _ in SIGNINGS])
def test_a_statement_that_is_believed_without_a_check_is_found(monkeypatch, name, lax) -> None:
    monkeypatch.setattr(approvals_module, name, lax)
    # WHY: the one without a number of uses is found because it cannot be read any more.
    with pytest.raises((Broken, KeyError)) as broken:
        run(DECISIONS)
    assert not isinstance(broken.value, Broken) or broken.value.law == laws.SIGNED


def test_a_requester_who_may_approve_is_found(monkeypatch) -> None:
    real = approvals_module._check_signatures

    def lax(approval, persons, terms):  # type: ignore[no-untyped-def]
        if approval.requester.key not in {one.key for one in approval.approvers}:
            real(approval, persons, terms)

    monkeypatch.setattr(approvals_module, "_check_signatures", lax)
    found_by(laws.SIGNED)


def test_a_revocation_that_is_forgotten_is_found(monkeypatch) -> None:
    monkeypatch.setattr(standing_module, "_without", lambda active, _: active)
    found_by(laws.SIGNED)


def test_a_grant_that_is_used_up_and_serves_on_is_found(monkeypatch) -> None:
    monkeypatch.setattr(World, "usable", property(lambda self: self.grants))
    found_by(laws.SIGNED, laws.LAST)


def test_a_grant_that_never_ends_is_found(monkeypatch) -> None:
    monkeypatch.setattr(Grant, "holds", lambda self, now: self.begins <= now)
    found_by(laws.LAST, laws.NOTHING)


def test_a_grant_that_serves_in_its_last_moment_is_found(monkeypatch) -> None:
    monkeypatch.setattr(Grant, "holds", lambda self, now: self.begins <= now <= self.until)
    found_by(laws.LAST, laws.NOTHING)


@pytest.mark.parametrize("word", ["team", "key", "repo"])
def test_a_grant_that_serves_others_is_found(monkeypatch, word: str) -> None:
    real = granting_module.serves

    def anybody(grant, facts, now):  # type: ignore[no-untyped-def]
        return real(replace(grant, **{word: granting_module.UNSET}), facts, now)

    monkeypatch.setattr(evaluate_module, "serves", anybody)
    monkeypatch.setattr(ruling_module, "serves", anybody)
    found_by(laws.LAST, laws.NOTHING)


def test_a_grant_that_serves_a_repository_nobody_registered_is_found(monkeypatch) -> None:
    monkeypatch.setattr(ruling_module, "_usable", lambda _, world: world.usable)
    found_by(laws.LAST)


def test_a_grant_that_serves_any_label_is_found(monkeypatch) -> None:
    real = granting_module.serves

    def any_label(grant, facts, now):  # type: ignore[no-untyped-def]
        return real(grant, replace(facts, label=grant.label), now)

    monkeypatch.setattr(evaluate_module, "serves", any_label)
    monkeypatch.setattr(ruling_module, "serves", any_label)
    found_by(laws.LAST, laws.NOTHING, laws.NO_MORE)


def test_a_grant_that_is_taken_first_is_found(monkeypatch) -> None:
    real = ruling_module._ruled

    def eager(evidence, world, now, named=None, grant=None):  # type: ignore[no-untyped-def]
        for one in evidence.grants if grant is None else ():
            if ruling_module.serves(one, real(evidence, world, now, named).facts, now):
                return real(evidence, world, now, named, one)
        return real(evidence, world, now, named, grant)

    monkeypatch.setattr(ruling_module, "_ruled", eager)
    found_by(laws.LAST)


def test_a_grant_that_opens_every_zone_is_found(monkeypatch) -> None:
    real = evaluate_module._granted

    def wide(program, facts, matched, decision, grant):  # type: ignore[no-untyped-def]
        after = real(program, facts, matched, decision, grant)
        is_granted = after.boundary != decision.boundary
        return replace(after, boundary=frozenset(program.zones)) if is_granted else after

    monkeypatch.setattr(evaluate_module, "_granted", wide)
    found_by(laws.SCOPE, laws.OPENS, laws.LAST)


@pytest.mark.parametrize("name", ["forbidden", "closing"])
def test_a_grant_that_opens_what_is_closed_is_found(monkeypatch, name: str) -> None:
    if name == "forbidden":
        monkeypatch.setattr(evaluate_module, "forbidden", lambda *_: False)
    else:
        real = evaluate_module._granted

        def deaf(program, facts, matched, decision, grant):  # type: ignore[no-untyped-def]
            clauses = tuple(one for one in program.clauses if one.permits)
            return real(replace(program, clauses=clauses), facts, matched, decision, grant)

        monkeypatch.setattr(evaluate_module, "_granted", deaf)
    # WHY: nothing is known of a zone that is gone.
    with pytest.raises((Broken, KeyError)) as broken:
        run(DECISIONS)
    assert not isinstance(broken.value, Broken) or broken.value.law in (laws.OPENS, laws.LAWLESS)


def test_a_grant_that_opens_where_no_place_is_lawful_is_found(monkeypatch) -> None:
    real = law_of_grants.decide

    def anywhere(program, facts, now, grants=(), *, redacted=False):  # type: ignore[no-untyped-def]
        if grants and not facts.label.has_lawful_place:
            facts = replace(facts, label=replace(facts.label, residency=None))
        return real(program, facts, now, grants, redacted=redacted)

    monkeypatch.setattr(law_of_grants, "decide", anywhere)
    found_by(laws.LAWLESS)


def test_a_waiver_that_takes_obligations_away_is_found(monkeypatch) -> None:
    monkeypatch.setattr(MATCHED, "also_obliged", lambda self, _: self)
    found_by(laws.STILL_OWED, laws.OPENS)


def test_a_waiver_of_which_a_finding_makes_more_is_found(monkeypatch) -> None:
    real = evaluate_module.serves

    def only_found(grant, facts, now):  # type: ignore[no-untyped-def]
        return bool(facts.findings) and real(grant, facts, now)

    monkeypatch.setattr(evaluate_module, "serves", only_found)
    found_by(laws.OPENS, laws.NO_MORE)
    # Also where nobody asks what a single grant opens.
    monkeypatch.setattr(decisions, "of_grants", lambda *_: iter(()))
    found_by(laws.NO_MORE)


def test_a_decision_with_a_grant_that_speaks_of_more_zones_is_found(monkeypatch) -> None:
    real = ruling_module._ruled

    def boastful(evidence, world, now, named=None, grant=None):  # type: ignore[no-untyped-def]
        ruling = real(evidence, world, now, named, grant)
        everywhere = replace(ruling.decision, boundary=frozenset(world.program.zones))
        return ruling if grant is None else replace(ruling, decision=everywhere)

    monkeypatch.setattr(ruling_module, "_ruled", boastful)
    found_by(laws.SCOPE)
