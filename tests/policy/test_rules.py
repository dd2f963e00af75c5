"""What a rule may say, and what it must."""

import pytest

from gateway.domain.decision import Facts
from gateway.policy.language import RULES_MAX
from tests.doubles.policies import a_program, problems, some_facts

PERMIT = {"id": "one", "effect": "permit", "when": {"any": True}, "zones": ["home"]}
NOTHING = "permits nothing (it is for a deny or oblige)"
DENY = {"id": "one", "effect": "deny", "when": {"any": True}, "zones": ["home"]}


def said(*rules: object) -> list[str]:
    return [line.partition(":1: ")[2] for line in problems(policy__rules=list(rules))]


def when(**conditions: object) -> dict[str, object]:
    return PERMIT | {"when": conditions}


def matches(conditions: dict[str, object], label: str = "internal", **facts: object) -> bool:
    program = a_program(PERMIT | {"when": conditions, "zones": ["home", "cloud"]})
    return program.clauses[0].matches(some_facts(program, label, **facts))


def denies(conditions: dict[str, object], label: str = "internal", **facts: object) -> bool:
    program = a_program(DENY | {"when": conditions})
    return program.clauses[0].matches(some_facts(program, label, **facts))


@pytest.mark.parametrize(
    ("conditions", "yes", "no"),
    [
        ({"level_min": "internal"}, ["internal", "restricted+pii"], ["public"]),
        ({"level_max": "internal"}, ["public", "internal@EU"], ["restricted"]),
        ({"level_is": "internal"}, ["internal+pii"], ["public", "restricted"]),
        ({"level_is": ["public", "restricted"]}, ["public", "restricted"], ["internal"]),
        ({"level_min": "internal", "level_max": "internal"}, ["internal"], ["public"]),
        ({"caveat": "pii"}, ["public+pii", "public+pii+secret"], ["public", "public+secret"]),
        ({"caveat": ["pii", "secret"]}, ["public+pii", "public+secret"], ["public"]),
        ({"residency": "EU"}, ["public@EU"], ["public", "public@NORDIC"]),
        ({"residency": ["EU", "NORDIC"]}, ["public@EU", "public@NORDIC"], ["public"]),
        ({"level_min": "internal", "caveat": "pii"}, ["internal+pii"], ["internal", "public+pii"]),
        ({"any": True}, ["public", "restricted"], []),
    ],
)
def test_a_condition_on_the_label_holds_for_exactly_these(
    conditions: dict[str, object], yes: list[str], no: list[str]
) -> None:
    assert [label for label in (*yes, *no) if matches(conditions, label)] == yes


@pytest.mark.parametrize("name", ["team", "task", "model", "surface"])
def test_a_condition_on_a_fact_is_one_of_these(name: str) -> None:
    assert matches({name: "a"}, **{name: "a"})
    assert matches({name: ["a", "b"]}, **{name: "b"})
    assert not matches({name: ["a", "b"]}, **{name: "ab"})
    assert not matches({name: "a"})


def test_a_condition_on_a_detector_asks_for_a_finding() -> None:
    assert matches({"detector": ["x", "y"]}, findings=frozenset({"y", "z"}))
    assert not matches({"detector": "x"})


def test_a_permit_on_a_repository_wants_every_one_of_the_request() -> None:
    both = frozenset({"website", "payments"})
    one = frozenset({"website"})
    assert matches({"repo": "website"}, repos=one)
    assert matches({"repo": ["website", "payments"]}, repos=both)
    assert not matches({"repo": "website"}, repos=both)
    assert not matches({"repo": "website"})


def test_a_claimed_repository_takes_a_permit_away_and_never_gives_one() -> None:
    one, other = frozenset({"website"}), frozenset({"payments"})
    assert not matches({"repo": "website"}, claimed_repos=one)
    assert not matches({"repo": "website"}, repos=one, claimed_repos=other)


def test_a_deny_on_a_repository_wants_one_that_is_bound_or_claimed() -> None:
    one, other = frozenset({"website"}), frozenset({"payments"})
    assert denies({"repo": "payments"}, repos=one | other)
    assert denies({"repo": "payments"}, repos=one, claimed_repos=other)
    assert not denies({"repo": "payments"}, repos=one)


def test_a_condition_on_the_key_names_its_id() -> None:
    assert matches({"key": ["laptop", "ci"]}, key="ci")
    assert not matches({"key": "ci"}, key="laptop")
    assert not matches({"key": "ci"})


def test_a_deny_on_the_client_asks_what_it_calls_itself() -> None:
    assert denies({"client": ["codex", "aider"]}, client="aider")
    assert not denies({"client": "codex"}, client="claude-cli")
    assert not denies({"client": "codex"})


def test_a_deny_on_the_number_of_findings_counts_the_different_ones() -> None:
    counts = {"email": 2, "phone": 1}
    assert denies({"detector_count_min": 3}, finding_counts=counts)
    assert not denies({"detector_count_min": 4}, finding_counts=counts)
    assert not denies({"detector_count_min": 1})


def test_a_number_of_findings_beside_kinds_counts_those_kinds() -> None:
    counts = {"email": 2, "phone": 5}
    both = frozenset(counts)
    asked = {"detector": "email", "detector_count_min": 2}
    assert denies(asked, findings=both, finding_counts=counts)
    assert not denies(asked | {"detector_count_min": 3}, findings=both, finding_counts=counts)


def test_a_program_says_what_its_rules_want_to_know() -> None:
    deny = DENY | {"id": "two", "when": {"key": "ci", "client": ["codex"], "detector_count_min": 2}}
    asks = a_program(PERMIT, deny | {"mode": "shadow"}).asks
    assert (asks.keys, asks.clients, asks.counts) == ({"ci"}, {"codex"}, True)
    none = a_program(PERMIT).asks
    assert (none.keys, none.clients, none.counts) == (set(), set(), False)


@pytest.mark.parametrize(
    ("conditions", "what"),
    [
        ({"client": "codex"}, f"/client: {NOTHING}"),
        (
            {"detector_count_min": 2},
            f"/detector_count_min: {NOTHING}",
        ),
        ({"client": []}, "/client: an empty list matches nothing (leave the key out)"),
        ({"detector_count_min": 0}, "/detector_count_min: expected int >= 1"),
    ],
)
def test_a_claim_and_a_number_of_findings_permit_nothing(
    conditions: dict[str, object], what: str
) -> None:
    assert said(when(**conditions))[0] == "/rules/0/when" + what


@pytest.mark.parametrize("name", ["Codex", "codex/1.0", "codex cli", ""])
def test_a_client_is_the_plain_name_of_a_product(name: str) -> None:
    assert said(DENY | {"when": {"client": name}}) == [
        "/rules/0/when/client: not the name of a product"
        " (lower case, without version, such as codex)"
    ]


@pytest.mark.parametrize(
    ("conditions", "what"),
    [
        ({}, ": no condition (write any: true for every request)"),
        ({"any": False}, "/any: write any: true, or leave it out"),
        ({"any": True, "team": "a"}, "/any: any: true stands alone (or leave out team)"),
        ({"level": "restricted"}, "/level: unknown key `level` (did you mean `level_is`?)"),
        ({"level_min": ["public"]}, "/level_min: expected str, got list"),
        ({"level_min": None}, "/level_min: expected str, got null (leave the key out)"),
        ({"level_is": []}, "/level_is: an empty list matches nothing (leave the key out)"),
        ({"repo": []}, "/repo: an empty list matches nothing (leave the key out)"),
        ({"caveat": ["pii", 3]}, "/caveat/1: expected str, got int"),
        (
            {"level_is": "secret"},
            "/level_is: unknown level `secret` (known: internal, public, restricted)",
        ),
        ({"caveat": "pi"}, "/caveat: unknown caveat `pi` (did you mean `pii`?)"),
        ({"residency": "DE"}, "/residency: unknown region set `DE` (known: EU, NORDIC)"),
        (
            {"repo": ["website", "ledger"]},
            "/repo/1: unknown repository `ledger` (known: payments, website)",
        ),
        (
            {"level_is": "public", "level_min": "public"},
            ": level_is stands without level_min and level_max",
        ),
        (
            {"level_min": "restricted", "level_max": "internal"},
            ": never holds: level_min is above level_max",
        ),
        ({"any": True, "zone": "home"}, "/zone: a permit names its zones under `zones`"),
    ],
)
def test_adv_64_a_condition_is_explicit_and_known(conditions: dict[str, object], what: str) -> None:
    assert said(when(**conditions))[0] == "/rules/0/when" + what


def test_adv_64_a_rule_without_when_is_a_problem_and_matches_nothing() -> None:
    bare = {key: value for key, value in PERMIT.items() if key != "when"}
    assert said(bare) == ["/rules/0: the key `when` is missing"]
    assert said(PERMIT | {"when": None}) == ["/rules/0/when: expected a map, got null"]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (DENY | {"zones": []}, "/zones: an empty list matches nothing (leave the key out)"),
        (DENY | {"zones": "hom"}, "/zones: unknown zone `hom` (did you mean `home`?)"),
        (PERMIT | {"zones": "any"}, "/zones: unknown zone `any` (known: cloud, home)"),
        (
            DENY | {"when": {"any": True, "zone": "home"}},
            "/when/zone: `zones` stands beside it (name them once)",
        ),
        (
            {"id": "one", "effect": "deny", "when": {"any": True, "zone": "hom"}},
            "/when/zone: unknown zone `hom` (did you mean `home`?)",
        ),
        (
            DENY | {"id": "Not-So"},
            "/id: not a name for a rule (use a-z, 0-9, - and _, at most 64 characters)",
        ),
        (DENY | {"id": "clearance"}, "/id: the id has a meaning of its own (and use no _)"),
        (DENY | {"id": "rule_error"}, "/id: the id has a meaning of its own (and use no _)"),
        (DENY | {"reason": "x" * 513}, "/reason: expected str of length <= 512"),
        ("permit", ": expected a map, got text"),
    ],
)
def test_a_rule_names_zones_that_exist_and_has_a_plain_id(rule: object, what: str) -> None:
    assert said(rule) == ["/rules/0" + what]


def test_a_rule_without_zones_is_a_problem() -> None:
    bare = {key: value for key, value in DENY.items() if key != "zones"}
    assert said(bare) == ["/rules/0: the rule names no zone (zones: [...])"]


def test_a_deny_names_its_zone_in_either_place_and_may_name_them_all() -> None:
    inside = {"id": "one", "effect": "deny", "when": {"caveat": "pii", "zone": "cloud"}}
    assert a_program(inside).clauses[0].zones == {"cloud"}
    assert a_program(DENY | {"zones": "cloud"}).clauses[0].zones == {"cloud"}
    assert a_program(DENY | {"zones": "any"}).clauses[0].zones == {"home", "cloud"}


def test_two_rules_with_one_id_are_a_problem() -> None:
    assert said(PERMIT, DENY | {"id": "two"}, DENY) == ["/rules/2/id: rule 1 has the same id"]


def test_a_permit_that_can_never_open_a_zone_is_a_problem() -> None:
    never = "never permits: none of its zones is cleared for labels that it matches"
    assert said(when(level_min="restricted") | {"zones": ["cloud"]}) == [f"/rules/0: {never}"]
    assert said(when(caveat="pii") | {"zones": ["cloud"]}) == [f"/rules/0: {never}"]
    assert said(when(level_is=["public", "restricted"]) | {"zones": ["cloud"]}) == []
    assert said(when(level_min="restricted") | {"zones": ["cloud", "home"]}) == []
    assert said(DENY | {"when": {"level_min": "restricted"}, "zones": ["cloud"]}) == []


def test_there_are_not_more_rules_than_the_limit() -> None:
    assert said(*[PERMIT] * (RULES_MAX + 1)) == ["/rules: more than 10000 rules"]


def test_rules_are_checked_for_words_even_where_the_levels_are_unusable() -> None:
    found = problems(
        policy__levels=["one"],
        policy__rules=[when(level_min="x", caveat="y", residency="z") | {"zones": ["nowhere"]}],
    )
    assert [line.partition(":1: ")[2].partition(": ")[0] for line in found] == [
        "/levels",
        "/rules/0/zones/0",
    ]


def test_facts_have_a_value_for_everything_a_rule_may_ask() -> None:
    assert {"label", "team", "surface", "model", "task", "repos", "findings"} <= set(
        Facts.__struct_fields__
    )
