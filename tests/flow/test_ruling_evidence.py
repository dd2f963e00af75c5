"""The pure middle of a request: evidence is gathered, judged and planned, and nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.domain.caller import Allowance
from gateway.domain.decision import Effect, Finding, Scan, Shadow
from gateway.domain.errors import Malformed, UnknownModel
from gateway.domain.request import Ask
from gateway.flow.ports import World
from gateway.flow.ruling import Evidence, Ruling, gather, rule
from gateway.routing.names import Named
from tests.doubles.fleets import a_catalogue, a_fleet, an_offering
from tests.doubles.houses import CATALOGUE, CLOUD, HOME, an_envelope
from tests.doubles.policies import ANYWHERE, compiled
from tests.doubles.worlds import a_world, demo_with

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOTHING = Scan()
AWS = Finding("secrets", "aws-key", "/messages/0/content", 0, 20)
TAG = Finding("secrets", "generic", "/messages/0/content", 0, 20, tag_only=True)


def ruled(
    model: str = "code", scan: Scan = NOTHING, world: World | None = None, **changed: Any
) -> Ruling:
    world = world or a_world(a_fleet(CATALOGUE))
    return rule(gather(an_envelope(**changed), Ask(model), scan, world), world, NOW)


def why(ruling: Ruling) -> dict[str, str]:
    return {item.offering: item.reason for item in ruling.route.excluded}


def served(ruling: Ruling) -> list[str]:
    return [candidate.offering.id for candidate in ruling.route.candidates]


def test_facts_say_what_was_asked_for_by_its_name_in_the_catalogue() -> None:
    offering = replace(HOME, model="qwen-big")
    catalogue = a_catalogue(CLOUD, offering, tasks={"code": ("q",)}, aliases={"q": "qwen-big"})
    world = a_world(a_fleet(catalogue))
    for asked, model, task in (
        ("code", "code", "code"),
        ("qwen-big", "qwen-big", None),
        ("q", "qwen-big", None),
        ("vllm:Qwen/Qwen3", "qwen-big", None),
    ):
        facts = ruled(asked, world=world).facts
        assert (facts.model, facts.task) == (model, task)


def test_facts_tell_bound_and_claimed_repositories_apart() -> None:
    bound = ruled(caller={"repos": ("payments",)}, claims={"repo": "website"}).facts
    assert sorted(bound.repos) == ["payments"]
    assert sorted(bound.claimed_repos) == ["website"]
    chosen = {"repos": ("payments", "website"), "selects_repo": True}
    facts = ruled(caller=chosen, claims={"repo": "website"}).facts
    assert sorted(facts.repos) == ["website"]
    assert facts.claimed_repos == frozenset()


def a_world_with(*rules: dict[str, Any]) -> World:
    return a_world(a_fleet(CATALOGUE), demo_with(*rules))


NOSY = {
    "id": "nosy",
    "effect": "deny",
    "when": {"key": "key-1", "client": "codex", "detector_count_min": 2},
    "zones": ["frontier"],
}


def test_facts_hold_no_more_of_a_caller_than_a_rule_asks_for() -> None:
    facts = ruled(scan=Scan((AWS,)), client="codex/1.0").facts
    assert (facts.key, facts.client, facts.finding_counts) == (UNSET, UNSET, UNSET)


def test_facts_hold_what_a_rule_asks_for() -> None:
    world = a_world_with(NOSY)
    caller = {"key_id": "key-1"}
    again = replace(AWS, path="/messages/1/content", fingerprint="f")
    scan = Scan((again, replace(again, start=7), TAG, replace(AWS, allowed=True)))
    facts = ruled(scan=scan, world=world, client="Codex/1.0 (x)", caller=caller).facts
    assert (facts.key, facts.client) == ("key-1", "codex")
    assert facts.finding_counts == {"aws-key": 1, "generic": 1}
    other = ruled(world=world, client="secret-tool/1", caller={"key_id": "key-2"}).facts
    assert (other.key, other.client, other.finding_counts) == (UNSET, UNSET, UNSET)


def test_a_shadow_is_within_what_the_caller_may() -> None:
    deny = {"id": "trial", "effect": "deny", "when": {"any": True}, "zones": ["frontier"]}
    world = a_world_with(deny | {"mode": "shadow"})
    caller = {"allowance": Allowance(zones=frozenset({"frontier"}))}
    found = ruled(world=world, caller=caller)
    assert found.decision.boundary == {"frontier"}
    assert found.shadow == Shadow(("trial",), Effect.DENY, frozenset())
    assert ruled().shadow is None


def test_until_it_is_judged_a_request_counts_as_the_strictest() -> None:
    world = a_world(a_fleet(CATALOGUE))
    evidence = gather(an_envelope(), Ask("code"), Scan(), world)
    assert evidence.facts.label == world.vocabulary.top


def test_the_label_that_policy_hears_is_the_join_of_the_signals_and_no_other() -> None:
    world = a_world(a_fleet(CATALOGUE))
    evidence = gather(an_envelope(caller={"repos": ("payments",)}), Ask("code"), Scan(), world)
    flattered = replace(evidence, facts=replace(evidence.facts, label=world.vocabulary.bottom))
    ruling = rule(flattered, world, NOW)
    assert str(ruling.facts.label) == str(ruling.classification.label) == "restricted"
    assert ruling.decision.boundary == {"on_prem"}


def test_a_finding_raises_the_label_and_one_that_tags_is_a_fact_alone() -> None:
    raised = ruled(scan=Scan((AWS, TAG)))
    assert str(raised.classification.label) == "restricted+secret"
    assert raised.facts.findings == {"aws-key", "generic"}
    tagged = ruled(scan=Scan((TAG,)))
    assert str(tagged.classification.label) == "internal"
    assert tagged.facts.findings == {"generic"}
    assert tagged.classification.raised_by == ()


def test_a_failed_detector_raises_the_label_although_nothing_was_found() -> None:
    ruling = ruled(scan=Scan(failed=("secrets",)))
    assert ruling.classification.raised_by == ("detector:secrets",)
    assert ruling.decision.boundary == {"on_prem"}
    assert ruling.facts.findings == frozenset()


def test_every_offering_that_was_asked_for_is_a_candidate_or_has_a_reason() -> None:
    world = a_world(a_fleet(CATALOGUE, vllm="a probe failed"))
    ruling = ruled(caller={"repos": ("payments",)}, world=world)
    assert served(ruling) == ["qwen@vllm-2"]
    assert why(ruling) == {"opus@cloud": "clearance", "qwen@vllm": "resting"}


def test_the_reason_is_the_rule_that_closed_the_zone() -> None:
    deny = {"id": "no-guests", "effect": "deny", "when": {"team": "team"}, "zones": ["cloud"]}
    policy = compiled(policy__rules=[ANYWHERE, deny]).require()
    offerings = (an_offering("m", "far", "cloud"), an_offering("m", "near", "home"))
    ruling = ruled("m", world=a_world(a_fleet(a_catalogue(*offerings)), policy))
    assert why(ruling) == {"m@far": "no-guests"}
    assert served(ruling) == ["m@near"]
    assert ruling.decision.because == ("anywhere", "no-guests")


def test_a_zone_that_the_policy_does_not_know_is_never_reached() -> None:
    catalogue = a_catalogue(an_offering("m", "b", "elsewhere"))
    ruling = ruled("m", world=a_world(a_fleet(catalogue)))
    assert served(ruling) == []
    assert why(ruling) == {"m@b": "not_permitted"}


def test_a_name_that_nobody_offers_is_not_judged() -> None:
    with pytest.raises(UnknownModel):
        ruled("gpt-9")


@pytest.mark.parametrize("claims", [{"label": "Public"}, {"repo": "nobodys"}, {"repo": "C:\\x"}])
def test_a_claim_that_cannot_be_read_is_not_judged(claims: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        ruled(claims=claims)


def test_given_offerings_stand_for_the_name() -> None:
    world = a_world(a_fleet(CATALOGUE))
    evidence = gather(an_envelope(), Ask("code"), Scan(), world)
    assert served(rule(evidence, world, NOW, Named("", None, (HOME,)))) == ["qwen@vllm"]


def test_the_same_evidence_makes_the_same_ruling() -> None:
    world = a_world(a_fleet(CATALOGUE, vllm="x"))
    evidence = gather(an_envelope(claims={"label": "confidential"}), Ask("code"), Scan(), world)
    assert rule(evidence, world, NOW) == rule(evidence, world, NOW)


def test_the_day_decides_about_evidence() -> None:
    place = {
        "level": "internal",
        "processing_regions": "DE",
        "storage_regions": "DE",
        "operator": "a cloud",
        "operator_jurisdiction": "DE",
        "retention_days": 0,
        "addresses": ["127.0.2.0/24"],
        "evidence": {"source": "a", "read_on": "2026-01-01", "expires_on": "2026-11-21"},
    }
    rules = [{**ANYWHERE, "zones": ["cloud"]}]
    policy = compiled(
        zones={"version": 1, "zones": {"cloud": place}}, policy__rules=rules
    ).require()
    world = a_world(a_fleet(a_catalogue(an_offering("m", "b", "cloud"))), policy)
    evidence: Evidence = gather(
        an_envelope(claims={"label": "internal@EU"}), Ask("m"), Scan(), world
    )
    last = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)
    after = datetime(2026, 11, 22, tzinfo=UTC)
    assert rule(evidence, world, last).decision.effect is Effect.PERMIT
    assert rule(evidence, world, after).decision.reason == "no_zone_cleared"
