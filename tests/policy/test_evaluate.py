"""The decision: permitted minus denied, cut to what clears the label."""

from datetime import timedelta

import pytest
from msgspec import structs

from gateway.domain.decision import Decision, Effect, Facts
from gateway.policy.evaluate import decide, objections, why_not
from gateway.policy.program import Program
from tests.doubles.policies import (
    ANYWHERE,
    CLOUD,
    HOME,
    NOW,
    a_program,
    broken_clause,
    some_facts,
)

AT_HOME = {
    "id": "restricted-stays-home",
    "effect": "permit",
    "when": {"level_min": "restricted"},
    "zones": ["home"],
}
LOW = {
    "id": "low-anywhere",
    "effect": "permit",
    "when": {"level_max": "internal"},
    "zones": ["home", "cloud"],
}
NO_TEAM = {
    "id": "guests-stay-home",
    "effect": "deny",
    "when": {"team": "guests"},
    "zones": ["cloud"],
    "reason": "guests have no contract with the cloud",
}


def answer(program: Program, facts: Facts) -> Decision:
    return decide(program, facts, NOW)


def test_a_permit_opens_its_zones_and_says_which_rule_it_was() -> None:
    program = a_program(AT_HOME, LOW)
    found = answer(program, some_facts(program, "restricted"))
    assert found.effect is Effect.PERMIT
    assert found.boundary == {"home"}
    assert found.because == ("restricted-stays-home",)
    assert found.reason == "permitted"
    assert found.policy == "sha256:test"
    assert found.decided_at == NOW
    assert found.message == 'rule "restricted-stays-home" keeps label restricted in zones home'
    assert answer(program, some_facts(program, "public")).boundary == {"home", "cloud"}


def test_permits_are_joined() -> None:
    home = ANYWHERE | {"id": "b-home", "zones": ["home"]}
    cloud = ANYWHERE | {"id": "a-cloud", "zones": ["cloud"]}
    found = answer(a_program(home, cloud), some_facts(a_program(), "public"))
    assert found.boundary == {"home", "cloud"}
    assert found.because == ("a-cloud", "b-home")
    assert found.message.startswith('rules "a-cloud", "b-home" keep label public in zones cloud, ')


def test_a_deny_overrides_every_permit() -> None:
    program = a_program(LOW, ANYWHERE, NO_TEAM)
    found = answer(program, some_facts(program, team="guests"))
    assert found.boundary == {"home"}
    assert found.because == ("anywhere", "guests-stay-home", "low-anywhere")
    assert answer(program, some_facts(program)).because == ("anywhere", "low-anywhere")


def test_no_match_denies() -> None:
    program = a_program(AT_HOME)
    found = answer(program, some_facts(program, "public"))
    assert (found.effect, found.boundary, found.because) == (Effect.DENY, frozenset(), ())
    assert found.reason == "no_rule_matched"
    assert found.message == "no rule permits label public in any zone"


def test_a_program_without_rules_denies() -> None:
    program = structs.replace(a_program(), clauses=())
    assert answer(program, some_facts(program)).reason == "no_rule_matched"


def test_denied_by_a_rule_names_it_with_its_reason() -> None:
    only_cloud = LOW | {"zones": ["cloud"]}
    program = a_program(only_cloud, NO_TEAM)
    found = answer(program, some_facts(program, team="guests"))
    assert found.reason == "denied_by_rule"
    assert found.because == ("guests-stay-home",)
    assert found.message == (
        'rule "guests-stay-home" keeps label internal out of zones cloud; '
        "guests have no contract with the cloud"
    )


def test_denied_by_rules_where_nothing_is_permitted_names_them_all() -> None:
    other = NO_TEAM | {"id": "also", "zones": "any", "reason": ""}
    program = a_program(AT_HOME, NO_TEAM, other)
    found = answer(program, some_facts(program, team="guests"))
    assert (found.reason, found.because) == ("denied_by_rule", ("also", "guests-stay-home"))
    assert found.message.startswith('rules "also", "guests-stay-home" keep label internal out of e')


def test_a_permit_never_widens_a_clearance() -> None:
    program = a_program(ANYWHERE | {"zones": ["cloud"]})
    found = answer(program, some_facts(program, "internal+secret"))
    assert (found.effect, found.reason) == (Effect.DENY, "no_zone_cleared")
    assert found.because == ("anywhere",)
    assert found.message == (
        'no zone that rule "anywhere" would permit is cleared for label internal+secret'
    )


def test_a_deny_of_a_zone_that_is_not_cleared_is_no_cause() -> None:
    program = a_program(ANYWHERE, NO_TEAM)
    found = answer(program, some_facts(program, "restricted", team="guests"))
    assert (found.boundary, found.because) == ({"home"}, ("anywhere",))


def test_an_empty_residency_is_refused_whatever_the_rules_say() -> None:
    program = a_program()
    label = program.vocabulary.parse("public@EU").join(program.vocabulary.parse("public@NORDIC"))
    found = answer(program, structs.replace(some_facts(program), label=label))
    assert (found.effect, found.reason, found.because) == (Effect.DENY, "no_lawful_place", ())
    assert why_not(program, structs.replace(some_facts(program), label=label), "home", NOW) == (
        "clearance"
    )


def test_facts_that_expired_count_as_the_world() -> None:
    evidence = {"source": "a page", "read_on": "2026-11-01", "expires_on": "2026-11-20"}
    facts = {"processing_regions": "DE", "storage_regions": "DE", "evidence": evidence}
    program = a_program(ANYWHERE, zones__zones={"home": HOME, "cloud": CLOUD | facts})
    asked = some_facts(program, "internal@EU")
    assert decide(program, asked, NOW).boundary == {"home", "cloud"}
    assert decide(program, asked, NOW + timedelta(days=1)).boundary == {"home"}


@pytest.mark.parametrize("permits", [True, False])
def test_adv_66_a_rule_that_cannot_be_evaluated_denies_everything(*, permits: bool) -> None:
    sound = a_program()
    for clauses in (
        (*sound.clauses, broken_clause("torn", permits=permits)),
        (broken_clause("torn", permits=permits), *sound.clauses),
    ):
        program = structs.replace(sound, clauses=clauses)
        found = answer(program, some_facts(program))
        assert (found.effect, found.boundary) == (Effect.DENY, frozenset())
        assert (found.reason, found.because) == ("rule_error", ("torn",))
        assert found.message == 'rule "torn" cannot be evaluated, so nothing is permitted'
        assert why_not(program, some_facts(program), "home", NOW) == "rule_error"


def test_adv_66_every_rule_that_cannot_be_evaluated_is_named() -> None:
    sound = a_program()
    program = structs.replace(
        sound, clauses=(broken_clause("b"), broken_clause("a"), *sound.clauses)
    )
    assert answer(program, some_facts(program)).because == ("a", "b")


def test_why_not_says_clearance_then_the_rule_then_not_permitted() -> None:
    program = a_program(LOW, AT_HOME, NO_TEAM)
    guest = some_facts(program, team="guests")
    assert why_not(program, guest, "home", NOW) is None
    assert why_not(program, guest, "cloud", NOW) == "guests-stay-home"
    secret = some_facts(program, "restricted+secret", team="guests")
    assert why_not(program, secret, "cloud", NOW) == "clearance"
    assert why_not(program, guest, "elsewhere", NOW) == "not_permitted"
    only = a_program(LOW | {"zones": ["home"]})
    assert why_not(only, some_facts(only), "cloud", NOW) == "not_permitted"


def test_objections_say_for_every_zone_what_why_not_says() -> None:
    program = a_program(LOW, AT_HOME, NO_TEAM)
    guest = some_facts(program, team="guests")
    objection = objections(program, guest, NOW)
    for zone in ("home", "cloud", "elsewhere"):
        assert objection(zone) == why_not(program, guest, zone, NOW)


def test_a_message_holds_nothing_that_the_caller_wrote() -> None:
    program = a_program(NO_TEAM | {"when": {"surface": "said-surface"}})
    facts = some_facts(
        program,
        team="said-team",
        surface="said-surface",
        model="said-model",
        task="said-task",
        findings=frozenset({"said-kind"}),
    )
    assert "said" not in answer(program, facts).message
