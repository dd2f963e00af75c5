"""Rules that oblige: joined over all that match, and never a way to more."""

import pytest
from msgspec import structs

from gateway.domain.decision import Effect
from gateway.domain.document import Document
from gateway.domain.obligation import cost_max, is_provider_field, is_provider_tool, passing
from gateway.policy.cases import read_cases
from gateway.policy.compile import Known, compile_bundle
from gateway.policy.evaluate import decide, shadowed, still_obliged, unredacted, why_not
from gateway.policy.prove import prove
from tests.doubles.policies import (
    ANYWHERE,
    HOME,
    NOW,
    a_program,
    broken_clause,
    compiled,
    documents,
    problems,
    some_facts,
    values,
)

KEEP = {
    "id": "keep-nothing",
    "effect": "oblige",
    "when": {"any": True},
    "obligations": ["no_store", "notify"],
}
CHEAP = {"id": "cheap", "effect": "oblige", "when": {"any": True}, "cost_max_microusd": 500}
GUESTS = {
    "id": "guests",
    "effect": "oblige",
    "when": {"team": "guests"},
    "obligations": ["require_review", "notify"],
    "cost_max_microusd": 90,
}


def said(rule: dict[str, object]) -> list[str]:
    return [line.partition(":1: ")[2] for line in problems(policy__rules=[ANYWHERE, rule])]


def test_obligations_of_all_rules_that_match_are_joined_and_the_lowest_cost_wins() -> None:
    program = a_program(ANYWHERE, GUESTS, KEEP, CHEAP)
    found = decide(program, some_facts(program, team="guests"), NOW)
    assert found.obligations == ("cost_max_microusd:90", "no_store", "notify", "require_review")
    assert found.because == ("anywhere", "cheap", "guests", "keep-nothing")
    assert found.boundary == {"home", "cloud"}
    other = decide(program, some_facts(program), NOW)
    assert other.obligations == ("cost_max_microusd:500", "no_store", "notify")


def test_an_obligation_permits_nothing_and_a_denial_carries_none() -> None:
    program = structs.replace(a_program(ANYWHERE, KEEP), clauses=())
    found = decide(program, some_facts(program), NOW)
    assert (found.effect, found.reason) == (Effect.DENY, "no_rule_matched")
    assert found.obligations == ()


def test_the_order_of_rules_has_no_meaning() -> None:
    rules = (ANYWHERE, GUESTS, KEEP, CHEAP)
    first, second = a_program(*rules), a_program(*reversed(rules))
    facts = some_facts(first, team="guests")
    assert decide(first, facts, NOW) == decide(second, facts, NOW)


HIDING = KEEP | {"id": "hide", "obligations": ["redact"]}


def test_nothing_is_permitted_before_what_should_be_redacted_is() -> None:
    program = a_program(ANYWHERE, HIDING, CHEAP)
    facts = some_facts(program)
    found = decide(program, facts, NOW)
    assert (found.effect, found.boundary) == (Effect.DENY, frozenset())
    assert (found.reason, found.because) == ("redact_first", ("hide",))
    assert found.obligations == ("cost_max_microusd:500", "redact")
    after = decide(program, facts, NOW, redacted=True)
    assert (after.effect, after.reason) == (Effect.PERMIT, "permitted")
    assert after.boundary == decide(a_program(ANYWHERE), facts, NOW).boundary
    assert after.obligations == found.obligations
    why = unredacted(found, "it is in a name")
    assert (why.effect, why.boundary, why.reason) == (Effect.DENY, frozenset(), "cannot_redact")
    assert why.message == f"{found.message}, and that cannot be done: it is in a name"


def test_what_no_rule_permits_may_still_be_redacted_first() -> None:
    program = a_program(HIDING)
    facts = some_facts(program)
    assert decide(program, facts, NOW).reason == "redact_first"
    assert decide(program, facts, NOW, redacted=True).reason == "no_rule_matched"


def test_no_redaction_mends_what_has_no_lawful_place_or_cannot_be_evaluated() -> None:
    program = a_program(ANYWHERE, HIDING)
    facts = some_facts(program)
    nowhere = structs.replace(facts.label, residency=frozenset())
    found = decide(program, structs.replace(facts, label=nowhere), NOW)
    assert found.reason == "no_lawful_place"
    torn = structs.replace(program, clauses=(*program.clauses, broken_clause("torn")))
    assert decide(torn, facts, NOW).reason == "rule_error"


def test_an_obligation_that_cannot_be_evaluated_denies_everything() -> None:
    sound = a_program()
    torn = structs.replace(broken_clause("torn"), permits=False, obliges=frozenset({"notify"}))
    program = structs.replace(sound, duties=(torn,))
    facts = some_facts(program)
    assert decide(program, facts, NOW).reason == "rule_error"
    assert why_not(program, facts, "home", NOW) == "rule_error"


def test_an_obligation_in_the_shadow_is_told_and_obliges_nobody() -> None:
    program = a_program(ANYWHERE, KEEP | {"mode": "shadow"})
    facts = some_facts(program)
    assert decide(program, facts, NOW).obligations == ()
    found = shadowed(program, facts, NOW)
    assert found is not None
    assert found.rules == ("keep-nothing",)
    assert found.decision.obligations == ("no_store", "notify")


def test_a_proof_does_not_lean_on_an_obligation() -> None:
    wide = {"level": "restricted", "operator_jurisdiction": "US"}
    promise = {"id": "high", "labels": {"level_min": "restricted"}, "never_zones": ["home"]}
    redact = KEEP | {"obligations": ["redact"]}
    found = compiled(
        policy__rules=[ANYWHERE, redact],
        zones__zones={"home": HOME, "cloud": HOME | wide | {"premises": True}},
        invariants__invariants=[promise],
    ).require()
    assert len(prove(found.program, found.invariants, NOW.date())) == 1


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"obligations": []}, ": the rule obliges to nothing (obligations: [...])"),
        ({"zones": ["home"]}, ": an obligation is of the request, and names no zone"),
        (
            {"when": {"any": True, "zone": "home"}},
            ": an obligation is of the request, and names no zone",
        ),
        ({"effect": "deny", "zones": ["home"]}, ": a rule with obligations has `effect: oblige`"),
        ({"cost_max_microusd": -1}, "/cost_max_microusd: expected int >= 0"),
        ({"id": "cost"}, "/id: the id has a meaning of its own (and use no _)"),
    ],
)
def test_an_obligation_is_said_where_it_can_be_kept(change: dict[str, object], what: str) -> None:
    assert said(KEEP | change) == ["/rules/1" + what]


def test_an_unknown_obligation_is_a_problem() -> None:
    (line,) = said(KEEP | {"obligations": ["no_store", "be_nice"]})
    assert line.startswith("/rules/1/obligations/1: ")
    assert "be_nice" in line


def test_a_client_and_a_number_of_findings_may_oblige() -> None:
    rule = KEEP | {"when": {"client": "codex", "detector_count_min": 2}}
    program = a_program(ANYWHERE, rule)
    facts = some_facts(program, client="codex", finding_counts={"email": 2})
    assert decide(program, facts, NOW).obligations == ("no_store", "notify")


def test_what_a_provider_runs_passes_no_more_and_all_else_as_before() -> None:
    passes = {"cloud": frozenset({"tools.web_search", "mcp_servers", "metadata", "remote_url"})}
    assert passing(passes, ("no_store",)) == passes
    assert passing(passes, ("strip_provider_tools",)) == {
        "cloud": frozenset({"metadata", "remote_url"})
    }
    assert is_provider_tool("container")
    assert not is_provider_tool("file_id")
    assert is_provider_field("web_search_options")
    assert not is_provider_field("tools.web_search")


def test_of_several_lists_of_names_only_what_stands_in_all_passes() -> None:
    first = KEEP | {"id": "few", "passes_only": ["metadata", "user"]}
    second = KEEP | {"id": "fewer", "passes_only": ["remote_url", "user"]}
    program = a_program(ANYWHERE, first, second)
    words = decide(program, some_facts(program), NOW).obligations
    assert {"passes_only:metadata,user", "passes_only:remote_url,user"} < set(words)
    passes = {"cloud": frozenset({"metadata", "user", "remote_url"}), "home": frozenset[str]()}
    assert passing(passes, words) == {"cloud": frozenset({"user"}), "home": frozenset()}
    assert passing(passes, ("passes_only:",))["cloud"] == frozenset()


def test_a_name_that_never_passes_is_a_problem() -> None:
    known = Known(passable=frozenset({"metadata"}))
    rule = KEEP | {"obligations": ["notify"], "passes_only": ["metdata"]}
    read = documents(values(policy__rules=[ANYWHERE, rule]))
    found = compile_bundle(read, "sha256:test", known).problems
    assert any("unknown name `metdata`" in str(one) for one in found)


def test_what_was_owed_before_a_redaction_is_owed_after_it() -> None:
    program = a_program(ANYWHERE, KEEP)
    found = decide(program, some_facts(program), NOW)
    again = still_obliged(found, ("cost_max_microusd:7", "require_review"))
    assert again.obligations == ("cost_max_microusd:7", "no_store", "notify", "require_review")
    assert still_obliged(found, ()) == found
    denied = structs.replace(found, effect=Effect.DENY)
    assert still_obliged(denied, ("require_review",)) == denied


def test_a_rule_asks_for_the_kinds_that_it_names_or_for_all() -> None:
    named = HIDING | {"when": {"detector": ["email"]}}
    counted = HIDING | {"id": "many", "when": {"detector_count_min": 2}}
    program = a_program(ANYWHERE, named, counted)
    assert program.hides(("hide",), "email")
    assert not program.hides(("hide",), "iban")
    assert program.hides(("many",), "iban")
    assert not program.hides((), "iban")


def test_the_limit_of_cost_is_read_from_the_words() -> None:
    assert cost_max(("cost_max_microusd:7", "cost_max_microusd:3", "notify")) == 3
    assert cost_max(("notify",)) is None


def test_a_case_may_want_obligations_and_name_the_rules_that_oblige() -> None:
    want = {
        "effect": "permit",
        "label": "internal",
        "boundary": ["home", "cloud"],
        "because": ["anywhere", "keep-nothing"],
        "record": {"obligations": ["no_store", "notify"]},
    }
    document = Document("cases/a.yaml", [{"name": "kept", "given": {}, "want": want}])
    (case,), problems_found = read_cases(document, compiled(policy__rules=[ANYWHERE, KEEP]))
    assert problems_found == ()
    assert case.want.record.obligations == ["no_store", "notify"]
