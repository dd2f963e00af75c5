"""What a person or a new policy takes away while a request is under way is not tried."""

import pytest
from msgspec.structs import replace

from gateway.audit.record import Attempted
from gateway.domain.route import Failure, FailureKind
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope
from tests.doubles.worlds import a_world, demo_with

pytestmark = pytest.mark.anyio
REFUSED = Failure(FailureKind.UNREACHABLE, sent=False)
RESTRICTED = {"repos": ("payments",)}


BOTH = ["on_prem", "frontier"]


WHENS = [{"key": "key-1"}, {"repo": "payments"}, {"client": "aider"}]


@pytest.mark.parametrize("when", WHENS, ids=str)
async def test_a_new_rule_takes_away(when) -> None:
    denying = demo_with({"id": "n", "effect": "deny", "when": when, "reason": "x", "zones": BOTH})
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with()), vllm=[REFUSED])

    def rest(_b: str, _r: str) -> None:
        stage.worlds.world = a_world(a_fleet(CATALOGUE), denying)

    stage.health.rest = rest
    await stage.ask(an_envelope(caller=RESTRICTED, client="aider/0.50"))
    assert [call.backend for _, call in stage.sender.sent] == ["vllm"]


async def test_nothing_is_sent_to_a_zone_that_closes_while_the_attempt_is_recorded() -> None:
    stage = Stage()
    append = stage.ledger.append

    async def slow(records):
        if any(isinstance(r, Attempted) for r, _ in records):
            w = stage.worlds.world
            stage.worlds.world = replace(
                w, fleet=replace(w.fleet, closed=frozenset({"on_prem", "frontier"}))
            )
        return await append(records)

    stage.ledger.append = slow
    await stage.ask(an_envelope(caller=RESTRICTED))
    assert [call.backend for _, call in stage.sender.sent] == []


async def test_control_without_a_new_rule_both_are_tried() -> None:
    stage = Stage(a_world(a_fleet(CATALOGUE), demo_with()), vllm=[REFUSED])
    await stage.ask(an_envelope(caller=RESTRICTED))
    assert [call.backend for _, call in stage.sender.sent] == ["vllm", "vllm-2"]
