"""Replies on their way: remembered before their end, as far as they went, and whatever happens."""

import msgspec
import pytest
from msgspec.structs import replace

from gateway.classification.conversation import LOST
from gateway.cli.mock_backend import openai
from gateway.domain.decision import Effect
from gateway.domain.route import FailureKind, OutcomeKind
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world
from tests.flow.test_conversation import (
    LONG,
    NDJSON,
    RESTRICTED,
    SHORT,
    SSE,
    chat_reply,
    engine,
    labelled,
    model,
    saying,
    script,
    user,
)

pytestmark = pytest.mark.anyio


async def test_a_reply_is_remembered_before_its_end_reaches_the_client() -> None:
    for events, client, place, kind in (
        (engine_bytes.chat_events(), "openai_chat", "cloud", SSE),
        (engine_bytes.ollama_lines(), "openai_chat", "ollama", NDJSON),
    ):
        for together in (True, False):
            chunks = (b"".join(events),) if together else events
            stage = Stage(**{place: [ScriptedReply(*chunks, content_type=kind)]})
            body = chat("local" if place == "ollama" else "code", stream=True)
            reply = await stage.exchange.exchange(an_envelope(body, dialect=client))
            assert not isinstance(reply.body, bytes)
            trace = stage.conversations.trace
            seen = [("kept" in trace, chunk) async for chunk in reply.body]
            assert [kept for kept, chunk in seen if b"[DONE]" in chunk] == [True]
            assert await stage.background.drain(5)


async def test_a_reply_that_cannot_be_written_ends_well_and_is_known_here() -> None:
    for stream in (True, False):
        stage = Stage(vllm=[engine(openai, LONG, None, stream=stream)])
        stage.conversations.unwritable = True
        status, _, raw = await stage.ask(an_envelope(chat(stream=stream), claims=RESTRICTED))
        assert status == 200
        assert stage.ledger.settled[0].outcome is OutcomeKind.COMPLETED
        event, fields = stage.log.lines[0]
        assert (event, fields["record"]) == ("reply_unwritten", stage.ledger.settled[0].id)
        turn = chat_reply(raw, stream=stream)
        asked = saying(*chat()["messages"], turn, user("and?"))
        assert await labelled(stage, an_envelope(asked)) == "restricted"


async def test_a_reply_that_nobody_knows_may_be_one_that_a_crash_took() -> None:
    stage = Stage()
    restricted = a_world(a_fleet(CATALOGUE)).vocabulary.parse("restricted")
    stage.conversations.keep("ada@example.com", [LOST], restricted, ours=False)
    assert await labelled(stage, an_envelope(saying(user("hi")))) == "internal"
    unknown = saying(user("hi"), model("yes"), user("and?"))
    assert await labelled(stage, an_envelope(unknown)) == "restricted"
    other = an_envelope(unknown)
    other = replace(other, caller=replace(other.caller, subject="grace@example.com"))
    assert await labelled(stage, other) == "internal"
    known = engine(openai, LONG, None, stream=True)
    stage.sender.answers = {"cloud": [known]}
    _, _, raw = await stage.ask(an_envelope(chat(stream=True)))
    ours = saying(*chat()["messages"], chat_reply(raw, stream=True), user("and?"))
    assert await labelled(stage, an_envelope(ours)) == "internal"


async def test_what_cannot_be_recalled_is_refused_and_nothing_is_sent() -> None:
    stage = Stage(cloud=[ScriptedReply(engine_bytes.chat_whole())])
    stage.conversations.unreadable = True
    status, headers, _ = await stage.ask(an_envelope())
    assert status == 503
    assert headers["retry-after"] == "5"
    assert stage.sender.sent == []
    decided = stage.ledger.decided[0]
    assert decided.decision.effect is Effect.REFUSED
    assert decided.decision.reason == "conversations_unavailable"


async def test_a_reply_that_was_cut_is_known_as_far_as_it_went() -> None:
    events = openai.stream(script(LONG))
    stage = Stage(
        vllm=[ScriptedReply(*events[:70], content_type=SSE, breaks=FailureKind.CUT_SHORT)]
    )
    _, _, raw = await stage.ask(an_envelope(chat(stream=True), claims={"label": "confidential"}))
    turn = chat_reply(raw.partition(b'data: {"error"')[0], stream=True)
    assert 10 < len(turn["content"].split()) < 80
    await labelled(stage, an_envelope(saying(*chat()["messages"], turn, user("go on"))))
    assert "conversation" in {one.source for one in stage.ledger.decided[-1].signals}


async def test_a_reply_to_a_client_that_left_is_known_as_far_as_it_went() -> None:
    stage = Stage(vllm=[ScriptedReply(*openai.stream(script(LONG)), content_type=SSE)])
    envelope = an_envelope(chat(stream=True), claims={"label": "confidential"})
    reply = await stage.exchange.exchange(envelope)
    assert not isinstance(reply.body, bytes)
    raw = await anext(reply.body)
    for _ in range(50):
        raw += await anext(reply.body)
    await reply.body.aclose()
    assert await stage.background.drain(5)
    turn = chat_reply(raw, stream=True)
    await labelled(stage, an_envelope(saying(*chat()["messages"], turn, user("go on"))))
    assert "conversation" in {one.source for one in stage.ledger.decided[-1].signals}


async def test_a_verbatim_reply_passes_although_nobody_can_read_it() -> None:
    odd = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":[1]}}]}\n\n'
    events = [*engine_bytes.chat_events()[:2], *[odd] * 20, *engine_bytes.chat_events()[2:]]
    stage = Stage(cloud=[ScriptedReply(*events, content_type=SSE)])
    status, _, raw = await stage.ask(an_envelope(chat(stream=True)))
    assert status == 200
    assert raw.count(odd) == 20
    assert stage.ledger.settled[0].outcome is OutcomeKind.COMPLETED
    message_of = {"role": "assistant", "content": "hm", "audio": {"id": "a"}}
    whole = {"id": "c", "choices": [{"index": 0, "message": message_of, "finish_reason": "stop"}]}
    stage = Stage(cloud=[ScriptedReply(msgspec.json.encode(whole))])
    status, _, raw = await stage.ask(an_envelope())
    assert (status, msgspec.json.decode(raw)["choices"][0]["message"]) == (200, message_of)


async def test_a_failed_attempt_is_not_the_reply() -> None:
    first = ScriptedReply(*openai.stream(script(LONG))[:1], content_type=SSE)
    stage = Stage(
        cloud=[first], vllm=[ScriptedReply(*openai.stream(script(SHORT)), content_type=SSE)]
    )
    await stage.ask(an_envelope(chat(stream=True)))
    ours = [seen for seen in stage.conversations.seen.values() if seen.ours]
    assert len(ours) == 1
