"""A Codex that speaks to engines of every dialect: what it says arrives, and what they answer."""

import msgspec
import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.event import ToolCallBegan
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import assert_golden_json, golden, golden_json, recorded, recordings
from tests.doubles.responses_grammar import events_of, streamed, whole
from tests.doubles.vendor_readers import chunks, ollama_sends

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
OFFERING = an_offering("qwen3", "engine", "on_prem", wire_model="qwen3:14b")
CODEX = golden_json("openai_responses/codex.json")
TARGETS = [OPENAI_CHAT, ANTHROPIC_MESSAGES, OLLAMA_CHAT]
SENTINELS = {
    word
    for word in msgspec.json.encode(CODEX).decode().replace("\\", "").split('"')
    if "S-" in word
}
# What this dialect alone can say, lost by name on the way to any other.
UNREAD = {
    "encrypted_content",
    "web_search_call",
    "tools.namespace",
    "tools.web_search",
    "reasoning.summary",
    "include",
    "prompt_cache_key",
    "client_metadata",
}


def by_name(dialect):
    return dialect.name


def answered(engine, raw, size=64):
    reader, writer = engine.reader(), OPENAI_RESPONSES.writer("asked", RECORD, True)
    events = [event for chunk in chunks(raw, size) for event in reader.feed(chunk)]
    assert reader.finished
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def test_codex_passes_to_its_own_dialect_without_what_a_provider_would_run() -> None:
    body = OPENAI_RESPONSES.rewrite(CODEX, OFFERING, True)
    assert_golden_json("openai_responses/codex.openai_responses.json", body)
    assert OPENAI_RESPONSES.sheds(CODEX) == ("tools.web_search", "client_metadata")
    kept = msgspec.json.encode(body)
    assert b"gAAAA-sealed" in kept
    assert b"multi_agent_v1" in kept
    assert b"/home/ada" not in kept


@pytest.mark.parametrize("target", TARGETS, ids=by_name)
def test_codex_reaches_every_engine_with_each_sentinel_or_its_loss(target) -> None:
    OPENAI_RESPONSES.peek(CODEX)
    conversation, unread = OPENAI_RESPONSES.read(CODEX)
    body, unsaid = target.write(conversation, OFFERING, True)
    target.peek(body)
    said = msgspec.json.encode(body).decode()
    assert set(unread) == UNREAD
    assert len(SENTINELS) == 12
    for sentinel in SENTINELS:
        lost = {"call_S-": "tool_call_id", "S-summary": "thinking"}
        named = next((lost[part] for part in lost if part in sentinel), "")
        assert sentinel in said or any(named and named in loss for loss in unsaid), sentinel
    assert "iVBORw0KGgo=" in said
    assert "gAAAA-sealed" not in said
    assert_golden_json(f"openai_responses/codex.{target.name}.json", body)


def test_ollamas_own_client_would_send_what_codex_is_made_to_say() -> None:
    conversation, _ = OPENAI_RESPONSES.read(CODEX)
    body, _ = OLLAMA_CHAT.write(conversation, OFFERING, True)
    assert ollama_sends(body)["messages"][0] == body["messages"][0]


ANSWERS = {
    "ollama": (
        OLLAMA_CHAT,
        golden("ollama_chat/tools.stream.txt"),
        golden("ollama_chat/tools.json"),
    ),
    "claude": (ANTHROPIC_MESSAGES, golden("anthropic_messages/thinking_tools.stream.txt"), None),
}


@pytest.mark.parametrize(("engine", "stream", "reply"), ANSWERS.values(), ids=ANSWERS)
def test_an_engines_answer_with_thoughts_and_calls_reaches_codex(engine, stream, reply) -> None:
    raw = answered(engine, stream)
    events_of(raw)
    final = streamed(raw)
    assert final.model == "asked"
    kinds = [item.type for item in final.output]
    assert kinds[0] == "reasoning"
    assert "message" in kinds
    calls = [item for item in final.output if item.type == "function_call"]
    assert msgspec.json.decode(calls[0].arguments)["path"] == "S-argument"
    assert calls[-1].arguments == "{}"
    assert final.output_text.startswith("S-text says ")
    assert final.usage.total_tokens == final.usage.input_tokens + final.usage.output_tokens
    if reply is not None:
        written = OPENAI_RESPONSES.write_reply(engine.read_reply(reply), "asked", RECORD)
        assert whole(written).output_text == final.output_text
        assert whole(written).usage == final.usage


@pytest.mark.parametrize("size", [1, 5, 333])
def test_a_translated_stream_is_the_same_wherever_it_was_cut(size) -> None:
    for engine, stream, _ in ANSWERS.values():
        assert answered(engine, stream, size) == answered(engine, stream, len(stream))


CHATS = [
    name
    for name in recordings("chat_", "reasoning_chat")
    if "n2" not in name and golden(f"vllm/{name}.txt").startswith(b"HTTP 200")
]


@pytest.mark.parametrize("name", CHATS)
def test_what_a_real_vllm_says_in_chat_reaches_codex(name) -> None:
    _, raw = recorded(name)
    if "stream" in name:
        events = OPENAI_CHAT.reader().feed(raw)
        final = events_of(answered(OPENAI_CHAT, raw))[-1]["response"]
    else:
        events = OPENAI_CHAT.read_reply(raw)
        final = whole(OPENAI_RESPONSES.write_reply(events, "asked", RECORD)).to_dict()
    calls = [item for item in final["output"] if item["type"] == "function_call"]
    assert len(calls) == sum(isinstance(event, ToolCallBegan) for event in events)
    assert name == "chat_stream_plain" or final["usage"]["output_tokens"] > 0


MESSAGES = [
    name
    for name in recordings("messages_", "reasoning_messages")
    if "stream" in name and golden(f"vllm/{name}.txt").startswith(b"HTTP 200")
]


@pytest.mark.parametrize("name", MESSAGES)
def test_what_a_real_vllm_says_in_messages_reaches_codex(name) -> None:
    _, raw = recorded(name)
    assert events_of(answered(ANTHROPIC_MESSAGES, raw))[-1]["response"]["usage"] is not None


@pytest.mark.parametrize("target", [OPENAI_CHAT, ANTHROPIC_MESSAGES], ids=by_name)
def test_what_a_responses_engine_answers_reaches_clients_of_other_dialects(target) -> None:
    raw = recorded("responses_stream")[1]
    reader, writer = OPENAI_RESPONSES.reader(), target.writer("asked", RECORD, True)
    out = b"".join([*(writer.write(event) for event in reader.feed(raw)), writer.close()])
    again = target.reader().feed(out)
    assert "".join(getattr(event, "text", "") for event in again) == " bud 200requeststartswith"
