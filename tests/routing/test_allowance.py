"""What a key allows narrows what policy permits, and never widens it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.caller import NO_LIMITS, Allowance
from gateway.domain.decision import Decision, Effect
from gateway.domain.errors import NotAllowed
from gateway.domain.label import Label
from gateway.domain.request import Ask
from gateway.domain.vocabulary import Vocabulary
from gateway.routing.allowance import may_ask, names_for, narrowed, objecting
from gateway.routing.names import Named
from gateway.routing.plan import Limits, plan, refusal
from tests.doubles.fleets import a_catalogue, a_fleet, an_offering

WORDS = Vocabulary(("public", "internal", "restricted"), frozenset({"pii"}))
ZONES = ("on_prem", "eu_cloud", "frontier")
NOW = datetime(2026, 12, 1, tzinfo=UTC)
HOME = an_offering("qwen", "vllm", "on_prem")
CLOUD = an_offering("opus", "cloud", "frontier")


def permit(*zones: str) -> Decision:
    return Decision(Effect.PERMIT, frozenset(zones), ("r",), "permitted", "p", NOW, "rule")


def cut(decision: Decision, label: str = "public", **limits: object) -> Decision:
    return narrowed(decision, WORDS.parse(label), Allowance(**limits), WORDS)  # type: ignore[arg-type]


def test_without_limits_the_decision_stands() -> None:
    decision = permit(*ZONES)
    assert narrowed(decision, WORDS.top, NO_LIMITS, WORDS) is decision


def test_zones_of_a_key_are_cut_out_of_the_boundary() -> None:
    decision = cut(permit("on_prem", "frontier"), zones=frozenset({"on_prem", "eu_cloud"}))
    assert decision.boundary == {"on_prem"}
    assert decision.effect is Effect.PERMIT
    assert "allows on_prem" in decision.message


def test_a_key_whose_zones_are_not_permitted_goes_nowhere() -> None:
    decision = cut(permit("frontier"), zones=frozenset({"on_prem"}))
    assert (decision.effect, decision.boundary) == (Effect.DENY, frozenset())
    assert (decision.reason, decision.because) == ("key_zone", ())


def test_a_label_above_the_clearance_is_refused() -> None:
    assert cut(permit("on_prem"), "internal", clearances=("internal",)).boundary == {"on_prem"}
    for label, cleared in (
        ("restricted", ("internal",)),
        ("internal+pii", ("internal",)),
        ("public", ("nonsense",)),
        ("public", ()),
    ):
        decision = cut(permit("on_prem"), label, clearances=cleared)
        assert (decision.reason, decision.boundary) == ("above_clearance", frozenset())


def test_clearances_are_joined() -> None:
    assert cut(permit("on_prem"), "internal+pii", clearances=("internal", "public+pii")).boundary


def test_a_denial_stays_as_it_is() -> None:
    denied = Decision(Effect.DENY, frozenset(), (), "no_rule_matched", "p", NOW)
    assert cut(denied, zones=frozenset(ZONES)) is denied


zones = st.frozensets(st.sampled_from(ZONES))
labels = st.builds(
    Label,
    st.sampled_from([WORDS.level(name) for name in WORDS.levels]),
    st.frozensets(st.just("pii")),
)


@given(zones.filter(bool), zones, labels, st.sampled_from(["public", "restricted+pii", "x"]))
def test_an_allowance_never_widens(boundary, allowed, label, cleared) -> None:
    allowance = Allowance(zones=allowed, clearances=(cleared,))
    decision = narrowed(permit(*boundary), label, allowance, WORDS)
    assert decision.boundary <= boundary & allowed
    assert (decision.effect is Effect.PERMIT) == bool(decision.boundary)


def test_policy_speaks_before_the_key() -> None:
    objection = objecting(
        lambda zone: "clearance" if zone == "frontier" else None,
        Allowance(zones=frozenset({"frontier"})),
    )
    assert objection("frontier") == "clearance"
    assert objection("on_prem") == "key_zone"
    assert objecting(lambda _: None, NO_LIMITS)("on_prem") is None


@pytest.mark.parametrize(
    ("names", "allowed"),
    [({"code"}, True), ({"qwen"}, True), ({"opus"}, False), (set(), False)],
)
def test_a_name_is_allowed_as_it_is_asked_or_as_a_model(names, allowed) -> None:
    assert may_ask("code", HOME, Allowance(names=frozenset(names))) is allowed


def test_what_a_key_does_not_allow_is_told_offering_by_offering() -> None:
    fleet = a_fleet(a_catalogue(CLOUD, HOME, tasks={"code": ("opus", "qwen")}))
    named = Named("code", "code", (CLOUD, HOME))

    def routed(*names: str):
        limits = Limits(lambda _: None, allowance=Allowance(names=frozenset(names)))
        return plan(permit(*ZONES), Ask("code"), named, fleet, limits)

    route = routed("qwen")
    assert [one.offering.model for one in route.candidates] == ["qwen"]
    assert [(one.offering, one.reason) for one in route.excluded] == [(CLOUD.id, "not_allowed")]
    nothing = routed("other")
    assert not nothing.candidates
    assert isinstance(refusal(permit(*ZONES), nothing), NotAllowed)


def test_names_are_those_under_which_something_may_answer() -> None:
    catalogue = a_catalogue(CLOUD, HOME, tasks={"code": ("opus", "qwen"), "big": ("opus",)})
    assert set(names_for(NO_LIMITS, catalogue)) >= {"code", "big", "opus", "qwen"}
    assert set(names_for(Allowance(names=frozenset({"qwen"})), catalogue)) == {"code", "qwen"}
    assert set(names_for(Allowance(names=frozenset({"big"})), catalogue)) == {"big"}
