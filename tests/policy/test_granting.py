"""What persons grant opens one zone to one label, and nothing that is closed without exception."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.decision import Decision, Effect
from gateway.domain.label import Label, Level
from gateway.policy.evaluate import decide
from gateway.policy.program import Program
from tests.doubles.granted import INTERNAL, RESTRICTED, a_grant, broken_glass
from tests.doubles.policies import ANYWHERE, CLOUD, HOME, NOW, a_program, some_facts

BOTH = pytest.mark.parametrize("make", [a_grant, broken_glass])


def decided(
    program: Program, grant: Any, label: str = "restricted", hours: float = 0, **facts: Any
) -> Decision:
    found = some_facts(program, label, **facts)
    return decide(program, found, NOW + timedelta(hours=hours), (grant,))


def opens(program: Program, grant: Any, label: str = "restricted", **more: Any) -> bool:
    return "cloud" in decided(program, grant, label, **more).boundary


@BOTH
def test_a_grant_opens_its_zone_and_says_so(make) -> None:
    program = a_program()
    without = decide(program, some_facts(program, "restricted"), NOW)
    assert without.boundary == {"home"}
    found = decided(program, make())
    assert found.boundary == {"home", "cloud"}
    assert (found.effect, found.reason) == (Effect.PERMIT, "granted")
    assert make().word in found.because
    assert make().word in found.message


def test_the_rule_that_permits_the_lower_label_is_named_and_none_for_broken_glass() -> None:
    low = {"id": "low", "effect": "permit", "when": {"level_max": "internal"}, "zones": "cloud"}
    program = a_program(ANYWHERE | {"zones": ["home"]}, low)
    waived = decided(program, a_grant())
    assert waived.because == tuple(sorted(("anywhere", "low", a_grant().word)))
    assert waived.message == f"{a_grant().word} opens zone cloud to label restricted"
    both = {"id": "both", "effect": "permit", "when": {"any": True}, "zones": "cloud"}
    broken = decided(a_program(ANYWHERE | {"zones": ["home"]}, both), broken_glass())
    assert broken.because == tuple(sorted(("anywhere", broken_glass().word)))


def test_a_waiver_needs_a_rule_and_a_clearance_for_the_lower_label() -> None:
    only_low = {"id": "low", "effect": "permit", "when": {"level_max": "public"}, "zones": "cloud"}
    home = ANYWHERE | {"zones": ["home"]}
    assert not opens(a_program(home, only_low), a_grant())
    assert not opens(a_program(home), a_grant())
    lower = CLOUD | {"level": "public"}
    low = a_program(zones__zones={"home": HOME, "cloud": lower})
    assert not opens(low, a_grant())
    public = Label(Level(0, "public"))
    assert opens(low, a_grant(treated_as=public))
    assert opens(a_program(home, only_low), a_grant(treated_as=public))


def test_broken_glass_stands_in_for_a_permit_and_the_clearance() -> None:
    program = a_program(ANYWHERE | {"zones": ["home"]})
    assert opens(program, broken_glass())


@BOTH
def test_adv_11_a_grant_for_one_label_does_not_serve_another(make) -> None:
    program = a_program()
    assert opens(program, make())
    for stricter in ("restricted+secret", "restricted@EU", "internal+pii"):
        assert not opens(program, make(), stricter), stricter
    assert opens(program, make(label=program.vocabulary.parse("restricted+pii")), "restricted+pii")
    assert not opens(program, make(label=INTERNAL))


@BOTH
@pytest.mark.parametrize("hours", [-1.01, 1, 30])
def test_adv_11_a_grant_counts_for_its_time(make, hours: float) -> None:
    assert not opens(a_program(), make(), hours=hours)


@BOTH
def test_adv_11_a_grant_is_for_the_repository_team_and_key_that_were_signed(make) -> None:
    program = a_program()
    for scope, fits, other in (
        ({"team": "payments"}, {"team": "payments"}, {"team": "web"}),
        ({"key": "ci"}, {"key": "ci"}, {"key": "web"}),
        ({"key": "ci"}, {"key": "ci"}, {}),
        ({"repo": "payments"}, {"repos": frozenset({"payments"})}, {"repos": frozenset()}),
        (
            {"repo": "payments"},
            {"repos": frozenset({"payments"}), "claimed_repos": frozenset({"payments"})},
            {"repos": frozenset({"payments"}), "claimed_repos": frozenset({"website"})},
        ),
        (
            {"repo": "payments"},
            {"repos": frozenset({"payments"})},
            {"claimed_repos": frozenset({"payments"})},
        ),
    ):
        assert opens(program, make(**scope), **fits), scope
        assert not opens(program, make(**scope), **other), scope


@BOTH
def test_a_grant_crosses_no_invariant(make) -> None:
    for promise in (
        {"id": "home", "labels": {"level_min": "restricted"}, "only_zones": ["home"]},
        {"id": "away", "labels": {"level_is": "restricted"}, "never_zones": ["cloud"]},
        {"id": "eu", "labels": {"level_min": "restricted"}, "only_operators_in": "EU"},
    ):
        program = a_program(invariants__invariants=[promise])
        assert not opens(program, make()), promise
    other = {"id": "pii", "labels": {"caveat": "pii"}, "only_zones": ["home"]}
    assert opens(a_program(invariants__invariants=[other]), make())


@BOTH
def test_a_label_without_a_lawful_place_is_granted_nothing(make) -> None:
    program = a_program()
    nowhere = Label(RESTRICTED.level, frozenset(), frozenset())
    grant = make(label=nowhere)
    facts = some_facts(program)
    found = decide(program, type(facts)(nowhere, "team", "messages", "m"), NOW, (grant,))
    assert (found.boundary, found.reason) == (frozenset(), "no_lawful_place")


@BOTH
def test_what_a_rule_denies_no_grant_opens(make) -> None:
    deny = {"id": "no", "effect": "deny", "when": {"team": "team"}, "zones": ["cloud"]}
    program = a_program(ANYWHERE, deny)
    assert not opens(program, make())
    assert opens(program, make(), team="others")


def test_a_rule_that_denies_the_label_is_asked_about_the_lower_one_by_a_waiver_alone() -> None:
    deny = {"id": "no", "effect": "deny", "when": {"level_min": "restricted"}, "zones": ["cloud"]}
    program = a_program(ANYWHERE, deny)
    assert opens(program, a_grant())
    assert not opens(program, broken_glass())


@BOTH
def test_where_a_rule_has_no_answer_nothing_is_granted(make) -> None:
    from msgspec.structs import replace

    from tests.doubles.policies import broken_clause

    program = a_program()
    broken = replace(program, clauses=(*program.clauses, broken_clause("bad", permits=False)))
    found = decided(broken, make())
    assert (found.boundary, found.reason) == (frozenset(), "rule_error")


@BOTH
def test_an_unknown_zone_is_opened_by_nobody(make) -> None:
    assert decided(a_program(), make(zone="nowhere")).boundary == {"home"}


@BOTH
def test_what_the_label_is_obliged_to_it_stays_obliged_to(make) -> None:
    duty = {
        "id": "look",
        "effect": "oblige",
        "when": {"level_min": "restricted"},
        "obligations": ["require_review"],
    }
    found = decided(a_program(ANYWHERE, duty), make())
    assert found.obligations == ("require_review",)
    assert "look" in found.because
    redact = duty | {"obligations": ["redact"]}
    assert decided(a_program(ANYWHERE, redact), make()).boundary == frozenset()


def test_a_waiver_to_a_label_that_must_be_redacted_opens_nothing() -> None:
    redact = {
        "id": "hide",
        "effect": "oblige",
        "when": {"level_max": "internal"},
        "obligations": ["redact"],
    }
    waiver = a_grant(treated_as=INTERNAL)
    assert opens(a_program(), waiver)
    assert not opens(a_program(ANYWHERE, redact), waiver)


def test_what_was_redacted_for_the_label_is_not_what_the_lower_one_obliges_to() -> None:
    """A body that was redacted for one rule was not for another, which speaks of less."""

    def hide(name: str, **when: str) -> dict[str, Any]:
        return {"id": name, "effect": "oblige", "when": when, "obligations": ["redact"]}

    high, low = hide("high", level_min="restricted"), hide("low", level_max="internal")
    for rules, is_open in (
        ((high,), True),
        ((high, low), False),
        ((hide("all", team="apps"),), True),
    ):
        program = a_program(ANYWHERE, *rules)
        facts = some_facts(program, "restricted", team="apps")
        after = decide(program, facts, NOW, (a_grant(),), redacted=True)
        assert ("cloud" in after.boundary) is is_open


def test_a_waiver_raises_nothing_and_a_higher_claim_opens_nothing() -> None:
    program = a_program()
    odd = a_grant(treated_as=program.vocabulary.parse("internal+pii"))
    assert odd.treats(RESTRICTED) == INTERNAL
    assert odd.treats(program.vocabulary.parse("public")) == program.vocabulary.parse("public")
    european = program.vocabulary.parse("internal@EU")
    assert a_grant(treated_as=european).treats(RESTRICTED).residency is None
    assert (
        a_grant(treated_as=INTERNAL).treats(program.vocabulary.parse("restricted@EU")) == INTERNAL
    )


def test_what_is_open_anyway_takes_no_grant() -> None:
    program = a_program()
    found = decided(program, a_grant(), "public")
    assert (found.reason, found.because) == ("permitted", ("anywhere",))
