"""Where inference ran, as Anthropic's own reply tells it."""

import msgspec
import pytest
from msgspec import UNSET

from gateway.audit import canonical
from gateway.backends import BACKENDS
from gateway.domain.attestation import Attestation
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_catalogue, a_fleet, an_offering
from tests.doubles.houses import HOME, Stage, an_envelope, chat, message
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


def streamed(geo: str = "") -> ScriptedReply:
    events = b"".join(engine_bytes.message_events())
    told = f'"usage":{{"inference_geo":"{geo}",'.encode() if geo else b'"usage":{'
    return ScriptedReply(events.replace(b'"usage":{', told, 1), content_type="text/event-stream")


@pytest.mark.parametrize("form", ["whole", "stream"])
@pytest.mark.parametrize(
    ("geo", "region", "verdict"),
    [("us", "us", "match"), ("", UNSET, "unobservable")],
    ids=["echo", "none"],
)
async def test_the_record_says_what_the_reply_told_of_its_place(
    form: str, geo: str, region: object, verdict: str
) -> None:
    plain = ScriptedReply(echoing(geo) if geo else engine_bytes.message_whole())
    stage = Claude(plain if form == "whole" else streamed(geo))
    status, _, _ = await stage.ask(asked(stream=form == "stream"))
    assert status == 200
    (settled,) = stage.ledger.settled
    assert (settled.observed_region, settled.attestation) == (region, verdict)
    counts = stage.house.seen.of("opus@cloud")
    assert getattr(counts, verdict) == 1
    assert (b"observed_region" in canonical.encode(settled)) is bool(geo)


async def test_an_echo_from_elsewhere_is_recorded_with_the_breach() -> None:
    stage = Claude(ScriptedReply(echoing("global")))
    await stage.ask(asked())
    (settled,) = stage.ledger.settled
    assert settled.error == "boundary_breach"
    assert stage.house.seen.of("opus@cloud").match == 0


async def test_a_place_in_odd_words_is_not_repeated() -> None:
    stage = Claude(ScriptedReply(echoing("us\\n<script>")))
    stage.house.backends["cloud"] = BACKENDS["anthropic"].at({})
    await stage.ask(asked())
    (settled,) = stage.ledger.settled
    assert settled.observed_region == "no word that is known"
    assert b"script" not in canonical.encode(settled)


async def test_an_engine_of_our_own_attests_nothing() -> None:
    stage = Stage(vllm=[ScriptedReply(engine_bytes.chat_whole())])
    await stage.ask(an_envelope(chat("qwen")))
    (settled,) = stage.ledger.settled
    assert settled.attestation is settled.observed_region is UNSET
    assert b"attestation" not in canonical.encode(settled)


async def test_a_cloud_that_tells_no_place_is_unobservable_and_counts_for_nothing() -> None:
    stage = Stage(cloud=[ScriptedReply(engine_bytes.chat_whole())])
    stage.house.backends["cloud"] = BACKENDS["openai"]
    status, _, _ = await stage.ask(an_envelope())
    assert status == 200
    (settled,) = stage.ledger.settled
    assert settled.attestation is Attestation.UNOBSERVABLE
    assert stage.house.seen.of("opus@cloud").unobservable == 0
