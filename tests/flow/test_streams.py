"""Streams: verbatim or translated, held until sure, ended as dialects end, settled always."""

import asyncio

import pytest

from gateway.domain.route import FailureKind, OutcomeKind
from tests.doubles import engine_bytes
from tests.doubles.houses import Stage, an_envelope, chat, message
from tests.doubles.scripted_sender import ScriptedReply

pytestmark = pytest.mark.anyio
SSE = "text/event-stream; charset=utf-8"
NDJSON = "application/x-ndjson"


def chat_stream(*events: bytes, **more: object) -> ScriptedReply:
    return ScriptedReply(*(events or engine_bytes.chat_events()), content_type=SSE, **more)


def streamed(model: str = "code", **more: object) -> dict:
    return chat(model, stream=True, stream_options={"include_usage": True}, **more)


async def test_a_stream_of_the_same_dialect_passes_to_the_letter() -> None:
    stage = Stage(cloud=[chat_stream()])
    status, headers, raw = await stage.ask(an_envelope(streamed()))
    assert status == 200
    assert headers["content-type"] == "text/event-stream"
    assert raw == b"".join(engine_bytes.chat_events())
    settled = stage.ledger.settled[0]
    assert settled.outcome is OutcomeKind.COMPLETED
    assert settled.usage.output_tokens == 3
    assert settled.tried[0].first_token_us is not None


async def test_usage_that_the_client_did_not_ask_for_is_heard_and_removed() -> None:
    stage = Stage(cloud=[chat_stream()])
    _, _, raw = await stage.ask(an_envelope(chat(stream=True)))
    assert b'"usage":{' not in raw
    assert raw.endswith(b"data: [DONE]\n\n")
    assert stage.ledger.settled[0].usage.output_tokens == 3
    assert stage.sender.sent[0][1].body.count(b'"include_usage":true') == 1


async def test_an_anthropic_client_on_ollama_gets_its_own_stream() -> None:
    reply = ScriptedReply(*engine_bytes.ollama_lines(), content_type=NDJSON)
    stage = Stage(ollama=[reply])
    envelope = an_envelope(message("local", stream=True), dialect="anthropic_messages")
    status, headers, raw = await stage.ask(envelope)
    assert status == 200
    assert raw.startswith(b"event: message_start\n")
    assert b"event: message_stop\n" in raw
    assert b"amber" in raw
    assert stage.ledger.settled[0].usage.input_tokens == 10
    assert stage.sender.sent[0][1].path == "/api/chat"
    assert headers["content-type"] == "text/event-stream"


async def test_an_openai_client_on_ollama_gets_its_own_stream_and_hears_of_losses() -> None:
    stage = Stage(ollama=[ScriptedReply(*engine_bytes.ollama_lines(), content_type=NDJSON)])
    body = streamed("local", logit_bias={"1": 2})
    _, headers, raw = await stage.ask(an_envelope(body))
    assert raw.endswith(b"data: [DONE]\n\n")
    assert "logit_bias" in headers["x-perimeter-lost"]
    assert "logit_bias" in stage.ledger.attempted[0].losses


async def test_an_anthropic_client_on_vllm_passes_through() -> None:
    events = engine_bytes.message_events()
    stage = Stage(vllm=[ScriptedReply(*events, content_type=SSE)])
    envelope = an_envelope(
        message(stream=True), dialect="anthropic_messages", caller={"repos": ("payments",)}
    )
    _, _, raw = await stage.ask(envelope)
    assert raw == b"".join(events)
    assert stage.sender.sent[0][1].path == "/v1/messages"


async def test_an_error_inside_the_stream_before_any_content_is_tried_elsewhere() -> None:
    events = engine_bytes.chat_events()
    broken = chat_stream(events[0], b'data: {"error":{"message":"boom","code":500}}\n\n')
    stage = Stage(cloud=[broken], vllm=[chat_stream()])
    status, _, raw = await stage.ask(an_envelope(streamed()))
    assert status == 200
    assert raw == b"".join(events)
    assert broken.abandoned


async def test_an_error_after_the_first_content_ends_with_the_dialects_own_error() -> None:
    events = engine_bytes.chat_events()
    error = b'data: {"error":{"message":"boom","code":500}}\n\ndata: [DONE]\n\n'
    stage = Stage(cloud=[chat_stream(*events[:3], error)], vllm=[chat_stream()])
    _, _, raw = await stage.ask(an_envelope(streamed()))
    assert raw.startswith(b"".join(events[:3]))
    last = raw.removeprefix(b"".join(events[:3]))
    assert b'"error"' in last
    assert b"[DONE]" not in last
    assert [call.backend for _, call in stage.sender.sent] == ["cloud"]
    settled = stage.ledger.settled[0]
    assert settled.outcome is OutcomeKind.FAILED
    assert settled.tried[0].outcome.failure.first_token_seen


@pytest.mark.parametrize("kind", [FailureKind.CUT_SHORT, FailureKind.TIMED_OUT])
async def test_a_stream_that_breaks_off_says_so(kind) -> None:
    events = engine_bytes.message_events()
    reply = ScriptedReply(*events[:4], content_type=SSE, breaks=kind)
    stage = Stage(vllm=[reply])
    envelope = an_envelope(
        message(stream=True), dialect="anthropic_messages", caller={"repos": ("payments",)}
    )
    _, _, raw = await stage.ask(envelope)
    assert raw.removeprefix(b"".join(events[:4])).startswith(b"event: error\n")
    assert b"message_stop" not in raw
    assert stage.ledger.settled[0].tried[0].outcome.failure.kind is kind


async def test_a_stream_without_its_end_mark_was_cut_short() -> None:
    stage = Stage(cloud=[chat_stream(*engine_bytes.chat_events()[:-1])])
    _, _, raw = await stage.ask(an_envelope(streamed()))
    assert b"[DONE]" not in raw
    assert stage.ledger.settled[0].tried[0].outcome.failure.kind is FailureKind.CUT_SHORT


async def test_a_stream_that_ends_before_any_content_is_tried_elsewhere() -> None:
    stage = Stage(cloud=[chat_stream(engine_bytes.chat_events()[0])], vllm=[chat_stream()])
    status, _, _ = await stage.ask(an_envelope(streamed()))
    assert status == 200
    assert [call.backend for _, call in stage.sender.sent] == ["cloud", "vllm"]


async def test_html_in_place_of_a_stream_is_tried_elsewhere() -> None:
    page = ScriptedReply(b"<html></html>", content_type="text/html")
    stage = Stage(cloud=[page], vllm=[chat_stream()])
    status, _, _ = await stage.ask(an_envelope(streamed()))
    assert status == 200
    assert page.abandoned


async def test_a_client_that_leaves_after_the_first_token_stops_the_engine() -> None:
    stage = Stage(cloud=[reply := chat_stream()])
    answer = await stage.exchange.exchange(an_envelope(streamed()))
    await anext(answer.body)
    await answer.body.aclose()
    assert await stage.background.drain(5)
    assert reply.abandoned
    settled = stage.ledger.settled[0]
    assert settled.outcome is OutcomeKind.CANCELLED
    assert settled.tried[0].outcome.kind is OutcomeKind.CANCELLED
    assert settled.served_by == "opus@cloud"


async def test_a_client_that_leaves_before_the_first_token_stops_the_engine() -> None:
    reached = asyncio.Event()

    class Hanging(ScriptedReply):
        async def chunks(self):
            reached.set()
            await asyncio.Event().wait()
            yield b""

    stage = Stage(cloud=[reply := Hanging(content_type=SSE)])
    task = asyncio.ensure_future(stage.exchange.exchange(an_envelope(streamed())))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await stage.background.drain(5)
    assert reply.abandoned
    assert stage.trace[-1] == "durable:Settled"
    assert stage.ledger.settled[0].outcome is OutcomeKind.CANCELLED


async def test_a_client_that_leaves_while_the_decision_is_written_is_settled_after_it() -> None:
    stage = Stage(cloud=[chat_stream()])
    release = asyncio.Event()
    append = stage.ledger.append

    async def slow(records):
        if not stage.ledger.records:
            done = await append(records)
            await release.wait()
            return done
        return await append(records)

    stage.ledger.append = slow
    task = asyncio.ensure_future(stage.exchange.exchange(an_envelope(streamed())))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    assert await stage.background.drain(5)
    assert stage.trace == ["durable:Decided+Attempted", "durable:Settled"]
    assert stage.sender.sent == []


async def test_a_translated_stream_that_breaks_ends_with_the_clients_error() -> None:
    lines = [*engine_bytes.ollama_lines()[:2], b'{"error":"boom"}\n']
    stage = Stage(ollama=[ScriptedReply(*lines, content_type=NDJSON)])
    _, _, raw = await stage.ask(an_envelope(streamed("local")))
    assert b"amber" in raw
    assert b'"error"' in raw
    assert b"[DONE]" not in raw


async def test_a_remote_host_inside_a_stream_stops_it_at_once() -> None:
    lines = engine_bytes.ollama_lines()
    leaked = b'{"model":"m","remote_host":"https://x","message":{"content":"LEAK"},"done":false}\n'
    stage = Stage(ollama=[ScriptedReply(lines[0], leaked, content_type=NDJSON)])
    _, _, raw = await stage.ask(an_envelope(streamed("local")))
    assert b"LEAK" not in raw
    assert stage.health.quarantined.keys() == {"ollama"}
    assert stage.ledger.settled[0].error == "boundary_breach"


async def test_a_stream_cut_anywhere_gives_the_same_bytes() -> None:
    whole = b"".join(engine_bytes.chat_events())
    for cut in range(1, len(whole), 37):
        stage = Stage(cloud=[chat_stream(whole[:cut], whole[cut:])])
        _, _, raw = await stage.ask(an_envelope(streamed()))
        assert raw == whole
