"""The form of cases, and the difference between what is wanted and what came."""

import pytest

from gateway.domain.document import Document
from gateway.policy.cases import Case, Got, Recorded, Want, differences, read_cases
from tests.doubles.policies import compiled

PERMIT = {"effect": "permit", "label": "internal", "boundary": ["home"], "because": ["anywhere"]}
CASE = {"name": "one", "given": {}, "want": PERMIT}


def read(*cases: object) -> tuple[tuple[Case, ...], list[str]]:
    found, problems = read_cases(Document("cases/a.yaml", list(cases)), compiled())
    return found, [str(problem).partition(":1: ")[2] for problem in problems]


def said(**changes: object) -> list[str]:
    return read(CASE | changes)[1]


def test_a_case_is_read_with_its_labels_in_one_form() -> None:
    want = PERMIT | {
        "label": "internal+secret+pii@EU",
        "record": {"label": "internal+secret+pii@EU", "finding_kinds": {"key": 1}},
    }
    given = {"key_repos": ["website"], "findings": ["secrets/key"], "task": "code"}
    (case,), problems = read({"name": "one", "given": given, "want": want})
    assert problems == []
    assert case.want.label == "internal+pii+secret@DE,FR,IE"
    assert case.want.record.label == "internal+pii+secret@DE,FR,IE"
    assert case.given.name == "code"
    assert [(f.detector, f.kind) for f in case.given.found] == [("secrets", "key")]


def test_a_case_may_ask_for_a_model_or_for_nothing() -> None:
    (one, two), _ = read(CASE | {"given": {"model": "m"}}, CASE | {"name": "two"})
    assert one.given.name == "m"
    assert two.given.name is None
    assert two.given.found == ()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"given": {"repos": "x"}}, "/0/given/repos: unknown key `repos` (did you mean `repo`?)"),
        ({"given": {"model": "a", "task": "b"}}, "/0/given/task: `model` stands beside it"),
        ({"given": {"findings": ["key"]}}, "/0/given/findings/0: not a finding (write detector/"),
        ({"given": {"findings": ["/key"]}}, "/0/given/findings/0: not a finding"),
        ({"given": {"seen": ["public", "cosmic"]}}, "/0/given/seen/1: unknown level"),
        ({"want": PERMIT | {"effect": "allow"}}, "/0/want/effect: invalid enum value"),
        ({"want": PERMIT | {"label": "cosmic"}}, "/0/want/label: unknown level"),
        ({"want": PERMIT | {"boundary": ["hom"]}}, "/0/want/boundary/0: unknown zone `hom`"),
        ({"want": PERMIT | {"because": ["any"]}}, "/0/want/because/0: unknown rule `any`"),
        ({"want": PERMIT | {"served_by": "m@b"}}, "/0/want/served_by: nothing is asked for"),
        ({"want": {"effect": "deny", "label": "public"}}, "/0/want: the key `boundary` is missing"),
        ({"want": {"effect": "refused", "label": "public"}}, "/0/want/label: a refused request"),
        ({"want": PERMIT | {"record": {"effectt": 1}}}, "/0/want/record/effectt: unknown key"),
        ({"want": PERMIT | {"record": {"because": ["x"]}}}, "/0/want/record/because/0: unknown"),
        ({"want": None}, "/0/want: expected a map, got null"),
    ],
)
def test_a_case_uses_words_that_exist(changes: dict[str, object], what: str) -> None:
    assert said(**changes)[0].startswith(what)


def test_a_file_of_cases_is_a_list_with_distinct_names() -> None:
    assert read(CASE, CASE)[1] == ["/1/name: the name stands twice"]
    for value in ({"cases": []}, None, [CASE] * 10_001):
        found, problems = read_cases(Document("a", value), compiled())
        assert found == ()
        assert [problem.what for problem in problems] == ["expected a list of at most 10000 cases"]


def test_a_refused_request_wants_no_more_than_a_reason() -> None:
    assert said(want={"effect": "refused", "reason": "malformed"}) == []


def got(**changes: object) -> Got:
    record = Recorded(
        effect="permit",
        reason="permitted",
        label="internal",
        raised_by=[],
        boundary=["home", "cloud"],
        because=["a", "b"],
        candidates=["m@x", "n@y"],
        excluded={"o@z": "clearance"},
        finding_kinds={"key": 2},
    )
    said = {
        "effect": "permit",
        "label": "internal",
        "boundary": frozenset({"cloud", "home"}),
        "because": ("a", "b"),
        "reason": "permitted",
        "record": record,
        "served_by": "m@x",
        "excluded": {"o@z": "clearance"},
    }
    return Got(**(said | changes))  # type: ignore[arg-type]


def want(**changes: object) -> Want:
    said = {"effect": "permit", "label": "internal"}
    said |= {"boundary": ["home", "cloud"], "because": ["b", "a"]}
    return Want(**(said | changes))  # type: ignore[arg-type]


def test_no_difference_is_no_sentence_and_order_means_nothing() -> None:
    full = want(
        reason="permitted",
        served_by="m@x",
        excluded={"o@z": "clearance"},
        record=Recorded(
            raised_by=[],
            candidates=["m@x", "n@y"],
            excluded={"o@z": "clearance"},
            finding_kinds={"key": 2},
        ),
    )
    assert differences(full, got()) == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"effect": "deny"}, "effect: wanted deny, got permit"),
        ({"label": "public"}, "label: wanted public, got internal"),
        ({"boundary": []}, "boundary: wanted none, got cloud, home"),
        ({"because": ["a"]}, "because: wanted a, got a, b"),
        ({"reason": "denied_by_rule"}, "reason: wanted denied_by_rule, got permitted"),
        ({"served_by": "n@y"}, "served_by: wanted n@y, got m@x"),
        ({"excluded": {"p@z": "clearance"}}, "excluded p@z: wanted clearance, got none"),
    ],
)
def test_each_difference_is_a_sentence(changes: dict[str, object], sentence: str) -> None:
    assert differences(want(**changes), got())[0] == sentence


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"effect": "deny"}, "record effect: wanted deny, got permit"),
        ({"candidates": ["n@y", "m@x"]}, "record candidates: wanted n@y, m@x, got m@x, n@y"),
        ({"excluded": {"o@z": "resting"}}, "record excluded o@z: wanted resting, got clearance"),
        ({"finding_kinds": {"pin": 1}}, "record finding_kinds pin: wanted 1, got none"),
    ],
)
def test_the_record_is_held_to_its_words(record: dict[str, object], sentence: str) -> None:
    assert differences(want(record=Recorded(**record)), got()) == (sentence,)  # type: ignore[arg-type]


def test_a_record_must_say_what_the_answer_says() -> None:
    lying = Recorded(effect="deny", label="public", boundary=[], because=[])
    assert differences(want(), got(record=lying)) == (
        "record effect: wanted permit, got deny",
        "record label: wanted internal, got public",
        "record boundary: wanted home, cloud, got none",
        "record because: wanted b, a, got none",
    )
    silent = want(record=Recorded(finding_kinds={"key": 1}))
    found = differences(silent, got(record=Recorded()))
    assert "record finding_kinds key: wanted 1, got none" in found


def test_a_request_that_left_no_record_is_different() -> None:
    assert differences(want(), got(record=None)) == ("record: none was left",)


def test_a_refused_request_is_compared_without_a_label() -> None:
    refused = Want("refused", reason="malformed")
    record = Recorded(effect="refused", reason="malformed")
    said = {"effect": "refused", "label": None, "reason": "malformed", "record": record}
    answer = got(boundary=frozenset(), because=(), **said)
    assert differences(refused, answer) == ()
    assert differences(want(), answer)[1] == "label: wanted internal, got none"
