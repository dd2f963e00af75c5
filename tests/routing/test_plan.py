from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from gateway.domain.decision import Decision, Effect
from gateway.domain.errors import Denied, NoHealthyBackend, NothingFits
from gateway.domain.fleet import Fleet
from gateway.domain.request import Ask, Operation
from gateway.routing.names import Named
from gateway.routing.plan import CANDIDATES_MAX, Limits, plan, refusal
from tests.doubles.fleets import a_catalogue, a_fleet, an_offering

CLOUD = an_offering("opus", "cloud", "frontier")
HOME = an_offering("qwen", "vllm", "on_prem")
PLAIN = an_offering("tiny", "ollama", "on_prem", capabilities=frozenset(), context_tokens=100)
NAMED = Named("code", "code", (CLOUD, HOME, PLAIN))
FLEET = a_fleet(a_catalogue(CLOUD, HOME, PLAIN))


def a_decision(*zones: str, message: str = "") -> Decision:
    effect = Effect.PERMIT if zones else Effect.DENY
    now = datetime(2026, 11, 21, tzinfo=UTC)
    return Decision(effect, frozenset(zones), ("rule",), "permitted", "sha256:0", now, message)


def unexplained(_: str) -> str | None:
    return None


def test_candidates_keep_the_order_of_preference_inside_the_boundary() -> None:
    route = plan(a_decision("frontier", "on_prem"), Ask("code"), NAMED, FLEET, Limits(unexplained))
    assert [c.offering for c in route.candidates] == [CLOUD, HOME, PLAIN]
    assert route.excluded == ()
    assert route.boundary == {"frontier", "on_prem"}


def test_what_is_outside_the_boundary_falls_with_policys_reason() -> None:
    route = plan(a_decision("on_prem"), Ask("code"), NAMED, FLEET, Limits(lambda _: "clearance"))
    assert [c.zone for c in route.candidates] == ["on_prem", "on_prem"]
    assert [(e.offering, e.reason) for e in route.excluded] == [("opus@cloud", "clearance")]
    bare = plan(a_decision("on_prem"), Ask("code"), NAMED, FLEET, Limits(unexplained))
    assert bare.excluded[0].reason == "boundary"


def test_an_offering_is_asked_for_until_the_day_on_which_it_ends() -> None:
    fleet = replace(FLEET, ends={CLOUD.id: date(2026, 12, 1)})
    decision = a_decision("frontier")
    for day, reasons in ((30, []), (31, ["ended"])):
        today = date(2026, 11, 1) + timedelta(days=day - 1)
        route = plan(decision, Ask("code"), NAMED, fleet, Limits(unexplained, today=today))
        assert [e.reason for e in route.excluded if e.offering == CLOUD.id] == reasons


def test_a_missing_ability_a_short_context_and_a_resting_backend_exclude() -> None:
    ask = Ask("code", needs=frozenset({"tools", "images"}), output_tokens_max=200)
    fleet = a_fleet(a_catalogue(CLOUD, HOME, PLAIN), vllm="unreachable")
    route = plan(a_decision("frontier", "on_prem"), ask, NAMED, fleet, Limits(unexplained))
    assert [c.offering for c in route.candidates] == [CLOUD]
    assert {e.offering: e.reason for e in route.excluded} == {
        "qwen@vllm": "resting",
        "tiny@ollama": "cannot_images",
    }
    short = plan(
        a_decision("on_prem"), Ask("code", output_tokens_max=200), NAMED, FLEET, Limits(unexplained)
    )
    assert {e.offering: e.reason for e in short.excluded}["tiny@ollama"] == "context"


def test_a_route_has_a_bounded_number_of_candidates() -> None:
    many = tuple(an_offering(f"m{n}", f"b{n}", "on_prem") for n in range(CANDIDATES_MAX + 2))
    named = Named("many", "many", many)
    route = plan(
        a_decision("on_prem"), Ask("many"), named, a_fleet(a_catalogue(*many)), Limits(unexplained)
    )
    assert len(route.candidates) == CANDIDATES_MAX
    assert [e.reason for e in route.excluded] == ["too_many_candidates"] * 2


@pytest.mark.parametrize(
    ("zones", "resting", "expected", "status"),
    [
        ((), {}, Denied, 400),
        (("elsewhere",), {}, NothingFits, 400),
        (("frontier",), {"cloud": "timed_out"}, NoHealthyBackend, 503),
    ],
)
def test_an_empty_route_says_why(zones, resting, expected, status) -> None:
    decision = a_decision(*zones, message="rule x keeps it home")
    fleet = a_fleet(a_catalogue(CLOUD), **resting)
    route = plan(decision, Ask("opus"), Named("opus", None, (CLOUD,)), fleet, Limits(unexplained))
    error = refusal(decision, route)
    assert type(error) is expected
    assert error.status == status
    if expected is Denied:
        assert error.what == "rule x keeps it home"
    else:
        assert "opus@cloud" in error.what


def test_a_denial_without_a_message_still_says_something() -> None:
    decision = a_decision()
    route = plan(decision, Ask("opus"), Named("opus", None, (CLOUD,)), FLEET, Limits(unexplained))
    assert refusal(decision, route).what == "No rule permits this request anywhere."


def test_what_makes_a_provider_act_goes_only_where_policy_lets_it_pass() -> None:
    ask = Ask("code", reaches=frozenset({"tools.web_search", "remote_url"}))
    limits = Limits(unexplained, {"frontier": frozenset({"tools.web_search", "remote_url"})})
    route = plan(a_decision("frontier", "on_prem"), ask, NAMED, FLEET, limits)
    assert [c.offering for c in route.candidates] == [CLOUD]
    assert {e.reason for e in route.excluded} == {"not_passed_remote_url"}
    half = Limits(unexplained, {"frontier": frozenset({"remote_url"})})
    none = plan(a_decision("frontier", "on_prem"), ask, NAMED, FLEET, half)
    assert none.candidates == ()
    assert {e.reason for e in none.excluded} == {
        "not_passed_remote_url",
        "not_passed_tools.web_search",
    }


def test_an_engine_is_asked_only_for_what_it_does() -> None:
    counts = {"opus@cloud": frozenset({Operation.COUNT, Operation.GENERATE})}
    fleet = Fleet(FLEET.catalogue, operations=counts)
    ask = Ask("code", operation=Operation.COUNT)
    route = plan(a_decision("frontier", "on_prem"), ask, NAMED, fleet, Limits(unexplained))
    assert [c.offering for c in route.candidates] == [CLOUD]
    assert {e.reason for e in route.excluded} == {"cannot_count"}


def test_one_model_of_a_backend_can_rest_alone() -> None:
    fleet = Fleet(FLEET.catalogue, {HOME.place: "serves another model"})
    assert [fleet.rests(one) for one in (CLOUD, HOME, PLAIN)] == [False, True, False]
    route = plan(a_decision("on_prem"), Ask("code"), NAMED, fleet, Limits(unexplained))
    assert [c.offering for c in route.candidates] == [PLAIN]
