"""A stream of any surface, from any engine, that does not come to its end: cut and recorded."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit.record import Settled
from gateway.domain.route import FailureKind, OutcomeKind
from tests.doubles.houses import Stage
from tests.doubles.reply_watcher import ReplyWatcher
from tests.doubles.speaking_stage import KINDS, STREAMED, Spoken, readable, speaking
from tests.doubles.vendor_secrets import FORMATS, Draw

pytestmark = pytest.mark.anyio
PAT = FORMATS["github-pat"](Draw("streams"))
SURFACE = pytest.mark.parametrize("surface", STREAMED, ids=str)
ENGINE = pytest.mark.parametrize("engine", KINDS)


async def begun(stage: Stage, surface: Spoken, engine: str) -> AsyncGenerator[bytes, None]:
    """Return the rest of a stream whose first words have come."""
    reply = await stage.exchange.exchange(surface.envelope(f"{engine}-model"))
    assert reply.status == 200
    assert await anext(reply.body)
    return reply.body


async def settled(stage: Stage) -> Settled:
    assert await stage.background.drain(5)
    (found,) = stage.ledger.settled
    assert len(stage.ledger.decided) == len(stage.ledger.attempted) == len(found.tried) == 1
    return found


def assert_estimated(found: Settled, engine: str) -> None:
    """What was used stands in the record, is more than nothing, and is told for no more."""
    assert found.usage_estimated is True
    assert found.usage.input_tokens > 0
    assert found.usage.output_tokens > 0
    assert (found.cost_microusd > 0) is (engine == "cloud")
    assert found.reply_bytes > 0
    assert found.stop is None


@SURFACE
@ENGINE
@pytest.mark.parametrize("kind", [FailureKind.CUT_SHORT, FailureKind.TIMED_OUT])
async def test_adv_73_what_an_engine_cuts_or_leaves_idle_has_an_outcome_and_an_estimate(
    surface: Spoken, engine: str, kind: FailureKind
) -> None:
    stage = speaking()
    stage.sender.breaks = kind
    status, headers, raw = await stage.ask(surface.envelope(f"{engine}-model"))
    assert status == 200
    found = await settled(stage)
    assert (found.outcome, found.error) == (OutcomeKind.FAILED, kind)
    assert found.tried[0].outcome.failure.kind is kind
    assert_estimated(found, engine)
    assert headers["x-perimeter-record"].encode() in raw, "the client is not told"


@SURFACE
@ENGINE
async def test_adv_73_what_a_client_leaves_has_an_outcome_and_an_estimate(
    surface: Spoken, engine: str
) -> None:
    stage = speaking()
    await (await begun(stage, surface, engine)).aclose()
    found = await settled(stage)
    assert (found.outcome, found.error) == (OutcomeKind.CANCELLED, "client_gone")
    assert_estimated(found, engine)


@SURFACE
@ENGINE
async def test_adv_73_what_came_to_its_end_is_no_estimate(surface: Spoken, engine: str) -> None:
    stage = speaking()
    await stage.ask(surface.envelope(f"{engine}-model"))
    found = await settled(stage)
    assert found.outcome is OutcomeKind.COMPLETED
    assert found.usage_estimated is UNSET
    assert found.usage.output_tokens > 0


@SURFACE
@ENGINE
async def test_adv_88_a_zone_that_is_closed_cuts_a_stream_of_every_surface(
    surface: Spoken, engine: str
) -> None:
    stage = speaking()
    rest = await begun(stage, surface, engine)
    zone = KINDS[engine][1]
    assert stage.house.openings.cut("elsewhere") == 0
    assert stage.house.openings.cut(zone) == 1
    last = readable(b"".join([chunk async for chunk in rest]))
    assert b"was closed" in last
    assert b"cedar" not in last
    found = await settled(stage)
    assert (found.outcome, found.error) == (OutcomeKind.FAILED, "zone_closed")
    assert_estimated(found, engine)


def watching(action: str) -> Stage:
    stage = speaking()
    world = stage.worlds.world
    stage.worlds.world = replace(world, program=replace(world.program, replies={"secrets": action}))
    stage.house = replace(stage.house, scanner=ReplyWatcher())
    stage.exchange = type(stage.exchange)(stage.house)
    words: Any = ["amber"] * 400
    stage.sender.text = (*words, "the token is", PAT, "birch", "no more")
    return stage


@SURFACE
@ENGINE
async def test_adv_88_what_policy_cuts_ends_a_stream_of_every_surface(
    surface: Spoken, engine: str
) -> None:
    """The reply is worse than its label: its words pass until then, and no more of them."""
    stage = watching("cut")
    status, _, raw = await stage.ask(surface.envelope(f"{engine}-model"))
    assert status == 200
    seen = readable(raw)
    assert seen.count(b"amber") > 100
    for word in (PAT[:20], PAT[20:], "no more"):
        assert word.encode() not in seen
    found = await settled(stage)
    assert (found.outcome, found.error) == (OutcomeKind.FAILED, "reply_cut")
    assert found.reply_cut == "github-pat"
    assert_estimated(found, engine)
