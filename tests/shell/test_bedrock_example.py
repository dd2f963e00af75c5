"""The worked example of the docs, and what `check` says when its facts are bent."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from gateway.app.loading import Loaded, load_all
from gateway.domain.errors import ConfigError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "examples"
TODAY = date(2026, 11, 21)
KEY = {"PERIMETER_AWS_KEY": "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"}


def loaded(folder: Path) -> Loaded:
    return load_all(folder / "bedrock" / "perimeter.yaml", KEY, TODAY)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    shutil.copytree(DOCS, tmp_path / "examples", ignore=shutil.ignore_patterns("data"))
    return tmp_path / "examples"


def bent(folder: Path, name: str, old: str, new: str) -> list[str]:
    """Return what is wrong after one edit."""
    path = folder / "bedrock" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        loaded(folder)
    return [str(problem) for problem in caught.value.problems]


def test_the_example_of_the_docs_is_right() -> None:
    found = loaded(DOCS)
    zones = {name: zone.processing_regions for name, zone in found.compiled.zones.items()}
    assert zones["aws_frankfurt"] == frozenset({"DE"})
    assert zones["aws_eu"] == frozenset({"DE", "SE", "IT", "ES", "IE", "FR"})


def test_adv_55_a_host_of_another_region_is_a_problem(example: Path) -> None:
    found = bent(example, "models/backends.yaml", "{region: eu-central-1}", "{region: us-east-1}")
    assert all("backends.yaml" in problem for problem in found)
    assert any("another region" in problem for problem in found)
    assert any("answered in US, outside the regions of its zone" in problem for problem in found)


@pytest.mark.parametrize(
    "model",
    [
        "global.anthropic.claude-opus-5-5",
        "emea.anthropic.claude-opus-5-5",
        "arn:aws:bedrock:eu-central-1:123456789012:default-prompt-router/abc",
    ],
)
def test_a_profile_that_may_run_anywhere_is_refused_in_a_zone_of_regions(
    example: Path, model: str
) -> None:
    (found,) = bent(example, "models/catalog.yaml", "eu.anthropic.claude-opus-5-5", model)
    assert "must process in `world`" in found


def test_a_zone_of_the_world_may_have_such_a_profile(example: Path) -> None:
    zones = example / "bedrock" / "policy" / "zones.yaml"
    zones.write_text(zones.read_text().replace("[DE, SE, IT, ES, IE, FR]", "world"))
    catalogue = example / "bedrock" / "models" / "catalog.yaml"
    catalogue.write_text(catalogue.read_text().replace("eu.anthropic", "global.anthropic"))
    assert loaded(example).compiled.zones["aws_eu"].processing_regions is None


def test_a_name_that_is_no_model_of_bedrock_is_a_problem(example: Path) -> None:
    found = bent(example, "models/catalog.yaml", "qwen.qwen3-coder-next\n", "qwen/../next\n")
    assert any("no model id" in problem for problem in found)


def test_a_backend_without_a_secret_is_a_problem(example: Path) -> None:
    (found,) = bent(example, "models/backends.yaml", "    secret: aws\n", "")
    assert "needs a secret" in found
