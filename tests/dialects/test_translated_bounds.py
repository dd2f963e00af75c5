"""What a translated stream may hold: an engine cannot fill the memory of the gateway."""

import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from gateway.dialects.gemini import GEMINI
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.dialect import Dialect
from gateway.domain.event import Event, Stopped, TextDelta, ToolCallBegan, ToolCallDelta
from gateway.translation import limits
from tests.doubles.grammar import GRAMMARS

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
ALL = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, OLLAMA_CHAT, BEDROCK_CONVERSE, GEMINI)


def by_name(dialect: Dialect) -> str:
    return dialect.name


def streamed(dialect: Dialect, *events: Event) -> bytes:
    writer = dialect.writer("asked", RECORD, True)
    return b"".join([*(writer.write(event) for event in events), writer.close()])


@pytest.mark.parametrize("dialect", ALL, ids=by_name)
def test_a_stream_of_calls_without_end_is_broken_off(dialect: Dialect) -> None:
    writer = dialect.writer("asked", RECORD, True)
    for number in range(limits.CALLS_MAX):
        writer.write(ToolCallBegan(number, f"call_{number}", "f"))
    with pytest.raises(ValueError, match="tool calls"):
        writer.write(ToolCallBegan(limits.CALLS_MAX, "one_more", "f"))


def test_a_reply_that_must_be_said_again_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.dialects.openai_responses.writer.KEPT_BYTES_MAX", 16)
    writer = OPENAI_RESPONSES.writer("asked", RECORD, True)
    writer.write(TextDelta("12345678"))
    writer.write(TextDelta("12345678"))
    with pytest.raises(ValueError, match="more than 16 bytes"):
        writer.write(TextDelta("9"))


def test_words_are_said_at_any_length_where_nothing_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.translation.blocks.HELD_BYTES_MAX", 16)
    raw = streamed(ANTHROPIC_MESSAGES, *[TextDelta("12345678")] * 9, Stopped("end"))
    assert GRAMMARS["anthropic_messages"].stream(raw).text == "12345678" * 9


@pytest.mark.parametrize("client", [ANTHROPIC_MESSAGES, BEDROCK_CONVERSE], ids=by_name)
def test_a_call_that_is_interleaved_in_a_thousand_fragments_is_looked_at_once(
    client: Dialect,
) -> None:
    """Its brackets close again and again; the text is not parsed each time."""
    fragments = ["{", *(f'"{n}":{{}},' for n in range(3000)), '"end":0}']
    opened = (ToolCallBegan(0, "a", "f"), ToolCallBegan(1, "b", "g"), ToolCallDelta(1, "{}"))
    deltas = [ToolCallDelta(0, fragment) for fragment in fragments]
    raw = streamed(client, *opened, *deltas, Stopped("tool_use"))
    first, second = GRAMMARS[client.name].stream(raw).calls
    assert len(first.arguments) == 3001
    assert second.arguments == {}
