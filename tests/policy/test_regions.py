import pytest

from gateway.config.files import load_text
from gateway.policy.regions import (
    CLOUD_REGIONS,
    EEA,
    EU,
    ISO,
    UnknownRegionError,
    hint,
    places,
)
from tests.doubles.policies import CLOUD, HOME, NOW, compiled, documents, problems, values

SETS = {"EU": EU}


def test_the_tables_hold_what_they_say() -> None:
    assert len(ISO) == 249
    assert len(EU) == 27
    assert {"IS", "LI", "NO"} == EEA - EU
    assert EEA < ISO
    assert set(CLOUD_REGIONS.values()) <= ISO


@pytest.mark.parametrize(
    ("word", "codes"),
    [
        ("DE", {"DE"}),
        ("EU", EU),
        ("eu-central-1", {"DE"}),
        ("europe-west9", {"FR"}),
        ("NO", {"NO"}),
    ],
)
def test_a_region_is_a_code_a_set_or_a_cloud_region(word: str, codes: frozenset[str]) -> None:
    assert places(word, SETS) == codes


def test_the_world_is_no_set() -> None:
    assert places("world", SETS) is None


@pytest.mark.parametrize(
    ("word", "home"),
    [("eu-west-2", "GB"), ("europe-west2", "GB"), ("eu-central-2", "CH"), ("europe-west6", "CH")],
)
def test_adv_32_london_and_zurich_are_in_europe_and_not_in_the_union(word: str, home: str) -> None:
    assert places(word, SETS) == {home}
    assert home not in EU
    assert home not in EEA


@pytest.mark.parametrize(
    "word", ["eu", "eu-", "eu-central-9", "global", "apac", "us", "de", "XX", "", "EEA", "onprem"]
)
def test_adv_32_a_region_that_is_not_known_is_never_guessed_from_its_prefix(word: str) -> None:
    with pytest.raises(UnknownRegionError):
        places(word, SETS)


def test_a_hint_says_what_was_probably_meant() -> None:
    assert "GB" in hint("UK")
    assert hint("de") == "write DE"
    assert hint("eu-west-2") == "that cloud region stands in GB"


def cloud_zone(*regions: str) -> dict[str, object]:
    evidence = {"source": "a page", "read_on": "2026-11-20", "expires_on": "2027-11-20"}
    facts = {"processing_regions": list(regions), "storage_regions": list(regions)}
    return HOME | facts | {"premises": False, "evidence": evidence}


def test_adv_32_a_zone_with_london_in_it_does_not_clear_a_label_of_the_union() -> None:
    union = values()["policy"]["region_sets"] | {"EU": sorted(EU)}
    for city, clears in (("eu-west-3", True), ("eu-west-2", False), ("eu-central-2", False)):
        found = compiled(
            zones__zones={"home": cloud_zone("eu-central-1", city), "cloud": CLOUD},
            policy__region_sets=union,
        ).require()
        label = found.vocabulary.parse("internal@EU")
        assert found.zones["home"].clears(label, NOW.date()) is clears


def test_adv_32_a_set_called_eu_may_not_hold_london_or_zurich() -> None:
    said = problems(policy__region_sets={"EU": ["DE", "GB"], "eea": ["CH"], "NORDIC": ["NO"]})
    assert said == [
        "policy.yaml:1: /region_sets/EU: GB is not in the EU",
        "policy.yaml:1: /region_sets/eea: CH is not in the EEA",
    ]


def test_adv_60_norway_round_trips_through_the_file() -> None:
    text = "version: 1\nregion_sets: {NORDIC: [SE, NO, DK]}\n"
    assert load_text(text, "policy.yaml").value["region_sets"]["NORDIC"] == ["SE", "NO", "DK"]
    found = compiled(policy__region_sets={"NORDIC": ["SE", "NO", "DK"]}).require()
    assert found.vocabulary.region_sets["NORDIC"] == {"SE", "NO", "DK"}


def test_adv_60_a_region_that_became_a_boolean_is_a_problem() -> None:
    said = problems(policy__region_sets={"NORDIC": ["SE", False, "DK"]})
    assert said == ["policy.yaml:1: /region_sets/NORDIC/1: expected str, got bool"]


def test_a_country_may_name_a_set_of_itself_alone() -> None:
    assert problems(policy__region_sets={"DE": ["DE"]}) == []
    (said,) = problems(policy__region_sets={"DE": ["DE", "FR"]})
    assert "DE is a country" in said


@pytest.mark.parametrize("name", ["world", "eu-west-1", "E U", "1EU", "x" * 65, ""])
def test_a_region_set_has_a_name_of_its_own(name: str) -> None:
    assert len(problems(policy__region_sets={name: ["DE"]})) == 1


def test_a_region_set_holds_codes_and_at_least_one() -> None:
    said = problems(policy__region_sets={"A": [], "B": ["UK", "eu-west-1"]})
    assert [line.partition(": ")[2] for line in said] == [
        "/region_sets/A: an empty region set leaves no lawful place",
        "/region_sets/B/0: not an ISO 3166-1 alpha-2 code "
        "(the ISO 3166-1 code of the United Kingdom is GB)",
        "/region_sets/B/1: not an ISO 3166-1 alpha-2 code (that cloud region stands in IE)",
    ]


def test_there_are_not_more_region_sets_than_the_limit() -> None:
    many = {f"S{number}": ["DE"] for number in range(257)}
    assert problems(policy__region_sets=many) == [
        "policy.yaml:1: /region_sets: more than 256 region sets"
    ]
    assert documents(values()).keys() == {"policy", "zones", "repos", "invariants"}
