"""Rules in the shadow: evaluated and told, and nothing else."""

from msgspec import structs

from gateway.domain.decision import Effect
from gateway.policy.evaluate import decide, shadowed
from gateway.policy.prove import prove
from tests.doubles.policies import (
    ANYWHERE,
    CLOUD,
    HOME,
    NOW,
    a_program,
    broken_clause,
    compiled,
    problems,
    some_facts,
)

SHUT = {
    "id": "shut",
    "effect": "deny",
    "when": {"team": "guests"},
    "zones": ["cloud"],
    "mode": "shadow",
}
OPEN = ANYWHERE | {"id": "open", "mode": "shadow"}
AT_HOME = ANYWHERE | {"id": "home-alone", "zones": ["home"]}


def test_a_shadow_deny_closes_nothing_and_tells_what_it_would_have_closed() -> None:
    program = a_program(ANYWHERE, SHUT)
    facts = some_facts(program, team="guests")
    made = decide(program, facts, NOW)
    assert (made.boundary, made.because) == ({"home", "cloud"}, ("anywhere",))
    found = shadowed(program, facts, NOW)
    assert found is not None
    assert (found.rules, found.broken) == (("shut",), ())
    assert (found.decision.effect, found.decision.boundary) == (Effect.PERMIT, {"home"})


def test_a_shadow_permit_opens_nothing() -> None:
    program = a_program(AT_HOME, OPEN)
    facts = some_facts(program)
    assert decide(program, facts, NOW).boundary == {"home"}
    found = shadowed(program, facts, NOW)
    assert found is not None
    assert found.decision.boundary == {"home", "cloud"}


def test_nothing_is_told_where_no_shadow_rule_has_a_word() -> None:
    assert shadowed(a_program(), some_facts(a_program()), NOW) is None
    program = a_program(ANYWHERE, SHUT)
    assert shadowed(program, some_facts(program), NOW) is None


def test_a_shadow_rule_that_cannot_be_evaluated_denies_nothing_and_is_named() -> None:
    program = structs.replace(a_program(), shadows=(broken_clause("torn"),))
    facts = some_facts(program)
    assert decide(program, facts, NOW).boundary == {"home", "cloud"}
    found = shadowed(program, facts, NOW)
    assert found is not None
    assert (found.rules, found.broken) == ((), ("torn",))
    assert found.decision.boundary == {"home", "cloud"}


def test_an_enforced_rule_that_is_broken_denies_in_the_shadow_too() -> None:
    sound = a_program(ANYWHERE, OPEN)
    program = structs.replace(sound, clauses=(*sound.clauses, broken_clause("torn")))
    found = shadowed(program, some_facts(program), NOW)
    assert found is not None
    assert found.decision.reason == "rule_error"


def test_a_proof_speaks_of_the_rules_in_force_alone() -> None:
    wide = {"cloud": CLOUD | {"level": "restricted"}}
    promise = {"id": "high", "labels": {"level_min": "restricted"}, "never_zones": ["cloud"]}
    deny = SHUT | {"when": {"any": True}}
    changes = {
        "zones__zones": {"home": HOME, **wide},
        "invariants__invariants": [promise],
    }
    opened = compiled(policy__rules=[AT_HOME, OPEN], **changes).require()
    assert prove(opened.program, opened.invariants, NOW.date()) == ()
    shut = compiled(policy__rules=[ANYWHERE, deny], **changes).require()
    assert len(prove(shut.program, shut.invariants, NOW.date())) == 1


def test_a_shadow_rule_is_checked_as_strictly_as_one_in_force() -> None:
    assert len(problems(policy__rules=[ANYWHERE, SHUT | {"zones": ["moon"]}])) == 1
    assert len(problems(policy__rules=[ANYWHERE, SHUT | {"id": "anywhere"}])) == 1
    assert len(problems(policy__rules=[ANYWHERE, SHUT | {"mode": "audit"}])) == 1
