"""A reply is whole with its end mark, whatever its connection does afterwards."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from gateway.domain.route import FailureKind, OutcomeKind
from tests.doubles import engine_bytes
from tests.doubles.houses import Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply

pytestmark = pytest.mark.anyio
SSE = "text/event-stream; charset=utf-8"
NDJSON = "application/x-ndjson"


class LingeringReply(ScriptedReply):
    """Says everything, and then keeps its connection open for ever."""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        async for chunk in super().chunks():
            yield chunk
        await asyncio.Event().wait()


class CountedReply(ScriptedReply):
    """Knows whether it was read to its very end."""

    is_at_end = False

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        async for chunk in super().chunks():
            yield chunk
        self.is_at_end = True


def a_chat_envelope():
    return an_envelope(chat(stream=True, stream_options={"include_usage": True}))


def assert_whole(stage: Stage) -> None:
    settled = stage.ledger.settled[0]
    assert (settled.outcome, settled.error) == (OutcomeKind.COMPLETED, None)
    assert [one.outcome.kind for one in settled.tried] == [OutcomeKind.COMPLETED]
    assert settled.usage.output_tokens == 3
    assert settled.stop == "end"


async def test_a_client_that_leaves_with_the_end_mark_has_a_completed_record() -> None:
    stage = Stage(cloud=[LingeringReply(*engine_bytes.chat_events(), content_type=SSE)])
    reply = await stage.exchange.exchange(a_chat_envelope())

    async def read_and_wait() -> None:
        async for chunk in reply.body:
            if chunk.endswith(b"data: [DONE]\n\n"):
                seen.set()

    seen = asyncio.Event()
    reading = asyncio.ensure_future(read_and_wait())
    await seen.wait()
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await reply.body.aclose()
    assert await stage.background.drain(5)
    assert_whole(stage)


async def test_a_client_that_leaves_before_the_end_mark_has_a_cancelled_record() -> None:
    events = engine_bytes.chat_events()[:-1]
    stage = Stage(cloud=[LingeringReply(*events, content_type=SSE)])
    reply = await stage.exchange.exchange(a_chat_envelope())
    assert await anext(reply.body)
    await reply.body.aclose()
    assert await stage.background.drain(5)
    assert stage.ledger.settled[0].outcome is OutcomeKind.CANCELLED


@pytest.mark.parametrize("made", [LingeringReply, ScriptedReply], ids=["lingers", "breaks"])
async def test_what_a_connection_does_after_the_end_mark_is_not_told(made) -> None:
    events = engine_bytes.chat_events()
    breaks = FailureKind.CUT_SHORT if made is ScriptedReply else None
    stage = Stage(cloud=[made(*events, content_type=SSE, breaks=breaks)])
    _, _, raw = await stage.ask(a_chat_envelope())
    assert raw == b"".join(events)
    assert_whole(stage)


async def test_a_translated_reply_is_whole_with_its_end_mark_as_well() -> None:
    stage = Stage(ollama=[LingeringReply(*engine_bytes.ollama_lines(), content_type=NDJSON)])
    body = message("local", stream=True)
    _, _, raw = await stage.ask(an_envelope(body, dialect="anthropic_messages"))
    assert raw.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert_whole(stage)


async def test_a_reply_is_read_to_its_very_end_so_that_its_connection_can_be_used_again() -> None:
    answer = CountedReply(*engine_bytes.chat_events(), content_type=SSE)
    stage = Stage(cloud=[answer])
    await stage.ask(a_chat_envelope())
    assert answer.is_at_end
    assert_whole(stage)
