"""The shape of the documents: everything wrong is said at once, and then nothing is permitted."""

import pytest

from gateway.config.files import load_text
from gateway.domain.decision import Effect
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError
from gateway.domain.label import Label, Level
from gateway.policy.compile import Known, Program, compile_bundle
from gateway.policy.evaluate import decide
from gateway.policy.language import PASSES_MAX
from tests.doubles.policies import ANYWHERE, NOW, compiled, documents, problems, some_facts, values


def said(**changes: object) -> list[str]:
    return [line.partition(":1: ")[2] for line in problems(**changes)]


def test_a_sound_bundle_compiles() -> None:
    found = compiled().require()
    assert isinstance(found.program, Program)
    assert found.problems == ()
    assert found.program.digest == "sha256:test"
    assert str(found.program.default) == "internal"
    assert str(found.program.raises["secrets"]) == "restricted+secret"
    assert found.program.raises["failed"] == found.vocabulary.top
    assert found.program.on_loss == "record"
    assert compiled(policy__on_loss="refuse").program.on_loss == "refuse"
    assert set(found.zones) == {"home", "cloud"}
    assert str(found.registry.unregistered) == "restricted"
    (repo,) = found.registry.by_address("git.example.com/payments/ledger-1")
    assert repo.id == "payments"


def test_a_zone_takes_in_by_name_what_identifies_or_makes_a_provider_act() -> None:
    known = Known(passable=frozenset({"metadata", "remote_url"}))
    bundle = values()
    bundle["policy"]["passes"] = {"cloud": ["metadata"]}
    program = compile_bundle(documents(bundle), "d", known).require().program
    assert program.passes == {"cloud": {"metadata"}}
    assert program.passable == {"metadata"}
    assert compiled().program.passable == frozenset()


def test_a_name_that_may_not_pass_and_a_zone_that_is_none_are_problems() -> None:
    known = Known(passable=frozenset({"metadata"}))
    bundle = values()
    many = ["metadata"] * (PASSES_MAX + 1)
    bundle["policy"]["passes"] = {"cloud": ["metadat"], "clowd": many}
    found = compile_bundle(documents(bundle), "d", known).problems
    assert [problem.path for problem in found] == [
        "/passes/cloud/0",
        "/passes/clowd",
        "/passes/clowd",
    ]


def test_where_nobody_can_tell_what_may_pass_nothing_is_said_of_it() -> None:
    bundle = values()
    bundle["policy"]["passes"] = {"nowhere": ["anything"]}
    bundle["zones"]["zones"] = 7
    found = compile_bundle(documents(bundle), "d").problems
    assert not [problem for problem in found if problem.path.startswith("/passes")]


def test_a_bundle_with_problems_permits_nothing_and_cannot_be_required() -> None:
    good = compiled().program
    bad = compiled(policy__default="public")
    assert decide(bad.program, some_facts(good), NOW).effect is Effect.DENY
    assert bad.zones == {}
    assert bad.registry.unregistered.level.name == "unusable"
    with pytest.raises(ConfigError) as caught:
        bad.require()
    assert caught.value.problems == bad.problems


def test_every_problem_of_every_document_is_said_at_once() -> None:
    bundle = values()
    bundle["policy"]["rules"] = [
        ANYWHERE | {"effectt": "permit"},
        {"id": "two", "effect": "allow", "when": {"levl_min": "public"}, "zones": 3},
        ANYWHERE | {"zones": ["home", "clowd"]},
    ]
    bundle["zones"]["zones"]["home"] = bundle["zones"]["zones"]["home"] | {"retention_days": "0"}
    bundle["repos"]["repos"]["website"]["url"] = "https://git.example.com/x/y"
    bundle["invariants"]["invariants"] = None
    found = compile_bundle(documents(bundle), "d")
    assert [str(problem).replace(":1:", ":") for problem in found.problems] == [
        "policy.yaml: /rules/0/effectt: unknown key `effectt` (did you mean `effect`?)",
        "policy.yaml: /rules/1/effect: invalid enum value 'allow'",
        "policy.yaml: /rules/1/when/levl_min: unknown key `levl_min` (did you mean `level_min`?)",
        "policy.yaml: /rules/1/zones: expected str | list, got int",
        "policy.yaml: /rules/2/zones/1: unknown zone `clowd` (did you mean `cloud`?)",
        "zones.yaml: /zones/home/retention_days: expected int, got str",
        "repos.yaml: /repos/website/url: unknown key `url` (did you mean `urls`?)",
        "invariants.yaml: /invariants: expected list, got null (leave the key out)",
    ]


def test_a_turn_from_elsewhere_has_the_label_that_the_policy_gives_it() -> None:
    assert compiled().program.unseen_assistant is None
    found = compiled(policy__unseen_assistant="restricted+pii").require().program
    assert str(found.unseen_assistant) == "restricted+pii"
    assert "unseen_assistant" in problems(policy__unseen_assistant="cosmic")[0]


def test_a_problem_has_the_line_of_the_file() -> None:
    text = (
        "version: 1\nlevels: [public, internal]\ndefault: internal\nrules:\n"
        "  - id: a\n    effect: permit\n    when: {level_min: restrictd}\n    zones: [home]\n"
    )
    bundle = documents(values()) | {"policy": load_text(text, "p/policy.yaml")}
    found = [str(problem) for problem in compile_bundle(bundle, "d").problems]
    assert "p/policy.yaml:7: /rules/0/when/level_min: unknown level `restrictd` " in found[0]


def test_adv_69_a_bundle_without_its_documents_is_refused() -> None:
    found = compile_bundle({}, "d")
    assert [str(problem) for problem in found.problems] == [
        f"{name}.yaml:1: missing" for name in ("policy", "zones", "repos", "invariants")
    ]


@pytest.mark.parametrize("value", [None, [], "text", 3])
@pytest.mark.parametrize("name", ["policy", "zones", "repos", "invariants"])
def test_a_document_that_is_no_map_is_one_problem_and_no_cascade(name: str, value: object) -> None:
    found = problems(**{name: value})
    assert len(found) == 1
    assert "expected a map" in found[0]


@pytest.mark.parametrize("key", ["version", "levels", "default", "rules"])
def test_a_missing_key_is_a_problem(key: str) -> None:
    assert said(**{f"policy__{key}": None}) == [f"the key `{key}` is missing"]


@pytest.mark.parametrize("version", [2, 0, "1", True, 1.0])
def test_only_version_one_is_read(version: object) -> None:
    assert len(said(policy__version=version)) == 1


def test_adv_63_a_misspelt_key_is_never_ignored() -> None:
    assert said(policy__levles=["a", "b"]) == [
        "/levles: unknown key `levles` (did you mean `levels`?)"
    ]
    assert said(policy__labelz="public")[0].startswith("/labelz: unknown key `labelz`")
    (only,) = said(policy__zzz=1)
    assert only.startswith("/zzz: unknown key `zzz` (known: caveats, default, ")


def test_adv_63_a_key_that_is_not_text_is_unknown() -> None:
    assert said(policy=values()["policy"] | {True: 1})[0].startswith("/True: unknown key `bool`")
    assert said(zones__zones={1: {}}) == ["/zones: a key that is not text"]


@pytest.mark.parametrize("key", ["levels", "caveats", "region_sets", "rules", "default", "on_loss"])
def test_adv_64_null_is_a_problem_and_no_default(key: str) -> None:
    bundle = values()
    bundle["policy"][key] = None
    found = compile_bundle(documents(bundle), "d").problems
    assert [problem.path for problem in found] == [f"/{key}"]
    assert found[0].hint == "leave the key out"


def test_the_default_is_at_least_of_the_second_level() -> None:
    assert said(policy__default="public+pii") == [
        "/default: what nobody labelled is not of the lowest level (at least internal)"
    ]
    assert said(policy__default="restricted@EU") == []
    assert said(policy__default="secret") == [
        "/default: unknown level; known: public, internal, restricted"
    ]


@pytest.mark.parametrize(
    ("levels", "pointer"),
    [
        ([], "/levels"),
        (["one"], "/levels"),
        (["one", "one"], "/levels/1"),
        (["one", "Two"], "/levels/1"),
        (["one", "two words"], "/levels/1"),
        (["one", "\u0440ublic"], "/levels/1"),
        (["one", 2], "/levels/1"),
        ([f"l{n}" for n in range(33)], "/levels"),
        ("public", "/levels"),
    ],
)
def test_adv_05_levels_are_distinct_plain_names(levels: object, pointer: str) -> None:
    assert [line.partition(": ")[0] for line in said(policy__levels=levels)] == [pointer]


def test_caveats_are_distinct_plain_names() -> None:
    found = said(policy__caveats=["pii", "secret", "pii", "x+y"])
    assert [line.partition(": ")[0] for line in found] == ["/caveats/2", "/caveats/3"]
    assert said(policy__caveats="pii") == ["/caveats: expected list, got str"]
    many = ["pii", "secret", *(f"c{n}" for n in range(63))]
    assert said(policy__caveats=many) == ["/caveats: more than 64 of a caveat"]


def test_a_region_set_that_is_no_list_leaves_the_rest_checked() -> None:
    found = said(policy__region_sets={"EU": "DE"})
    assert found == ["/region_sets/EU: expected list, got str"]


def test_detectors_raise_labels_that_exist() -> None:
    found = said(policy__detectors={"secrets": {"raise": "cosmic"}, "pii": {"raises": "public"}})
    assert found == [
        "/detectors/secrets/raise: unknown level; known: public, internal, restricted",
        "/detectors/pii/raises: unknown key `raises` (did you mean `raise`?)",
        "/detectors/pii: the key `raise` is missing",
    ]
    found_label = compiled(policy__detectors={"failed": {"raise": "internal+pii"}}).program.raises
    assert found_label == {"failed": Label(Level(1, "internal"), frozenset({"pii"}))}


def test_names_from_outside_are_checked_where_they_are_known() -> None:
    none = frozenset[str]()
    known = Known(none, none, none, frozenset({"messages"}), none, frozenset({"pii"}))
    when = {"team": "a", "task": "b", "model": "c", "surface": "messagez", "detector": "d"}
    bundle = documents(values(policy__rules=[ANYWHERE | {"when": when}]))
    found = compile_bundle(bundle, "d", known).problems
    assert [str(problem).partition(":1: ")[2] for problem in found] == [
        "/rules/0/when/team: unknown team `a`",
        "/rules/0/when/task: unknown task `b`",
        "/rules/0/when/model: unknown model `c`",
        "/rules/0/when/surface: unknown surface `messagez` (did you mean `messages`?)",
        "/rules/0/when/detector: unknown detector `d`",
        "/detectors/secrets: unknown detector `secrets` (known: failed, pii)",
    ]
    assert compile_bundle(bundle, "d").problems == ()


def test_a_document_without_lines_is_read_too() -> None:
    bundle = {
        name: Document(name, document.value) for name, document in documents(values()).items()
    }
    assert compile_bundle(bundle, "d").problems == ()


@pytest.mark.parametrize("words", [[], ["tool_arguments"], ["addresses"]])
def test_where_placeholders_are_restored_is_said_word_by_word(words: list[str]) -> None:
    program = compiled(policy__restores=words).require().program
    assert program.restores_tools == ("tool_arguments" in words)
    assert program.restores_addresses == ("addresses" in words)
    assert "restores" in problems(policy__restores=["anywhere"])[0]
