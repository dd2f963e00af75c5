"""Where inference ran, as Anthropic's own reply tells it."""

import msgspec
import pytest

from gateway.backends import BACKENDS
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_catalogue, a_fleet, an_offering
from tests.doubles.houses import HOME, Stage, an_envelope, message
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world

pytestmark = pytest.mark.anyio

CLAUDE = msgspec.structs.replace(an_offering("opus", "cloud", "frontier"), settings={})
CATALOGUE = a_catalogue(CLAUDE, HOME, tasks={"code": ("opus", "qwen")})


class Claude(Stage):
    """A stage whose cloud is Anthropic, asked for inference in the United States."""

    def __init__(self, *replies: ScriptedReply) -> None:
        super().__init__(a_world(a_fleet(CATALOGUE)), cloud=[*replies])
        self.house.backends["cloud"] = BACKENDS["anthropic"].at({"inference_geo": "us"})


def asked(**more):
    return an_envelope(message(**more), dialect="anthropic_messages", surface="messages")


def echoing(geo: str) -> bytes:
    reply = msgspec.json.decode(engine_bytes.message_whole())
    reply["usage"]["inference_geo"] = geo
    return msgspec.json.encode(reply)


async def test_the_place_is_asked_for_and_a_true_echo_passes() -> None:
    stage = Claude(ScriptedReply(echoing("us")))
    status, _, raw = await stage.ask(asked(inference_geo="global"))
    assert status == 200
    assert b"amber" in raw
    sent = msgspec.json.decode(stage.sender.sent[0][1].body)
    assert sent["inference_geo"] == "us", "the operator's word stands, the client's does not"
    assert stage.health.quarantined == {}


async def test_inference_elsewhere_is_a_breach_and_a_quarantine() -> None:
    stage = Claude(ScriptedReply(echoing("global")))
    status, _, raw = await stage.ask(asked())
    assert status == 500
    assert b"amber" not in raw
    assert "ran elsewhere" in stage.health.quarantined["cloud"]
    assert stage.ledger.settled[0].error == "boundary_breach"


async def test_inference_elsewhere_stops_a_stream_before_its_first_word() -> None:
    events = b"".join(engine_bytes.message_events()).replace(
        b'"usage":{', b'"usage":{"inference_geo":"eu",', 1
    )
    stage = Claude(ScriptedReply(events, content_type="text/event-stream"))
    _, _, raw = await stage.ask(asked(stream=True))
    assert b"amber" not in raw
    assert "cloud" in stage.health.quarantined
