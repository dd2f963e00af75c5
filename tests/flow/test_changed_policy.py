"""A policy that changes between two tries takes candidates away, and never adds one."""

import pytest
from msgspec.structs import replace

from gateway.domain.route import Failure, FailureKind
from gateway.policy.program import Clause, Program
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope
from tests.doubles.worlds import a_world

pytestmark = pytest.mark.anyio
REFUSED = Failure(FailureKind.UNREACHABLE, sent=False)
RESTRICTED = {"repos": ("payments",)}


def denying(program: Program) -> Program:
    """A rule more, that nobody knew when the request was decided."""
    clause = Clause(
        "new", False, frozenset(program.zones), lambda _: True, lambda _: True, conditional=True
    )
    return replace(program, clauses=(*program.clauses, clause))


def permitting_nothing(program: Program) -> Program:
    return replace(program, clauses=tuple(one for one in program.clauses if not one.permits))


def without_zones(program: Program) -> Program:
    return replace(program, zones={})


async def tried(change) -> list[str]:
    stage = Stage(vllm=[REFUSED])

    def rest(_backend: str, _reason: str) -> None:
        stage.worlds.world = replace(stage.worlds.world, program=change(stage.worlds.world.program))

    stage.health.rest = rest
    await stage.ask(an_envelope(caller=RESTRICTED))
    return [call.backend for _, call in stage.sender.sent]


@pytest.mark.parametrize("change", [denying, permitting_nothing, without_zones])
async def test_adv_37_what_a_new_policy_takes_away_is_not_tried_any_more(change) -> None:
    assert await tried(change) == ["vllm"]


async def test_adv_67_a_new_policy_that_still_permits_changes_nothing_under_way() -> None:
    assert await tried(lambda program: replace(program, digest="sha256:another")) == [
        "vllm",
        "vllm-2",
    ]


async def test_an_offering_that_left_the_catalogue_is_not_tried_any_more() -> None:
    stage = Stage(vllm=[REFUSED])

    def rest(_backend: str, _reason: str) -> None:
        stage.worlds.world = a_world(a_fleet(CATALOGUE[:1]))

    stage.health.rest = rest
    await stage.ask(an_envelope(caller=RESTRICTED))
    assert [call.backend for _, call in stage.sender.sent] == ["vllm"]
