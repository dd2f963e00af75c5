"""Zones and repositories, from their files."""

import pytest

from gateway.domain.zone import Evidence
from tests.doubles.policies import CLOUD, HOME, compiled, problems

EVIDENCE = {"source": "a page", "read_on": "2026-11-20", "expires_on": "2027-05-20"}


def zone(**changes: object) -> list[str]:
    """What is said about the zone `home` with these changes; None removes a key."""
    entry = {key: value for key, value in (HOME | changes).items() if value is not None}
    found = problems(zones__zones={"home": entry, "cloud": CLOUD})
    return [line.partition(":1: /zones/home")[2] for line in found]


def repos(entries: dict[str, object], unregistered: object = "restricted") -> list[str]:
    found = problems(repos={"version": 1, "unregistered": unregistered, "repos": entries})
    return [line.partition(":1: ")[2] for line in found]


def test_a_zone_has_the_facts_of_its_file() -> None:
    regions = ["EU", "eu-central-2", "NO"]
    entry = CLOUD | {"processing_regions": regions, "evidence": EVIDENCE, "caveats": ["pii"]}
    found = compiled(zones__zones={"home": HOME, "cloud": entry}).require().zones["cloud"]
    assert found.processing_regions == {"DE", "FR", "IE", "CH", "NO"}
    assert found.storage_regions is None
    assert found.caveats == {"pii"}
    assert found.addresses == ("127.0.2.0/24",)
    assert not found.premises
    assert isinstance(found.evidence, Evidence)
    assert str(found.evidence.expires_on) == "2027-05-20"


def test_one_world_among_regions_is_the_world() -> None:
    entry = CLOUD | {"storage_regions": ["DE", "world"]}
    found = compiled(zones__zones={"home": HOME, "cloud": entry}).require().zones["cloud"]
    assert found.storage_regions is None


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"level": "secret"},
            "/level: unknown level `secret` (known: internal, public, restricted)",
        ),
        ({"level": None}, ": the key `level` is missing"),
        ({"caveats": ["pi"]}, "/caveats/0: unknown caveat `pi` (did you mean `pii`?)"),
        ({"processing_regions": "de"}, "/processing_regions: unknown region (write DE)"),
        ({"storage_regions": ["DE", "eu"]}, "/storage_regions/1: unknown region (write an ISO"),
        ({"processing_regions": []}, "/processing_regions: an empty list matches nothing"),
        ({"processing_regions": False}, "/processing_regions: expected str | list, got bool"),
        ({"storage_regions": "world"}, ": our own machines stand somewhere (name the country)"),
        ({"operator": ""}, "/operator: expected str of length >= 1"),
        ({"operator_jurisdiction": "EU"}, "/operator_jurisdiction: not an ISO 3166-1"),
        ({"retention_days": -1}, "/retention_days: expected int >= 0"),
        ({"retention_days": True}, "/retention_days: expected int, got bool"),
        ({"premises": "yes"}, "/premises: expected bool, got str"),
        ({"addresses": []}, "/addresses: a zone has at least one address block"),
        ({"addresses": ["10.0.0.1/8"]}, "/addresses/0: not a CIDR block"),
        ({"addresses": ["gpu.corp"]}, "/addresses/0: not a CIDR block"),
        ({"addresses": ["10.0.0.0"]}, "/addresses/0: a CIDR block says how long it is (write 10.0"),
        ({"addresses": ["0.0.0.0/0"]}, "/addresses/0: that is every address there is"),
        ({"addresses": ["::/0"]}, "/addresses/0: that is every address there is"),
        ({"addresses": ["10.0.0.0/8"] * 257}, "/addresses: more than 256 address blocks"),
        ({"evidence": EVIDENCE | {"read_on": "2028-01-01"}}, "/evidence: expires before it was"),
        ({"evidence": EVIDENCE | {"read_on": "yesterday"}}, "/evidence/read_on: invalid RFC3339"),
        ({"evidence": EVIDENCE | {"url": "x"}}, "/evidence/url: unknown key `url`"),
        ({"evidence": "a page"}, "/evidence: expected a map, got text"),
        ({"evidence": {"source": "x"}}, "/evidence: the key `read_on` is missing"),
        ({"proxy": "x"}, "/proxy: unknown key `proxy`"),
    ],
)
def test_a_fact_that_is_not_plain_is_a_problem(changes: dict[str, object], what: str) -> None:
    assert zone(**changes)[0].startswith(what)


@pytest.mark.parametrize("name", ["any", "world", "On-Prem", "on prem", "z" * 65])
def test_a_zone_has_a_name_of_its_own(name: str) -> None:
    found = problems(zones__zones={"home": HOME, "cloud": CLOUD, name: CLOUD})
    assert len(found) == 1


def test_our_own_addresses_are_nobody_elses() -> None:
    wide = HOME | {"addresses": ["fd00::/8", "127.0.0.0/8"]}
    found = problems(zones__zones={"home": wide, "cloud": CLOUD})
    assert found == [
        "zones.yaml:1: /zones/cloud/addresses: shares addresses with the premises zone home"
    ]
    twins = {"home": HOME, "cloud": CLOUD, "other": CLOUD, "second": HOME}
    assert problems(zones__zones=twins) == []


def test_there_are_not_more_zones_than_the_limit() -> None:
    many = {f"z{number}": CLOUD for number in range(257)}
    assert "zones.yaml:1: /zones: more than 256 zones" in problems(zones__zones=many)


def test_zones_are_checked_where_the_levels_are_unusable() -> None:
    bad = HOME | {"level": "x", "caveats": ["y"], "processing_regions": "z", "premises": False}
    found = problems(policy__levels=["one"], zones__zones={"home": bad, "cloud": CLOUD})
    assert found == ["policy.yaml:1: /levels: a policy has at least 2 levels"]


def test_two_repositories_with_one_address_are_a_problem() -> None:
    one = {"label": "public", "urls": ["https://git.corp/a/b"]}
    two = {"label": "public", "urls": ["git@git.corp:A/B.git", "https://git.corp/a/c"]}
    assert repos({"website": one, "payments": two}) == [
        "/repos/payments/urls/0: the repository website has this address too"
    ]
    twice = {"label": "public", "urls": ["git@git.corp:a/b.git", "https://git.corp/a/b"]}
    assert repos({"website": twice}) == []


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ({"Website": {"label": "public"}}, "/repos/Website: not a name for a repository"),
        ({"web_site": {"label": "public"}}, "/repos/web_site: a repository id has no _ (web-site)"),
        ({"a/b": {"label": "public"}}, "/repos/a~1b: not a name for a repository"),
        ({"w": {"label": "cosmic"}}, "/repos/w/label: unknown level"),
        ({"w": {"urls": []}}, "/repos/w: the key `label` is missing"),
        ({"w": {"label": "public", "urls": "https://a.b/c"}}, "/repos/w/urls: expected list"),
        ({"w": {"label": "public", "urls": ["../x"]}}, "/repos/w/urls/0: a repository URL has"),
        ({"w": {"label": "public", "urls": ["a.b/c"] * 65}}, "/repos/w/urls: more than 64 URLs"),
        ({"w": {"label": "public", "paths": ["/a"] * 65}}, "/repos/w/paths: more than 64 paths"),
        ({"w": {"label": "public", "paths": ["/a", "/b*"]}}, "/repos/w/paths/1: `*` stands for"),
        ({"w": {"label": "public", "paths": ["**"]}}, "/repos/w/paths/0: a pattern has at least"),
        ({"w": {"label": "public", "paths": ["/" + "a" * 600]}}, "/repos/w/paths/0: longer than"),
    ],
)
def test_adv_06_a_repository_is_an_exact_id_and_clone_urls(
    entries: dict[str, object], what: str
) -> None:
    assert repos(entries)[0].startswith(what)


def test_a_repository_has_the_folders_in_which_people_have_it() -> None:
    entry = {"label": "public", "paths": ["**/site", "/src/*/site"]}
    registry = compiled(repos__repos={"website": entry}).require().registry
    assert registry.repos["website"].paths == ("**/site", "/src/*/site")
    assert registry.by_folder("/x/site/deep") == (registry.repos["website"],)
    assert registry.by_folder("/x") == ()


def test_an_unregistered_repository_has_a_known_label() -> None:
    (said,) = repos({}, unregistered="Restricted")
    assert said.startswith("/unregistered: malformed label")
    (said,) = repos({}, unregistered=3)
    assert said == "/unregistered: expected str, got int"


def test_there_are_not_more_repositories_than_the_limit() -> None:
    many = {f"r{number}": {"label": "public"} for number in range(10_001)}
    assert repos(many) == ["/repos: more than 10000 repositories"]
