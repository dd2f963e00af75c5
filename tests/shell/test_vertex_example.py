"""The worked example of Vertex, and what `check` says when its facts are bent."""

import shutil
from datetime import date
from pathlib import Path

import msgspec
import pytest

from gateway.app.egress import egress
from gateway.app.loading import Loaded, load_all
from gateway.domain.errors import ConfigError
from gateway.policy.regions import EU
from tests.doubles.fake_google import service_account

DOCS = Path(__file__).resolve().parents[2] / "docs" / "examples"
TODAY = date(2026, 11, 21)


def environment() -> dict[str, str]:
    pretty = msgspec.json.format(msgspec.json.encode(service_account()), indent=2)
    return {"PERIMETER_GOOGLE_CREDENTIALS": pretty.decode()}


def loaded(folder: Path) -> Loaded:
    return load_all(folder / "vertex" / "perimeter.yaml", environment(), TODAY)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    shutil.copytree(DOCS, tmp_path / "examples", ignore=shutil.ignore_patterns("data"))
    return tmp_path / "examples"


def bent(folder: Path, name: str, old: str, new: str) -> list[str]:
    """Return what is wrong after one edit."""
    path = folder / "vertex" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        loaded(folder)
    return [str(problem) for problem in caught.value.problems]


def test_the_example_of_the_docs_is_right() -> None:
    found = loaded(DOCS)
    zones = {name: zone.processing_regions for name, zone in found.compiled.zones.items()}
    assert zones == {"google_eu": EU, "google_world": None}
    assert found.notices == ()
    assert list(egress(found)) == [
        "vertex-eu: https://oauth2.googleapis.com for its credential (service_account)",
        "vertex-world: http://169.254.169.254 for its credential (metadata)",
    ]


def test_a_host_of_another_location_is_a_problem_that_names_the_right_one(example: Path) -> None:
    found = bent(example, "models/backends.yaml", "location: eu", "location: europe-west2")
    assert any("the host of this location is europe-west2-aipl" in problem for problem in found)
    assert any("answered in GB, outside the regions of its zone" in problem for problem in found)


def test_global_is_refused_in_a_zone_of_regions(example: Path) -> None:
    zones = example / "vertex" / "policy" / "zones.yaml"
    zones.write_text(
        zones.read_text().replace("processing_regions: world", "processing_regions: US")
    )
    with pytest.raises(ConfigError, match="must process in `world`"):
        loaded(example)


def test_a_multi_region_is_more_than_one_of_its_countries(example: Path) -> None:
    found = bent(example, "policy/zones.yaml", "processing_regions: EU", "processing_regions: BE")
    assert any("is answered in AT, BG, CY, CZ, outside" in problem for problem in found)


@pytest.mark.parametrize("name", ["claude-x:rawPredict", "llama-4", "../global"])
def test_a_name_that_is_no_model_of_vertex_is_a_problem(example: Path, name: str) -> None:
    assert bent(
        example, "models/catalog.yaml", "wire_model: claude-opus-5-5", f'wire_model: "{name}"'
    )


def test_an_unknown_version_of_the_api_is_a_problem(example: Path) -> None:
    (found,) = bent(example, "models/catalog.yaml", '"2026-10-21"', '"2023-06-01"')
    assert "anthropic_version is one of" in found


def test_a_secret_beside_the_metadata_server_is_a_problem(example: Path) -> None:
    (found,) = bent(
        example,
        "models/backends.yaml",
        "location: eu\n",
        "location: eu\n      credentials: metadata\n",
    )
    assert "takes no secret" in found


def test_a_backend_without_any_credential_is_a_problem(example: Path) -> None:
    (found,) = bent(example, "models/backends.yaml", "    secret: google\n", "")
    assert "needs a secret" in found
