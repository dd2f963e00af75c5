"""Every list of a policy has a most: so many are taken, and of one more it is said where it is."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.policy import compile as compiling
from gateway.policy import invariants, places, rules, words
from tests.doubles.policies import ANYWHERE, CLOUD, HOME, problems

FEW = 3
Changes = Callable[[int], dict[str, Any]]


def names(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def a_repo(**told: Any) -> dict[str, Any]:
    return {"repos__repos": {"many": {"label": "public", **told}}}


def a_rule(name: str, **told: Any) -> dict[str, Any]:
    return {"id": name, "effect": "deny", "when": {"any": True}, "zones": "any", **told}


def some_invariants(count: int) -> list[dict[str, Any]]:
    labels = {"level_min": "restricted"}
    return [{"id": name, "labels": labels, "never_zones": "cloud"} for name in names(count)]


BOUNDS: dict[str, tuple[Any, str, Changes, str]] = {
    "rules": (
        rules,
        "RULES_MAX",
        lambda n: {"policy__rules": [ANYWHERE, *(a_rule(one) for one in names(n - 1))]},
        "/rules: more than 3 rules",
    ),
    "patterns of paths": (
        rules,
        "PATH_GLOBS_MAX",
        lambda n: {"policy__rules": [ANYWHERE, a_rule("paths", when={"path": names(n)})]},
        "/rules: more than 3 patterns of paths",
    ),
    "names that pass": (
        compiling,
        "PASSES_MAX",
        lambda n: {"policy__passes": {"cloud": names(n)}},
        "/passes/cloud: more than 3 names",
    ),
    "invariants": (
        invariants,
        "INVARIANTS_MAX",
        lambda n: {"invariants__invariants": some_invariants(n)},
        "/invariants: more than 3 invariants",
    ),
    "zones": (
        places,
        "ZONES_MAX",
        lambda n: {"zones__zones": {"home": HOME} | dict.fromkeys(["cloud", *names(n - 2)], CLOUD)},
        "/zones: more than 3 zones",
    ),
    "address blocks": (
        places,
        "ADDRESSES_MAX",
        lambda n: {
            "zones__zones": {
                "home": HOME,
                "cloud": CLOUD | {"addresses": [f"127.0.9.{one}/32" for one in range(n)]},
            }
        },
        "/zones/cloud/addresses: more than 3 address blocks",
    ),
    "repositories": (
        places,
        "REPOS_MAX",
        lambda n: {
            "repos__repos": {
                one: {"label": "public", "urls": [f"https://git.example.com/a/{one}"]}
                for one in names(n)
            }
        },
        "/repos: more than 3 repositories",
    ),
    "folders": (
        places,
        "PATHS_MAX",
        lambda n: a_repo(paths=[f"/src/{one}" for one in names(n)]),
        "/repos/many/paths: more than 3 paths",
    ),
    "patterns of addresses": (
        places,
        "URLS_MAX",
        lambda n: a_repo(patterns=[f"https://git.example.com/{one}/*" for one in names(n)]),
        "/repos/many/patterns: more than 3 patterns",
    ),
    "addresses": (
        places,
        "URLS_MAX",
        lambda n: a_repo(urls=[f"https://git.example.com/a/{one}" for one in names(n)]),
        "/repos/many/urls: more than 3 URLs",
    ),
    "levels": (
        words,
        "LEVELS_MAX",
        lambda n: {"policy__levels": ["public", "internal", "restricted", *names(n - 3)]},
        "/levels: more than 3 of a level",
    ),
    "caveats": (
        words,
        "CAVEATS_MAX",
        lambda n: {"policy__caveats": ["pii", "secret", *names(n - 2)]},
        "/caveats: more than 3 of a caveat",
    ),
    "region sets": (
        words,
        "REGION_SETS_MAX",
        lambda n: {
            "policy__region_sets": {name: ["DE"] for name in ("EU", "NORDIC", *names(n - 2))}
        },
        "/region_sets: more than 3 region sets",
    ),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_so_many_are_taken_and_no_more(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    module, most, changes, told = BOUNDS[name]
    monkeypatch.setattr(module, most, FEW)
    assert not [one for one in problems(**changes(FEW)) if "more than" in one]
    (found,) = [one for one in problems(**changes(FEW + 1)) if "more than" in one]
    assert found.endswith(f" {told}")
