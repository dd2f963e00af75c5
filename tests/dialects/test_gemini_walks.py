"""A client of Google's on engines of every dialect, and clients of every dialect on Gemini."""

import msgspec
import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from gateway.dialects.gemini import GEMINI
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.event import (
    Began,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.domain.money import Tokens
from tests.doubles.bedrock_vendor import params_of
from tests.doubles.event_frames import event
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import assert_golden_json, golden, golden_json
from tests.doubles.google_client import assert_google_takes, google_stream, google_whole
from tests.doubles.message_grammar import assert_grammar
from tests.doubles.responses_grammar import events_of
from tests.doubles.vendor_readers import (
    anthropic_stream,
    anthropic_whole,
    chunks,
    ollama_sends,
    ollama_stream,
)

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
AGENT = golden_json("gemini/agent.json")
STREAM = golden("gemini/tools.stream.txt")
WHOLE = golden("gemini/tools.json")
BOTH_WAYS = [OPENAI_CHAT, ANTHROPIC_MESSAGES, OPENAI_RESPONSES, OLLAMA_CHAT]
ENGINE = an_offering("qwen3", "engine", "on_prem", wire_model="qwen3:14b")
CLAUDE = an_offering("claude", "aws", "eu", wire_model="eu.anthropic.claude-opus-5-5")
GOOGLE = an_offering("gemini", "vertex", "eu", wire_model="gemini-3-pro")
# Words of the request, and how the loss begins that stands for each where it is not found again.
SENTINELS = {
    "S-system": "",
    "S-rules": "",
    "S-user": "",
    "S-thought": "thinking",
    "S-text": "",
    "S-tool": "",
    "S-key": "",
    "S-argument": "",
    "S-second": "",
    "S-answer": "",
    "S-failure": "",
    "S-last": "",
    "S-does": "",
    "S-old": "",
    "S-word": "",
    "S-stop": "stop",
    "S-label": "labels",
    "iVBORw0KGgo/+w==": "",
    "JVBERi0x": "documents",
    "4321": "",
}
CONVERSE = b"".join(
    (
        event("messageStart", role="assistant"),
        event("contentBlockDelta", contentBlockIndex=0, delta={"text": "S-text"}),
        event("contentBlockStop", contentBlockIndex=0),
        event(
            "contentBlockStart",
            contentBlockIndex=1,
            start={"toolUse": {"toolUseId": "S-id", "name": "S-tool"}},
        ),
        event(
            "contentBlockDelta",
            contentBlockIndex=1,
            delta={"toolUse": {"input": '{"path":"S-argument"}'}},
        ),
        event("contentBlockStop", contentBlockIndex=1),
        event("messageStop", stopReason="tool_use"),
        event("metadata", usage={"inputTokens": 11, "outputTokens": 44}, metrics={}),
    )
)
ANSWER = (
    Began("S-reply", "engine", 11),
    ThinkingDelta("S-thought"),
    TextDelta("S-text é"),
    ToolCallBegan(0, "S-id_1", "S-tool"),
    ToolCallDelta(0, '{"path":"S-ar'),
    ToolCallDelta(0, 'gument"}'),
    ToolCallBegan(1, "S-id_2", "S-silent"),
    ToolCallDelta(1, "{}"),
    Stopped("tool_use"),
    Used(Tokens(11, 44)),
)


def by_name(dialect):
    return dialect.name


def answered(engine, client, raw, size=64):
    """Translate a stream; what the flow does, without the flow."""
    reader, writer = engine.reader(), client.writer("asked", RECORD, True)
    events = [event for chunk in chunks(raw, size) for event in reader.feed(chunk)]
    assert reader.finished
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def spoken(dialect):
    """Return the stream of an engine that speaks that dialect."""
    if dialect is BEDROCK_CONVERSE:
        return CONVERSE
    writer = dialect.writer("engine", RECORD, True)
    return b"".join([*(writer.write(event) for event in ANSWER), writer.close()])


def accepted(dialect, body, offering):
    """The vendor's own types take the request."""
    if dialect is BEDROCK_CONVERSE:
        params_of(body, offering.wire_model)
        return
    dialect.peek(body)
    if dialect is OLLAMA_CHAT:
        assert len(ollama_sends(body)["messages"]) == len(body["messages"])


@pytest.mark.parametrize("target", [*BOTH_WAYS, BEDROCK_CONVERSE], ids=by_name)
def test_an_agent_of_googles_reaches_every_engine_with_each_sentinel_or_its_loss(target):
    offering = CLAUDE if target is BEDROCK_CONVERSE else ENGINE
    conversation, unread = GEMINI.read(AGENT)
    body, unsaid = target.write(conversation, offering, True)
    accepted(target, body, offering)
    said, losses = msgspec.json.encode(body).decode(), {*unread, *unsaid}
    for sentinel, loss in SENTINELS.items():
        is_lost = bool(loss) and any(name.startswith(loss) for name in losses)
        assert sentinel in said or is_lost, (sentinel, losses)
    assert said.count("S-tool") >= 3


@pytest.mark.parametrize("engine", [*BOTH_WAYS, BEDROCK_CONVERSE], ids=by_name)
def test_every_engines_stream_reaches_a_client_of_googles(engine):
    raw = spoken(engine)
    for size in (1, 64, len(raw)):
        told = google_stream(answered(engine, GEMINI, raw, size))
        parts = [part for one in told for part in one.candidates[0].content.parts]
        assert "S-text" in "".join(part.text or "" for part in parts if not part.thought)
        calls = [part.function_call for part in parts if part.function_call]
        assert (calls[0].name, calls[0].args) == ("S-tool", {"path": "S-argument"})
        assert all(call.id for call in calls)
        assert told[-1].candidates[0].finish_reason.value == "STOP"
        assert told[-1].usage_metadata.prompt_token_count == 11
        assert told[-1].usage_metadata.total_token_count == 55


@pytest.mark.parametrize("engine", BOTH_WAYS, ids=by_name)
def test_every_engines_whole_reply_reaches_a_client_of_googles(engine):
    raw = engine.write_reply(ANSWER, "engine", RECORD)
    reply = google_whole(GEMINI.write_reply(engine.read_reply(raw), "asked", RECORD))
    assert reply.text == "S-text é"
    assert [call.args for call in reply.function_calls] == [{"path": "S-argument"}, {}]
    assert reply.usage_metadata.total_token_count == 55


def test_claudes_thinking_comes_back_from_a_client_of_googles():
    raw = golden("anthropic_messages/thinking_tools.stream.txt")
    told = google_stream(answered(ANTHROPIC_MESSAGES, GEMINI, raw))
    parts = [part for one in told for part in one.candidates[0].content.parts]
    again = [
        msgspec.json.decode(part.model_dump_json(exclude_none=True, by_alias=True))
        for part in parts
    ]
    body = {
        "contents": [{"role": "user", "parts": [{"text": "x"}]}, {"role": "model", "parts": again}]
    }
    conversation, lost = GEMINI.read(body)
    assert lost == ()
    written, _ = ANTHROPIC_MESSAGES.write(conversation, ENGINE, True)
    said = msgspec.json.encode(written).decode()
    for sentinel in ("S-signature", "S-redacted", "S-argument", "toolu_S1"):
        assert sentinel in said
    assert "perimeter" not in said
    passed = msgspec.json.encode(GEMINI.rewrite(body, GOOGLE, True)).decode()
    assert "cGVyaW1ldGVy" not in passed


def test_an_agent_of_anthropics_reaches_gemini():
    conversation, _ = ANTHROPIC_MESSAGES.read(golden_json("anthropic_messages/agent_turn.json"))
    body, losses = GEMINI.write(conversation, GOOGLE, True)
    assert_google_takes(body)
    GEMINI.peek(body)
    assert "thought_signature_injected" in losses
    said = msgspec.json.encode(body).decode()
    for word in ("You are an agent.", "I will read both.", "toolu_02", "no such file", "Go on."):
        assert word in said


def test_codex_reaches_gemini():
    codex = golden_json("openai_responses/codex.json")
    conversation, unread = OPENAI_RESPONSES.read(codex)
    body, unsaid = GEMINI.write(conversation, GOOGLE, True)
    assert_google_takes(body)
    GEMINI.peek(body)
    assert {"tools.web_search", "client_metadata"} <= {*unread, *unsaid}


def test_an_agent_of_openais_reaches_gemini():
    source = golden_json("openai_chat/agent.json")
    conversation, _ = OPENAI_CHAT.read(source)
    body, _ = GEMINI.write(conversation, GOOGLE, True)
    assert_google_takes(body)
    GEMINI.peek(body)
    assert_golden_json("gemini/from_openai_chat.json", body)


def calls_of(events):
    return [one for one in events if isinstance(one, ToolCallBegan)]


@pytest.mark.parametrize("client", BOTH_WAYS, ids=by_name)
def test_geminis_stream_reaches_every_client(client):
    made = calls_of(GEMINI.read_reply(WHOLE))
    for size in (1, 64, len(STREAM)):
        out = answered(GEMINI, client, STREAM, size)
        said = out.decode()
        for sentinel in ("S-tool", "S-silent", "S-argument", "S-thought é", "日本"):
            assert sentinel in said or sentinel.encode("unicode_escape").decode() in said
        events = client.reader().feed(out)
        assert [call.name for call in calls_of(events)] == [call.name for call in made]
        used = [one for one in events if isinstance(one, Used)][-1].tokens
        assert used.output_tokens == 27
        assert used.input_tokens + used.cache_read_tokens == 100
        assert any(one == Stopped("tool_use") for one in events)


def test_geminis_stream_keeps_the_grammar_of_its_clients():
    assert_grammar(answered(GEMINI, ANTHROPIC_MESSAGES, STREAM))
    message = anthropic_stream(answered(GEMINI, ANTHROPIC_MESSAGES, STREAM))
    whole = anthropic_whole(
        ANTHROPIC_MESSAGES.write_reply(GEMINI.read_reply(WHOLE), "asked", RECORD)
    )
    for told in (message, whole):
        assert told.stop_reason == "tool_use"
        calls = [block for block in told.content if block.type == "tool_use"]
        assert calls[0].input == {"path": "S-argument", "finishReason": "STOP"}
        assert calls[1].id == "S-id_2"
    events_of(answered(GEMINI, OPENAI_RESPONSES, STREAM))
    lines = ollama_stream(answered(GEMINI, OLLAMA_CHAT, STREAM))
    assert lines[-1].prompt_eval_count == 100
    assert b"[DONE]" in answered(GEMINI, OPENAI_CHAT, STREAM)


@pytest.mark.parametrize("client", BOTH_WAYS, ids=by_name)
def test_geminis_whole_reply_reaches_every_client(client):
    raw = client.write_reply(GEMINI.read_reply(WHOLE), "asked", RECORD)
    assert client.hear(raw).stop == "tool_use"
    assert "S-argument" in raw.decode()
