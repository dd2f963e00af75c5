"""The matrix and the proof of invariants."""

from datetime import date, timedelta

import pytest

from gateway.domain.errors import ConfigError
from gateway.policy.compile import Compiled
from gateway.policy.prove import PROOF_MAX, matrix, matrix_text, prove, proven
from tests.doubles.policies import ANYWHERE, CLOUD, HOME, NOW, a_program, compiled

TODAY = NOW.date()
HIGH = {"id": "high", "labels": {"level_min": "restricted"}, "only_zones": ["home"]}
WIDE = CLOUD | {"level": "restricted", "caveats": ["secret"]}


def bundle(*invariants: dict[str, object], **changes: object) -> Compiled:
    return compiled(invariants__invariants=list(invariants), **changes)


def broken(*invariants: dict[str, object], **changes: object) -> list[str]:
    found = proven(bundle(*invariants, **changes).require(), TODAY)
    return [problem.what for problem in found.problems]


def test_an_invariant_that_holds_is_no_problem() -> None:
    found = bundle(HIGH).require()
    assert proven(found, TODAY) is found
    assert prove(found.program, found.invariants, TODAY) == ()


def test_an_invariant_that_does_not_hold_stops_the_load_and_names_label_zone_and_rule() -> None:
    found = proven(bundle(HIGH, zones__zones={"home": HOME, "cloud": WIDE}), TODAY)
    (problem,) = found.problems
    assert (problem.file, problem.path) == ("invariants.yaml", "/invariants/0")
    assert problem.what == ('invariant "high" does not hold: label restricted may reach zone cloud')
    assert problem.hint == "permitted by anywhere"
    assert found.zones == {}
    with pytest.raises(ConfigError):
        found.require()


def test_problems_of_the_compiler_come_before_any_proof() -> None:
    found = compiled(policy__default="public")
    assert proven(found, TODAY).problems == found.problems


def test_a_rule_that_denies_without_condition_keeps_a_promise() -> None:
    deny = {"id": "no", "effect": "deny", "when": {"level_min": "restricted"}, "zones": "cloud"}
    zones = {"home": HOME, "cloud": WIDE}
    assert broken(HIGH, zones__zones=zones, policy__rules=[ANYWHERE, deny]) == []


def test_a_condition_on_anything_but_the_label_counts_as_met_by_somebody() -> None:
    zones = {"home": HOME, "cloud": WIDE}
    deny = {"id": "no", "effect": "deny", "when": {"team": "a"}, "zones": "cloud"}
    assert len(broken(HIGH, zones__zones=zones, policy__rules=[ANYWHERE, deny])) == 1
    permit = ANYWHERE | {"when": {"team": "a", "level_min": "restricted"}}
    assert len(broken(HIGH, zones__zones=zones, policy__rules=[permit])) == 1


@pytest.mark.parametrize(
    ("promise", "zones"),
    [
        ({"only_zones": ["home"]}, {"cloud"}),
        ({"only_zones": "cloud"}, {"home"}),
        ({"never_zones": ["home", "cloud"]}, {"home", "cloud"}),
        ({"only_operators_in": "EU"}, {"cloud"}),
        ({"only_operators_in": ["US", "DE"]}, set()),
        ({"only_operators_in": "world"}, set()),
    ],
)
@pytest.mark.parametrize(
    "labels", [{"caveat": "secret"}, {"level_is": ["restricted"]}, {"level_min": "internal"}]
)
def test_each_kind_of_promise_is_about_zones_or_operators(
    promise: dict[str, object], zones: set[str], labels: dict[str, object]
) -> None:
    entry = {"id": "promise", "labels": labels, **promise}
    found = broken(entry, zones__zones={"home": HOME, "cloud": WIDE})
    assert {what.rpartition(" ")[2] for what in found} == zones


def test_a_promise_speaks_of_the_labels_that_meet_all_it_says() -> None:
    entry = {
        "id": "p",
        "labels": {"level_is": "restricted", "caveat": "pii"},
        "never_zones": "cloud",
    }
    assert broken(entry, zones__zones={"home": HOME, "cloud": WIDE}) == []
    both = entry | {"labels": {"level_is": "restricted", "caveat": ["pii", "secret"]}}
    assert broken(both, zones__zones={"home": HOME, "cloud": WIDE}) == [
        'invariant "p" does not hold: label restricted+secret may reach zone cloud'
    ]


def test_labels_of_several_caveats_are_part_of_the_proof() -> None:
    permit = ANYWHERE | {"when": {"caveat": "pii"}}
    both = WIDE | {"caveats": ["pii", "secret"]}
    entry = {"id": "p", "labels": {"caveat": "secret"}, "never_zones": "cloud"}
    zones = {"home": HOME, "cloud": both}
    assert broken(entry, zones__zones=zones, policy__rules=[permit]) == [
        'invariant "p" does not hold: label public+pii+secret may reach zone cloud'
    ]


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"labels": {}}, "/labels: no label is named (level_min, level_is or caveat)"),
        ({"labels": {"level_min": "top"}}, "/labels/level_min: unknown level `top`"),
        ({"labels": {"level_is": []}}, "/labels/level_is: an empty list matches nothing"),
        ({"labels": {"caveat": "x"}}, "/labels/caveat: unknown caveat `x`"),
        ({"labels": None}, "/labels: expected a map, got null"),
        ({"never_zones": ["cloud"]}, ": an invariant makes one promise"),
        ({"only_zones": ["clowd"]}, "/only_zones/0: unknown zone `clowd`"),
        ({"only_zones": []}, "/only_zones: an empty list matches nothing"),
        ({"id": "A B"}, "/id: not a name for a invariant"),
        ({"promises": 1}, "/promises: unknown key `promises`"),
    ],
)
def test_an_invariant_says_which_labels_and_one_promise(
    entry: dict[str, object], what: str
) -> None:
    found = bundle(HIGH | entry).problems
    assert str(found[0]).partition(":1: /invariants/0")[2].startswith(what)


def test_an_invariant_without_a_promise_is_a_problem() -> None:
    (problem,) = bundle({"id": "a", "labels": {"caveat": "pii"}}).problems
    assert problem.what == "an invariant makes one promise"
    assert problem.hint.startswith("one of ('only_zones', ")
    (problem,) = bundle(
        {"id": "a", "labels": {"caveat": "pii"}, "only_operators_in": "onprem"}
    ).problems
    assert problem.what == "unknown region"


def test_two_invariants_with_one_id_and_too_many_of_them_are_problems() -> None:
    assert [problem.path for problem in bundle(HIGH, HIGH).problems] == ["/invariants/1/id"]
    assert [problem.what for problem in bundle(*[HIGH] * 1001).problems] == [
        "more than 1000 invariants"
    ]


def test_more_combinations_than_can_be_proven_are_a_problem() -> None:
    caveats = ["pii", "secret", *(f"c{number}" for number in range(20))]
    found = compiled(policy__caveats=caveats).require()
    (problem,) = prove(found.program, found.invariants, TODAY)
    assert (problem.file, problem.line, problem.path) == ("policy.yaml", 1, "")
    many, words = problem.what.split(" ", 1)
    assert int(many) > PROOF_MAX
    assert words == f"combinations of labels and rules are more than can be proven ({PROOF_MAX})"
    assert matrix(found.program, TODAY).strictest == {}


def test_the_matrix_says_yes_or_why_not() -> None:
    rules = [
        ANYWHERE | {"id": "low", "when": {"level_max": "internal"}},
        ANYWHERE | {"id": "guests", "when": {"level_min": "restricted", "team": "a"}},
        {"id": "no-pii", "effect": "deny", "when": {"caveat": "pii"}, "zones": "home"},
        {"id": "no-guest", "effect": "deny", "when": {"team": "b"}, "zones": "cloud"},
    ]
    found = matrix(a_program(*rules), TODAY)
    answers = {
        row.label: {cell.zone: (cell.reachable, cell.reason) for cell in row.cells}
        for row in found.rows
    }
    assert answers["public"] == {"cloud": (True, "conditional"), "home": (True, "permitted")}
    assert answers["public+pii"] == {"cloud": (False, "clearance"), "home": (False, "no-pii")}
    assert answers["restricted"]["home"] == (True, "conditional")
    assert answers["public@EU"] == {"cloud": (False, "clearance"), "home": (True, "permitted")}
    assert answers["public@NORDIC"]["home"] == (False, "clearance")
    only = matrix(a_program(rules[0] | {"zones": ["home"]}), TODAY)
    assert {cell.zone: cell.reason for cell in only.rows[0].cells} == {
        "cloud": "not_permitted", "home": "permitted",
    }  # fmt: skip
    assert found.strictest == {"cloud": ("internal",), "home": ("restricted+secret@EU",)}


def test_one_permit_without_a_condition_is_enough_for_a_yes() -> None:
    team = ANYWHERE | {"id": "team", "when": {"team": "a"}}
    deny = {"id": "not-b", "effect": "deny", "when": {"team": "b"}, "zones": "home"}
    for rules, reason in (
        ([team, ANYWHERE], "permitted"),
        ([team], "conditional"),
        ([ANYWHERE, deny], "conditional"),
    ):
        row = matrix(a_program(*rules), TODAY).rows[0]
        assert {cell.zone: cell.reason for cell in row.cells}["home"] == reason


def test_the_matrix_shows_evidence_that_ran_out() -> None:
    evidence = {"source": "a page", "read_on": "2026-11-01", "expires_on": str(TODAY)}
    inside = CLOUD | {"processing_regions": "DE", "storage_regions": "DE", "evidence": evidence}
    program = a_program(ANYWHERE, zones__zones={"home": HOME, "cloud": inside})

    def reachable(today: date) -> bool:
        rows = {row.label: row for row in matrix(program, today).rows}
        return rows["public@EU"].cells[0].reachable

    assert reachable(TODAY)
    assert not reachable(TODAY + timedelta(days=1))


def test_a_matrix_of_many_region_sets_leaves_their_rows_out() -> None:
    sets = {f"S{number}": ["DE"] for number in range(256)}
    caveats = ["pii", "secret", "c1", "c2", "c3", "c4"]
    found = compiled(policy__region_sets=sets, policy__caveats=caveats).require()
    assert len(matrix(found.program, TODAY).rows) == 3 * 7


def test_the_matrix_reads_as_a_table() -> None:
    rules = [
        ANYWHERE | {"when": {"level_max": "internal"}},
        ANYWHERE | {"id": "guests", "when": {"team": "a", "level_is": "restricted"}},
        {"id": "no-pii", "effect": "deny", "zones": "home"}
        | {"when": {"level_is": "restricted", "caveat": "pii"}},
    ]
    program = a_program(*rules, policy__caveats=["pii", "secret"], policy__region_sets={})
    assert matrix_text(matrix(program, TODAY)) == (
        "label              cloud          home\n"
        "public             yes            yes\n"
        "public+pii         no: clearance  yes\n"
        "public+secret      no: clearance  yes\n"
        "internal           yes            yes\n"
        "internal+pii       no: clearance  yes\n"
        "internal+secret    no: clearance  yes\n"
        "restricted         no: clearance  if\n"
        "restricted+pii     no: clearance  no: no-pii\n"
        "restricted+secret  no: clearance  if\n"
        "\n"
        "strictest in cloud: internal\n"
        "strictest in home: internal+pii+secret, restricted+secret\n"
    )


def test_a_zone_that_no_rule_opens_may_hold_nothing() -> None:
    program = a_program(ANYWHERE | {"zones": ["home"]})
    assert "strictest in cloud: nothing\n" in matrix_text(matrix(program, TODAY))
