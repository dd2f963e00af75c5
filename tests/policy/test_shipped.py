"""The policies that ship with the product, and the examples of the documentation."""

import re
from pathlib import Path

import pytest

from gateway.config.files import load, load_text
from gateway.policy.cases import Case, Got, Recorded, differences, read_cases
from gateway.policy.compile import Compiled, compile_bundle
from gateway.policy.prove import matrix, proven
from tests.doubles.policies import NAMES, NOW, POLICIES, shipped

TODAY = NOW.date()
PAGE = Path(__file__).resolve().parents[2] / "docs" / "policy-language.md"
SHIPPED = ["default", "demo"]


def usable(name: str) -> Compiled:
    return proven(compile_bundle(shipped(name), "sha256:test"), TODAY).require()


def examples() -> dict[str, str]:
    """The files of the page, by name: a block whose first line is `# name.yaml`."""
    blocks = re.findall(
        r"^```yaml\n# (\S+)\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return dict(blocks)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_compiles_and_its_invariants_hold(name: str) -> None:
    found = usable(name)
    assert {invariant.id for invariant in found.invariants} >= {
        "restricted-never-leaves",
        "secrets-never-leave",
    }
    assert found.program.zones["on_prem"].premises
    assert not found.program.zones["frontier"].premises


@pytest.mark.parametrize("name", SHIPPED)
def test_restricted_code_and_secrets_never_leave_the_premises(name: str) -> None:
    for row in matrix(usable(name).program, TODAY).rows:
        frontier = next(cell for cell in row.cells if cell.zone == "frontier")
        if row.label.startswith("restricted") or "+" in row.label or "@" in row.label:
            assert not frontier.reachable, row.label


def test_the_demo_differs_from_the_default_in_its_zones_alone() -> None:
    default, demo = shipped("default"), shipped("demo")
    for name in ("policy", "repos", "invariants"):
        assert default[name].value == demo[name].value
    assert {zone.addresses for zone in usable("demo").zones.values()} == {
        ("127.0.1.0/24",), ("127.0.2.0/24",),
    }  # fmt: skip


@pytest.mark.parametrize("name", SHIPPED)
def test_the_cases_of_a_shipped_policy_are_well_formed(name: str) -> None:
    files = sorted((POLICIES / name / "cases").glob("*.yaml"))
    found = usable(name)
    assert files
    for file in files:
        cases, problems = read_cases(load(file, file.name), found)
        assert problems == ()
        assert cases


def test_every_shipped_file_names_its_schema_first() -> None:
    for file in POLICIES.rglob("*.yaml"):
        depth = "../" * len(file.relative_to(POLICIES).parts)
        first = file.read_text("utf-8").splitlines()[0]
        kind = "cases" if file.parent.name == "cases" else file.stem
        assert first == f"# yaml-language-server: $schema={depth}schemas/{kind}.json"


def test_the_examples_of_the_page_are_a_sound_bundle_with_its_cases() -> None:
    texts = examples()
    assert set(texts) == {*(f"{name}.yaml" for name in NAMES), "cases/first.yaml"}
    bundle = {name: load_text(texts[f"{name}.yaml"], f"{name}.yaml") for name in NAMES}
    found = proven(compile_bundle(bundle, "d"), TODAY).require()
    cases, problems = read_cases(load_text(texts["cases/first.yaml"], "first.yaml"), found)
    assert problems == ()
    assert len(cases) > 1


def test_the_page_names_every_key() -> None:
    from gateway.policy import cases, language

    page = PAGE.read_text("utf-8")
    kinds = [language.When, language.Rule, language.PolicyFile, language.Detector]
    kinds += [language.ZonesFile, language.ZoneEntry, language.ReposFile, language.RepoEntry]
    kinds += [language.InvariantsFile, language.InvariantEntry, language.Labels]
    kinds += [cases.Given, cases.Want, cases.Recorded, cases.Case]
    missing = {
        f"{kind.__name__}.{key}"
        for kind in kinds
        for key in kind.__struct_encode_fields__
        if f"`{key}`" not in page
    }
    assert missing == set()


def test_a_case_that_is_not_kept_says_where() -> None:
    want = read_cases(load(POLICIES / "default" / "cases" / "labels.yaml"), usable("default"))[0][0]
    assert isinstance(want, Case)
    got = Got("deny", "internal", frozenset(), (), "no_rule_matched", Recorded())
    assert differences(want.want, got)[0] == "effect: wanted permit, got deny"
