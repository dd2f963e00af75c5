"""A stream without an end mark ends with its connection, after a reason to stop."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.dialects.gemini import GEMINI, GEMINI_COUNT
from gateway.domain.request import Operation
from gateway.domain.route import FailureKind, OutcomeKind
from gateway.flow import attempt
from gateway.transport.backend import Backend, Way
from tests.doubles.fleets import a_fleet
from tests.doubles.goldens import golden
from tests.doubles.google_client import google_stream
from tests.doubles.houses import CATALOGUE, Stage, an_envelope
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world

pytestmark = pytest.mark.anyio
SSE = "text/event-stream; charset=utf-8"
STREAM = golden("gemini/tools.stream.txt")
CHUNKS = tuple(chunk + b"\r\n\r\n" for chunk in STREAM.split(b"\r\n\r\n")[:-1])
AT = "/v1/projects/p/locations/eu/publishers/google/models/{model}:"
BODY = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
VERTEX = Backend(
    name="vertex",
    ways=(
        Way(
            dialect=GEMINI,
            path=f"{AT}generateContent",
            streamed=f"{AT}streamGenerateContent?alt=sse",
        ),
        Way(dialect=GEMINI_COUNT, path=f"{AT}countTokens"),
    ),
    credential=lambda _: (),
)


class LingeringReply(ScriptedReply):
    """Says everything, and then keeps its connection open for ever."""

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        async for chunk in super().chunks():
            yield chunk
        await asyncio.Event().wait()


def a_stage(*answers: Any) -> Stage:
    operations = frozenset({Operation.GENERATE, Operation.COUNT})
    fleet = replace(a_fleet(CATALOGUE), operations={"opus@cloud": operations})
    stage = Stage(a_world(fleet), cloud=list(answers))
    stage.house.backends["cloud"] = VERTEX
    return stage


def asked(dialect: str = "gemini", *, streams: bool = True) -> Any:
    return an_envelope(BODY, dialect=dialect, asked="opus", streams=streams)


def assert_whole(stage: Stage) -> None:
    settled = stage.ledger.settled[0]
    assert (settled.outcome, settled.error) == (OutcomeKind.COMPLETED, None)
    assert (settled.usage.output_tokens, settled.stop) == (27, "tool_use")


async def test_a_stream_passes_as_it_came_and_is_whole_when_its_connection_ends() -> None:
    stage = a_stage(ScriptedReply(*CHUNKS, content_type=SSE))
    _, headers, raw = await stage.ask(asked())
    assert raw == STREAM
    assert headers["content-type"] == "text/event-stream"
    assert_whole(stage)
    call = stage.sender.sent[0][1]
    assert call.path.endswith("/models/opus:streamGenerateContent?alt=sse")


async def test_what_comes_after_the_reason_to_stop_still_passes_and_counts() -> None:
    late = b'data: {"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":9}}\r\n\r\n'
    stage = a_stage(ScriptedReply(*CHUNKS, late, content_type=SSE))
    _, _, raw = await stage.ask(asked())
    assert raw == STREAM + late
    assert stage.ledger.settled[0].usage.output_tokens == 9


@pytest.mark.parametrize("made", [LingeringReply, ScriptedReply], ids=["lingers", "breaks"])
async def test_a_reply_with_its_reason_to_stop_is_whole_whatever_its_connection_does(
    made, monkeypatch
) -> None:
    monkeypatch.setattr(attempt, "LAST_WAIT_S", 0.01)
    breaks = FailureKind.CUT_SHORT if made is ScriptedReply else None
    stage = a_stage(made(*CHUNKS, content_type=SSE, breaks=breaks))
    _, _, raw = await stage.ask(asked())
    assert raw == STREAM
    assert_whole(stage)


@pytest.mark.parametrize("dialect", ["gemini", "anthropic_messages"])
@pytest.mark.parametrize("breaks", [None, FailureKind.CUT_SHORT])
async def test_a_stream_without_a_reason_to_stop_was_cut(dialect, breaks) -> None:
    stage = a_stage(ScriptedReply(*CHUNKS[:-1], content_type=SSE, breaks=breaks))
    body = {"model": "opus", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    envelope = asked()
    if dialect != "gemini":
        envelope = an_envelope({**body, "stream": True}, dialect=dialect)
    _, _, raw = await stage.ask(envelope)
    assert b"error" in raw.splitlines()[-2] + raw.splitlines()[-1]
    assert b"message_stop" not in raw
    settled = stage.ledger.settled[0]
    assert (settled.outcome, settled.error) == (OutcomeKind.FAILED, "cut_short")


async def test_a_blocked_prompt_is_an_answer_though_it_says_nothing() -> None:
    blocked = b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\r\n\r\n'
    stage = a_stage(ScriptedReply(blocked, content_type=SSE))
    status, _, raw = await stage.ask(asked())
    assert (status, raw) == (200, blocked)
    assert stage.ledger.settled[0].stop == "refusal"


async def test_a_client_that_asks_for_no_events_gets_one_array() -> None:
    stage = a_stage(ScriptedReply(*CHUNKS, content_type=SSE))
    _, headers, raw = await stage.ask(asked("gemini_array"))
    assert headers["content-type"] == "application/json"
    assert len(msgspec.json.decode(raw)) == len(CHUNKS)
    assert_whole(stage)


async def test_an_array_of_a_reply_that_broke_ends_with_the_error() -> None:
    stage = a_stage(ScriptedReply(*CHUNKS[:-1], content_type=SSE))
    _, _, raw = await stage.ask(asked("gemini_array"))
    *said, last = msgspec.json.decode(raw)
    assert len(said) == len(CHUNKS) - 1
    assert last["error"]["status"] == "INTERNAL"


async def test_an_engine_of_another_dialect_answers_in_an_array_as_well() -> None:
    line = b'{"message":{"role":"assistant","content":"hello"},"done":false}\n'
    end = b'{"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":2}\n'
    for lines in ((line, end), (line,)):
        stage = Stage(ollama=[ScriptedReply(*lines, content_type="application/x-ndjson")])
        envelope = replace(asked("gemini_array"), asked="local")
        _, _, raw = await stage.ask(envelope)
        first, *_, last = msgspec.json.decode(raw)
        assert first["candidates"][0]["content"]["parts"] == [{"text": "hello"}]
        assert ("error" in last) is (end not in lines)


async def test_a_translated_stream_reaches_a_client_of_googles() -> None:
    line = b'{"message":{"role":"assistant","content":"hello"},"done":false}\n'
    end = b'{"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":2}\n'
    stage = Stage(ollama=[ScriptedReply(line, end, content_type="application/x-ndjson")])
    _, _, raw = await stage.ask(replace(asked(), asked="local"))
    assert google_stream(raw)[-1].candidates[0].finish_reason.value == "STOP"


async def test_a_count_is_asked_where_the_engine_counts() -> None:
    stage = a_stage(ScriptedReply(b'{"totalTokens":31}'))
    status, _, raw = await stage.ask(asked("gemini_count", streams=False))
    assert (status, raw) == (200, b'{"totalTokens":31}')
    assert stage.sender.sent[0][1].path.endswith("/models/opus:countTokens")
