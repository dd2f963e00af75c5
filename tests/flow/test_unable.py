"""An engine that cannot be told a request is passed over, and the record says so."""

import msgspec
import pytest

from gateway.audit.record import Settled
from gateway.backends import BACKENDS
from gateway.cli.explain import _ending
from gateway.domain.route import OutcomeKind
from tests.doubles import engine_bytes
from tests.doubles.houses import Stage, an_envelope, chat
from tests.doubles.scripted_sender import ScriptedReply

pytestmark = pytest.mark.anyio

# vLLM's own record refuses what reaches past the prompt; the double at `cloud` takes it.
CONTROLLED = {"caller": {"repos": ("payments",)}}


def whole() -> ScriptedReply:
    return ScriptedReply(engine_bytes.chat_whole())


def strict(*names: str, **answers) -> Stage:
    """Return a house in which these engines refuse `mm_payload`."""
    stage = Stage(**answers)
    for name in names:
        stage.house.backends[name] = BACKENDS["vllm"]
    return stage


async def test_the_next_candidate_is_asked_and_only_what_is_sent_is_an_attempt() -> None:
    stage = strict("vllm", vllm=[whole()], vllm_2=[whole()])
    status, _, _ = await stage.ask(an_envelope(chat(mm_payload={}), **CONTROLLED))
    assert status == 200
    assert stage.trace == ["durable:Decided+Attempted", "sent:vllm-2", "durable:Settled"]
    settled = stage.ledger.settled[0]
    assert settled.unable == ("qwen@vllm",)
    assert [(one.number, one.offering) for one in settled.tried] == [(1, "qwen@vllm-2")]
    assert stage.health.resting == {}


async def test_when_none_can_be_told_the_client_hears_why_and_nothing_was_sent() -> None:
    stage = strict("vllm", "vllm-2", vllm=[whole()], vllm_2=[whole()])
    status, _, raw = await stage.ask(an_envelope(chat(mm_payload={}), **CONTROLLED))
    assert status == 400
    assert b"mm_payload" in raw
    assert stage.sender.sent == []
    settled = stage.ledger.settled[0]
    assert settled.unable == ("qwen@vllm", "qwen@vllm-2")
    assert (settled.tried, settled.error) == ((), "cannot_express")


async def test_what_an_engine_answered_badly_is_told_before_what_none_was_told() -> None:
    stage = strict("vllm-2", vllm=[ScriptedReply(b"<html>", status=503)], vllm_2=[whole()])
    status, _, _ = await stage.ask(an_envelope(chat(mm_payload={}), **CONTROLLED))
    assert status >= 500
    settled = stage.ledger.settled[0]
    assert settled.unable == ("qwen@vllm-2",)
    assert next(one.offering for one in settled.tried) == "qwen@vllm"


async def test_a_record_of_a_request_that_all_can_be_told_has_no_such_field() -> None:
    stage = Stage(cloud=[whole()])
    await stage.ask(an_envelope())
    assert b"unable" not in msgspec.json.encode(stage.ledger.settled[0])


def test_the_story_of_a_request_names_who_could_not_be_told() -> None:
    settled = Settled(
        id="r", ts_us=0, boot="b", outcome=OutcomeKind.COMPLETED, unable=("qwen@vllm",)
    )
    assert "Not qwen@vllm: its engine cannot be told this request." in _ending(settled)
