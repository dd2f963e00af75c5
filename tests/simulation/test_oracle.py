"""The oracle against the words of the policy page, told by hand: it is no mirror of the code."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation import oracle
from tests.simulation.oracle import Plain, expect
from tests.simulation.scenario import Asked, Claim, Found, Key, Offer, Snapshot, Written

TODAY = date(2026, 11, 21)
HOME: Written = {
    "level": "restricted",
    "caveats": ["pii", "secret"],
    "processing_regions": "DE",
    "storage_regions": "DE",
    "premises": True,
}
CLOUD: Written = {
    "level": "internal",
    "caveats": [],
    "processing_regions": ["eu-north-1", "NORTH"],
    "storage_regions": "SE",
    "premises": False,
    "evidence": {"read_on": "2026-01-01", "expires_on": "2026-11-21"},
}
ANYWHERE: Written = {
    "id": "p",
    "effect": "permit",
    "when": {"any": True},
    "zones": ["home", "cloud"],
}
PLAIN = Asked(
    name="m1",
    canary="CANARY",
    key=Key("apps"),
    label=Claim(),
    repo=Claim(),
    hints=[],
    surface="messages",
    body="plain",
    stream=False,
    needs=[],
    output_max=None,
    found=Found(),
    faults=[],
)


def a_snapshot(*rules: Written, broken: tuple[str, ...] = (), **zones: Written) -> Snapshot:
    policy: Written = {
        "levels": ["public", "internal", "restricted"],
        "caveats": ["pii", "secret"],
        "region_sets": {"EU": ["DE", "SE"], "NORTH": ["SE", "NO"]},
        "default": "internal",
        "detectors": {"secrets": {"raise": "restricted+secret"}},
        "rules": list(rules) or [ANYWHERE],
    }
    repos = {
        "site": {"label": "public"},
        "ledger": {"label": "restricted"},
        "north": {"label": "internal@NORTH"},
        "europe": {"label": "public@EU"},
    }
    documents = {
        "policy": policy,
        "zones": {"zones": {"home": HOME, "cloud": CLOUD} | zones},
        "repos": {"unregistered": "restricted", "repos": repos},
    }
    offers = [
        Offer("m1", "b0", "cloud", "m1:wire", ["tools"], 100),
        Offer("m1", "b1", "home", "m1:wire", [], 50),
    ]
    return Snapshot(documents, offers, {"a1": "m1"}, {"code": ["a1", "b1:m1:wire"]}, list(broken))


def zones(asked: Asked, *rules: Written, day: date = TODAY, **more: Any) -> set[str]:
    return set(expect(asked, a_snapshot(*rules, **more), day).zones)


def bound(*repos: str, selects: bool = False, **more: Any) -> Asked:
    return replace(PLAIN, key=Key("apps", repos=list(repos), selects_repo=selects), **more)


def claims(repo: str) -> Claim:
    return Claim("registered", repo, repo=repo)


def test_a_key_that_binds_nothing_has_the_default_label() -> None:
    assert expect(PLAIN, a_snapshot(), TODAY).label == Plain(1)
    assert zones(PLAIN) == {"home", "cloud"}


def test_several_repositories_are_joined_unless_one_is_chosen() -> None:
    both = bound("site", "ledger")
    assert zones(both) == {"home"}
    assert zones(replace(both, repo=claims("site"))) == {"home"}
    assert zones(bound("site", "ledger", selects=True, repo=claims("site"))) == {"home", "cloud"}
    assert zones(bound("site", selects=True, repo=claims("ledger"))) == {"home"}


def test_a_claim_raises_and_never_lowers() -> None:
    low, high = Claim("label", "public", "public"), Claim("label", "restricted", "restricted")
    assert zones(bound("ledger", label=low)) == {"home"}
    assert zones(bound("site", label=high)) == {"home"}
    assert zones(bound("site", repo=Claim("unregistered", "https://x/y"))) == {"home"}
    assert zones(bound("site"), day=TODAY) == {"home", "cloud"}


def test_what_nobody_can_read_is_not_judged() -> None:
    garbage = Claim("garbage", "Public ")
    for asked in (
        replace(PLAIN, label=garbage),
        replace(PLAIN, repo=garbage),
        replace(PLAIN, body="role"),
        replace(PLAIN, name="gpt-9"),
        replace(PLAIN, found=Found(crashes=True)),
    ):
        assert not expect(asked, a_snapshot(), TODAY).spoken


def test_an_unknown_binding_and_a_failed_detector_are_the_strictest_label() -> None:
    top = Plain(2, frozenset({"pii", "secret"}))
    for asked in (
        bound("ghost"),
        replace(PLAIN, key=Key("apps", "cosmic")),
        replace(PLAIN, found=Found(failed=["secrets"])),
        replace(PLAIN, found=Found([("names", "iban", False)])),
    ):
        assert expect(asked, a_snapshot(), TODAY).label == top


def test_a_failed_detector_raises_what_its_findings_would() -> None:
    snapshot = a_snapshot()
    snapshot.documents["policy"]["detectors"]["failed"] = {"raise": "internal"}
    unread = replace(PLAIN, found=Found(failed=["secrets"]))
    assert expect(unread, snapshot, TODAY).label == Plain(2, frozenset({"secret"}))


def test_findings_raise_unless_they_only_tag() -> None:
    found = replace(PLAIN, found=Found([("secrets", "aws-key", False)]))
    tagged = replace(PLAIN, found=Found([("secrets", "aws-key", True)]))
    assert zones(found) == {"home"}
    assert zones(tagged) == {"home", "cloud"}


def test_places_are_sets_and_an_empty_meeting_is_nowhere() -> None:
    assert zones(bound("europe")) == {"home"}
    wide = dict(CLOUD, processing_regions="eu-north-1")
    assert zones(bound("europe"), cloud=wide) == {"home", "cloud"}
    assert zones(bound("north"), cloud=dict(CLOUD, processing_regions="eu-west-2")) == set()
    both = bound("north", label=Claim("label", "public@EU", "public", places="EU"))
    assert expect(both, a_snapshot(), TODAY).label == Plain(1, frozenset(), frozenset({"SE"}))
    assert zones(both, home=dict(HOME, processing_regions="SE", storage_regions="SE")) == {"home"}


def test_evidence_is_believed_through_its_day_and_counts_as_the_world_after_it() -> None:
    wide = dict(CLOUD, processing_regions="SE")
    asked = bound("europe")
    assert "cloud" in zones(asked, cloud=wide, day=date(2026, 11, 21))
    assert "cloud" not in zones(asked, cloud=wide, day=date(2026, 11, 22))
    silent = {name: value for name, value in wide.items() if name != "evidence"}
    assert "cloud" not in zones(asked, cloud=silent)
    assert "cloud" in zones(bound("site"), cloud=silent)


def test_a_deny_wins_and_a_broken_rule_denies_everything() -> None:
    deny = {"id": "d", "effect": "deny", "when": {"team": "apps"}, "zones": "cloud"}
    assert zones(PLAIN, ANYWHERE, deny) == {"home"}
    assert zones(replace(PLAIN, key=Key("core")), ANYWHERE, deny) == {"home", "cloud"}
    assert zones(replace(PLAIN, key=Key("core")), ANYWHERE, deny, broken=("d",)) == set()
    closing = {"id": "d", "effect": "deny", "when": {"any": True, "zone": ["home"]}}
    assert zones(PLAIN, ANYWHERE, closing) == {"cloud"}
    assert zones(PLAIN, ANYWHERE, dict(deny, zones="any")) == set()


@pytest.mark.parametrize(
    ("when", "asked", "holds"),
    [
        ({"level_min": "internal"}, PLAIN, True),
        ({"level_min": "restricted"}, PLAIN, False),
        ({"level_max": "public"}, PLAIN, False),
        ({"level_is": ["public", "internal"]}, PLAIN, True),
        ({"caveat": "pii"}, PLAIN, False),
        ({"residency": "EU"}, PLAIN, False),
        ({"residency": ["NORTH", "EU"]}, bound("europe"), True),
        ({"model": "m1"}, replace(PLAIN, name="a1"), True),
        ({"model": "a1"}, replace(PLAIN, name="a1"), False),
        ({"model": "m1"}, replace(PLAIN, name="code"), False),
        ({"task": "code"}, replace(PLAIN, name="code"), True),
        ({"surface": "messages", "team": "core"}, PLAIN, False),
        ({"detector": "aws-key"}, replace(PLAIN, found=Found([("x", "aws-key", True)])), True),
        ({"repo": "site"}, bound("site"), True),
        ({"repo": "site"}, bound("site", "europe"), False),
        ({"repo": "site"}, bound(repo=claims("site")), False),
        ({"repo": "site"}, bound("site", repo=claims("europe")), False),
        ({"repo": "site"}, bound("site", "europe", selects=True, repo=claims("site")), True),
    ],
)
def test_conditions_hold_as_the_page_says(when: Written, asked: Asked, holds: bool) -> None:
    rule = {"id": "p", "effect": "permit", "when": when, "zones": ["home"]}
    assert bool(zones(asked, rule)) is holds


def test_a_deny_about_a_repository_hears_what_the_client_only_claims() -> None:
    deny = {"id": "d", "effect": "deny", "when": {"repo": "site"}, "zones": "any"}
    assert zones(bound(repo=claims("site")), ANYWHERE, deny) == set()
    assert zones(bound("europe"), ANYWHERE, deny) == {"home"}


def test_what_a_tool_tells_of_its_folders_raises_and_refuses_nothing() -> None:
    assert zones(bound("site", hints=[claims("ledger")])) == {"home"}
    assert zones(bound("site", hints=[Claim("garbage", "C:")])) == {"home"}
    both = bound("site", "ledger", selects=True, hints=[claims("site")])
    assert zones(both) == {"home"}
    permit = {"id": "p", "effect": "permit", "when": {"repo": "site"}, "zones": ["home"]}
    assert zones(bound("site"), permit) == {"home"}
    assert zones(bound("site", hints=[claims("europe")]), permit) == set()


def test_candidates_are_those_who_may_and_can_in_the_order_of_preference() -> None:
    assert expect(PLAIN, a_snapshot(), TODAY).candidates == ("m1@b0",)
    little = replace(PLAIN, output_max=16)
    assert expect(little, a_snapshot(), TODAY).candidates == ("m1@b0", "m1@b1")
    assert expect(replace(little, needs=["tools"]), a_snapshot(), TODAY).candidates == ("m1@b0",)
    secret = replace(bound("ledger"), output_max=16)
    assert expect(secret, a_snapshot(), TODAY).candidates == ("m1@b1",)


def test_the_oracle_knows_nothing_of_the_gateway() -> None:
    used = {
        str(getattr(value, "__module__", None) or getattr(value, "__name__", ""))
        for value in vars(oracle).values()
    }
    assert not [name for name in used if name.startswith("gateway")]
