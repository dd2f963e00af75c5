"""Marks of a prompt that a provider may keep: read, written, bounded, or named as lost."""

from typing import Any

import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.conversation import (
    Conversation,
    Media,
    Opaque,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.dialect import Dialect
from tests.doubles.fleets import an_offering

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
ALL = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, OLLAMA_CHAT)
MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
ASKED = Turn("user", (Text("go"),))


def by_name(dialect: Dialect) -> str:
    return dialect.name


def written(
    dialect: Dialect, *turns: Turn, model: str = "m", **fields: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    system = fields.pop("system", ())
    offering = an_offering(model, "e", "on_prem", wire_model=model)
    return dialect.write(Conversation(system, turns or (ASKED,), **fields), offering, False)


def chat(*messages: dict[str, Any], **fields: Any) -> tuple[Conversation, tuple[str, ...]]:
    return OPENAI_CHAT.read({"model": "m", "messages": list(messages), **fields})


def marked_everywhere() -> Conversation:
    call = ToolCall("a", "f", {}, cache="5m")
    return Conversation(
        (Text("s", "1h"),),
        (
            Turn("user", (Text("u", "5m"), Media("image/png", "AA", cache="5m"))),
            Turn("assistant", (Thinking("t", "sig"), call)),
            Turn("user", (ToolResult("a", (Text("r", "5m"),), cache="5m"),)),
        ),
        (ToolSpec("f", "", {}, cache="1h"),),
    )


def marks_in(value: Any) -> list[Any]:
    """Return all marks of a body, in the order of the text."""
    if isinstance(value, dict):
        own = [value["cache_control"]] if "cache_control" in value else []
        return own + [mark for inner in value.values() for mark in marks_in(inner)]
    return [mark for inner in value for mark in marks_in(inner)] if isinstance(value, list) else []


def test_a_mark_of_anthropic_is_read_on_every_part_that_may_carry_one() -> None:
    body = {
        "model": "m",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "s", "cache_control": HOUR}],
        "tools": [{"name": "f", "input_schema": {}, "cache_control": HOUR}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "u", "cache_control": MARK}]},
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool_use",
                        "id": "a",
                        "name": "f",
                        "input": {},
                        "cache_control": MARK,
                    }
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "a", "cache_control": MARK}],
            },
        ],
    }
    conversation, losses = ANTHROPIC_MESSAGES.read(body)
    assert losses == ()
    parts = [part for turn in conversation.turns for part in turn.parts]
    assert [part.cache for part in parts] == ["5m", "5m", "5m"]
    assert (conversation.system[0].cache, conversation.tools[0].cache) == ("1h", "1h")
    assert marks_in(written(ANTHROPIC_MESSAGES, *conversation.turns)[0]) == [MARK] * 3


def test_of_more_marks_than_the_vendor_takes_the_last_stand() -> None:
    conversation = marked_everywhere()
    offering = an_offering("m", "e", "on_prem")
    body, losses = ANTHROPIC_MESSAGES.write(conversation, offering, False)
    assert len(marks_in(body)) == 4
    assert "cache_control" not in body["tools"][0]
    assert "cache_control" not in body["system"][0]
    assert "cache_control" in losses


def test_four_marks_stand_where_they_stood_with_their_time() -> None:
    turns = (Turn("user", (Text("a"), Text("b", "5m"))),)
    body, losses = written(ANTHROPIC_MESSAGES, *turns, system=(Text("s", "1h"), Text("t")))
    assert body["system"] == [
        {"type": "text", "text": "s", "cache_control": HOUR},
        {"type": "text", "text": "t"},
    ]
    assert [block.get("cache_control") for block in body["messages"][0]["content"]] == [None, MARK]
    assert "cache_control" not in losses


def test_no_mark_stands_on_reasoning() -> None:
    thinking = {"type": "thinking", "thinking": "t", "signature": "s", "cache_control": MARK}
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "assistant", "content": [thinking]}],
    }
    conversation, losses = ANTHROPIC_MESSAGES.read(body)
    assert losses == ("cache_control",)
    again, _ = written(ANTHROPIC_MESSAGES, *conversation.turns)
    assert marks_in(again) == []


@pytest.mark.parametrize("dialect", [OPENAI_CHAT, OPENAI_RESPONSES, OLLAMA_CHAT], ids=by_name)
def test_who_knows_no_marks_names_their_loss(dialect: Dialect) -> None:
    offering = an_offering("m", "e", "on_prem")
    body, losses = dialect.write(marked_everywhere(), offering, False)
    assert "cache_control" in losses
    assert marks_in(body) == []
    assert "cache_control" not in written(dialect)[1]


def test_a_mark_of_an_openai_host_is_read_on_parts_messages_and_tools() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    tool = {"type": "function", "function": {"name": "f"}, "cache_control": HOUR}
    conversation, losses = chat(
        {"role": "system", "content": "s", "cache_control": HOUR},
        {
            "role": "user",
            "content": [{"type": "text", "text": "u"}, {**image, "cache_control": MARK}],
        },
        {"role": "user", "content": "w", "cache_control": MARK},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "r", "cache_control": MARK},
        tools=[tool],
    )
    assert losses == ()
    assert (conversation.system[0].cache, conversation.tools[0].cache) == ("1h", "1h")
    caches = [[part.cache for part in turn.parts] for turn in conversation.turns]
    assert caches == [[None, "5m"], ["5m"], [None], ["5m"]]


@pytest.mark.parametrize(
    "content", ["", [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]]
)
def test_a_mark_on_a_message_without_a_part_to_stand_on_is_a_loss(content: Any) -> None:
    _, losses = chat(
        {"role": "user", "content": "x"},
        {"role": "user", "content": content, "cache_control": MARK},
    )
    assert losses == ("cache_control",)


def test_every_system_text_keeps_a_block_of_its_own() -> None:
    conversation, _ = chat(
        {"role": "system", "content": "a"},
        {"role": "developer", "content": [{"type": "text", "text": "b"}]},
        {"role": "user", "content": "x"},
    )
    body, _ = written(ANTHROPIC_MESSAGES, system=conversation.system)
    assert [block["text"] for block in body["system"]] == ["a", "b"]
    body, _ = written(OPENAI_RESPONSES, system=conversation.system)
    assert [part["text"] for part in body["input"][0]["content"]] == ["a", "b"]


def test_what_stays_opaque_is_not_the_parsed_body_itself() -> None:
    raw = {"type": "search_result", "cache_control": MARK}
    opaque = Opaque("anthropic_messages", "search_result", raw)
    parts = (opaque, *(Text("x", "5m") for _ in range(4)))
    body, losses = written(ANTHROPIC_MESSAGES, Turn("user", parts))
    assert raw == {"type": "search_result", "cache_control": MARK}
    assert len(marks_in(body)) == 4
    assert losses == ("max_tokens_injected", "cache_control")
