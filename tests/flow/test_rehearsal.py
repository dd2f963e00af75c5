"""A policy's cases are played with the code that serves."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.config.backends import Known
from gateway.config.catalogue import read_models
from gateway.config.files import load, load_text
from gateway.config.folders import read_case_files, read_models_files
from gateway.domain.decision import Finding, Scan
from gateway.domain.fleet import Fleet
from gateway.domain.request import Body
from gateway.flow.opening import Stamp
from gateway.flow.ports import World
from gateway.flow.rehearsal import play
from gateway.policy.cases import Case, differences, read_cases
from gateway.policy.compile import Compiled, compile_bundle
from gateway.stores.scanner import DetectorScanner
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.houses import FixedScanner
from tests.doubles.policies import POLICIES, shipped

pytestmark = pytest.mark.anyio
MODELS = Path(__file__).resolve().parents[2] / "models"
STAMP = Stamp(datetime(2026, 11, 21, 12, tzinfo=UTC), "boot-1")
SHIPPED = ("default", "demo")
TOKEN = Finding("secrets", "github-pat", "/messages/0/content", 0, 40)


def a_world(name: str) -> World:
    compiled = usable(name)
    models = read_models(read_models_files(MODELS), Known(kinds=frozenset(BACKENDS)), MODELS)
    assert models.problems == ()
    return World(
        program=compiled.program,
        vocabulary=compiled.vocabulary,
        registry=compiled.registry,
        fleet=Fleet(models.catalogue, {"vllm": "a state of now, which no case knows"}),
        documents={"policy": compiled.program.digest, "catalogue": "sha256:catalogue"},
    )


def usable(name: str) -> Compiled:
    return compile_bundle(shipped(name), "sha256:policy").require()


def cases_of(name: str) -> list[Case]:
    found: list[Case] = []
    for document in read_case_files(POLICIES / name / "cases"):
        cases, problems = read_cases(document, usable(name))
        assert problems == ()
        found += cases
    assert len(found) > 10
    return found


def case(given: str, want: str) -> Case:
    text = f"- name: a case\n  given: {given}\n  want: {want}\n"
    cases, problems = read_cases(load_text(text, "case.yaml"), usable("default"))
    assert problems == ()
    return cases[0]


async def told(one: Case, scanner: Any = None) -> tuple[str, ...]:
    got = await play(one, a_world("default"), scanner or FixedScanner(), STAMP)
    return differences(one.want, got)


class TokenScanner:
    """Finds one form of a token, and keeps what it was asked to read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    async def scan(self, body: Body) -> Scan:
        text = body["messages"][0]["content"]
        self.read.append(text)
        return Scan((TOKEN,)) if "ghp_" in text else Scan()


@pytest.mark.parametrize("name", SHIPPED)
async def test_every_case_of_a_shipped_policy_holds(name: str) -> None:
    scanner = TokenScanner()
    cases = [one for one in cases_of(name) if "TOKEN" in one.given.text or not one.given.text]
    for one in cases:
        got = await play(one, a_world(name), scanner, STAMP)
        assert differences(one.want, got) == (), one.name
    assert scanner.read == [one.given.text for one in cases if one.given.text]


@pytest.mark.parametrize("name", SHIPPED)
async def test_every_case_of_a_shipped_policy_holds_with_the_real_detectors(name: str) -> None:
    scanner = DetectorScanner(all_detectors())
    try:
        for one in cases_of(name):
            got = await play(one, a_world(name), scanner, STAMP)
            assert differences(one.want, got) == (), one.name
    finally:
        scanner.close()


async def test_a_case_about_a_secret_fails_where_no_detector_looks() -> None:
    cases = [one for one in cases_of("default") if "ghp_" in one.given.text]
    assert cases
    for one in cases:
        assert "label: wanted restricted+secret, got public" in await told(one)


WRONG = [
    ("effect: deny, label: restricted, boundary: [], because: []", "effect: wanted deny"),
    ("effect: permit, label: internal, boundary: [on_prem], because: [restricted-stays-home]",
     "label: wanted internal, got restricted"),
    ("effect: permit, label: restricted, boundary: [frontier], because: [restricted-stays-home]",
     "boundary: wanted frontier, got on_prem"),
    ("effect: permit, label: restricted, boundary: [on_prem], because: [internal-may-travel]",
     "because: wanted internal-may-travel, got restricted-stays-home"),
    ("effect: permit, label: restricted, boundary: [on_prem], because: [restricted-stays-home], "
     "served_by: claude-opus-5-5@anthropic", "served_by: wanted claude-opus-5-5@anthropic, got"),
    ("effect: permit, label: restricted, boundary: [on_prem], because: [restricted-stays-home], "
     "excluded: {claude-opus-5-5@anthropic: resting}", "excluded claude-opus-5-5@anthropic"),
    ("effect: permit, label: restricted, boundary: [on_prem], because: [restricted-stays-home], "
     "record: {raised_by: [key]}", "record raised_by: wanted key, got none"),
    ("{effect: refused, reason: malformed}"[1:-1], "effect: wanted refused, got permit"),
]  # fmt: skip


@pytest.mark.parametrize(("want", "sentence"), WRONG)
async def test_a_wrong_expectation_is_told(want: str, sentence: str) -> None:
    one = case("{key_repos: [payments], task: review}", f"{{{want}}}")
    found = await told(one)
    assert any(text.startswith(sentence) for text in found), found


async def test_what_is_told_of_the_answer_is_told_of_the_record_too() -> None:
    want = "{effect: permit, label: public, boundary: [on_prem], because: [restricted-stays-home]}"
    found = await told(case("{key_repos: [payments]}", want))
    assert found == (
        "label: wanted public, got restricted",
        "record label: wanted public, got restricted",
    )


async def test_a_case_knows_no_health_but_its_own() -> None:
    want = (
        "{effect: permit, label: restricted, boundary: [on_prem], because: [restricted-stays-home],"
        " served_by: qwen3-coder-30b@vllm}"
    )
    assert await told(case("{key_repos: [payments], task: review}", want)) == ()
    resting = case("{key_repos: [payments], task: review, resting: {vllm: x}}", want)
    assert await told(resting) == ("served_by: wanted qwen3-coder-30b@vllm, got none",)


async def test_a_case_without_a_name_speaks_of_every_offering_and_of_no_model() -> None:
    world = a_world("default")
    one = case("{}", "{effect: permit, label: internal, boundary: [on_prem, frontier],"
                     " because: [internal-may-travel]}")  # fmt: skip
    got = await play(one, world, FixedScanner(), STAMP)
    assert differences(one.want, got) == ()
    assert got.record is not None
    assert got.record.candidates is not UNSET
    assert len(got.record.candidates) == len(world.fleet.catalogue.offerings)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("{label: cosmic}", "malformed"),
        ("{repo: nobodys}", "malformed"),
        ("{model: gpt-9}", "model_not_found"),
        ("{task: cook}", "model_not_found"),
    ],
)
async def test_a_request_that_cannot_be_judged_is_refused_and_recorded(
    given: str, reason: str
) -> None:
    got = await play(
        case(given, f"{{effect: refused, reason: {reason}}}"),
        a_world("default"),
        FixedScanner(),
        STAMP,
    )
    assert (got.effect, got.label, got.boundary) == ("refused", None, frozenset())
    assert got.record is not None
    assert (got.record.effect, got.record.reason) == ("refused", reason)
    assert got.served_by is None


async def test_a_detector_that_fails_on_the_text_raises_the_label() -> None:
    one = case(
        "{key_repos: [website], text: hello}",
        "{effect: permit, label: restricted+opaque+secret, boundary: [on_prem],"
        " because: [restricted-stays-home]}",
    )
    assert await told(one, FixedScanner(Scan(failed=("secrets",)))) == ()
    assert await told(one) != ()


async def test_given_findings_and_found_ones_are_joined() -> None:
    one = case(
        "{key_repos: [website], findings: [secrets/private-key], text: hello}",
        "{effect: permit, label: restricted+secret, boundary: [on_prem],"
        " because: [restricted-stays-home],"
        " record: {finding_kinds: {private-key: 1, github-pat: 1}}}",
    )
    assert await told(one, FixedScanner(Scan((TOKEN,)))) == ()


async def test_a_policy_that_was_changed_no_longer_keeps_its_cases() -> None:
    documents = shipped("default")
    value = dict(documents["policy"].value)
    value["rules"] = [rule for rule in value["rules"] if rule["id"] != "restricted-stays-home"]
    documents["policy"] = replace(documents["policy"], value=value)
    compiled = compile_bundle(documents, "sha256:changed").require()
    world = replace(a_world("default"), program=compiled.program)
    scanner = TokenScanner()
    broken = [
        one.name
        for one in cases_of("default")
        if differences(one.want, await play(one, world, scanner, STAMP))
    ]
    assert "restricted code stays on the premises" in broken
    assert "a public repository may travel" not in broken


def test_the_cases_that_ship_are_those_that_are_played() -> None:
    for name in SHIPPED:
        files = sorted((POLICIES / name / "cases").glob("*.yaml"))
        written = sum(len(load(file, file.name).value) for file in files)
        assert len(cases_of(name)) == written
