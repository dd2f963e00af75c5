"""What one dialect says beside its words, and another may say in its own way, or names as lost."""

from typing import Any

import msgspec
import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.conversation import (
    Conversation,
    Media,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from gateway.domain.dialect import Dialect
from gateway.domain.event import (
    Event,
    Stopped,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
)
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import recorded
from tests.doubles.grammar import GRAMMARS

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


FILE = Media("application/pdf", "AAAA", "S-name.pdf")


def test_the_name_of_a_file_goes_along() -> None:
    turn = Turn("user", (FILE,))
    body, _ = written(OPENAI_CHAT, turn)
    assert body["messages"][0]["content"][0]["file"]["filename"] == "S-name.pdf"
    assert OPENAI_CHAT.read(body)[0].turns == (turn,)
    body, _ = written(OPENAI_RESPONSES, turn)
    assert body["input"][0]["content"][0]["filename"] == "S-name.pdf"
    assert OPENAI_RESPONSES.read(body)[0].turns == (turn,)
    body, _ = written(ANTHROPIC_MESSAGES, turn)
    assert body["messages"][0]["content"][0]["title"] == "S-name.pdf"
    assert ANTHROPIC_MESSAGES.read(body)[0].turns == (turn,)


def test_the_name_of_a_picture_is_a_loss_where_it_has_no_place() -> None:
    picture = Turn("user", (Text("x"), Media("image/png", "AA", "S-name.png")))
    assert written(OLLAMA_CHAT, picture)[1] == ("filename",)


ANSWERED = (
    Turn("assistant", (ToolCall("a", "f", {}),)),
    Turn("user", (ToolResult("a", (Text("r"), Media("image/png", "AA=="))),)),
)


def test_a_picture_of_a_tool_moves_where_a_result_holds_words_alone() -> None:
    body, losses = written(OPENAI_CHAT, *ANSWERED)
    assert "tool_result_media_moved" in losses
    assert [message["role"] for message in body["messages"]] == ["assistant", "tool", "user"]
    assert body["messages"][2]["content"][0]["type"] == "image_url"
    body, losses = written(OLLAMA_CHAT, *ANSWERED)
    assert "tool_result_media_moved" in losses
    assert body["messages"][-1] == {"role": "user", "content": "", "images": ["AA=="]}


def test_a_picture_of_a_tool_stays_where_a_result_holds_it() -> None:
    body, losses = written(OPENAI_RESPONSES, *ANSWERED)
    assert losses == ()
    kinds = [part["type"] for part in body["input"][1]["output"]]
    assert kinds == ["input_text", "input_image"]
    body, losses = written(ANTHROPIC_MESSAGES, *ANSWERED)
    assert [block["type"] for block in body["messages"][1]["content"][0]["content"]] == [
        "text",
        "image",
    ]


@pytest.mark.parametrize(
    "dialect", [OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES], ids=by_name
)
def test_a_strict_tool_stays_strict(dialect: Dialect) -> None:
    tool = ToolSpec("f", "does", {"type": "object", "properties": {}}, strict=True)
    body, losses = written(dialect, tools=(tool,))
    assert "strict" not in losses
    assert dialect.read(body)[0].tools == (tool,)


def test_a_strict_tool_is_named_where_nothing_is_strict() -> None:
    assert "strict" in written(OLLAMA_CHAT, tools=(ToolSpec("f", "", {}, strict=True),))[1]


def test_the_name_and_strictness_of_an_answers_schema_go_along() -> None:
    form = {"answer_schema": {"type": "object"}, "answer_name": "verdict", "answer_strict": True}
    for dialect in (OPENAI_CHAT, OPENAI_RESPONSES):
        conversation, losses = dialect.read(written(dialect, **form)[0])
        found = (conversation.answer_schema, conversation.answer_name, conversation.answer_strict)
        assert found == tuple(form.values())
        assert losses == ()
    body, losses = written(ANTHROPIC_MESSAGES, **form)
    schema = {"type": "json_schema", "schema": {"type": "object"}}
    assert body["output_config"] == {"format": schema}
    assert "answer" not in "".join(losses)


def test_a_name_of_a_schema_that_the_vendor_refuses_is_respelled() -> None:
    body, _ = written(OPENAI_CHAT, answer_schema={"type": "object"}, answer_name="my verdict!")
    assert body["response_format"]["json_schema"]["name"].startswith("my_verdict")


@pytest.mark.parametrize(
    ("model", "bound", "limit", "field", "lost"),
    [
        ("claude-opus-4-6", None, None, {"type": "adaptive"}, set()),
        ("claude-opus-4-6", 2048, None, {"type": "adaptive"}, {"thinking_tokens_max"}),
        ("qwen3", 2048, None, {"type": "adaptive"}, {"thinking_tokens_max"}),
        ("claude-opus-4-5", 2048, None, {"type": "enabled", "budget_tokens": 2048}, set()),
        ("claude-opus-4-5", 100, None, {"type": "enabled", "budget_tokens": 1024}, set()),
        ("claude-opus-4-5", 99999, 2000, {"type": "enabled", "budget_tokens": 1999}, set()),
        ("claude-opus-4-5", None, 4000, {"type": "enabled", "budget_tokens": 2000}, set()),
        ("claude-opus-4-5", 2048, 1024, None, {"thinking"}),
        ("claude-3-5-sonnet", 2048, None, None, {"thinking"}),
    ],
)
def test_a_model_is_told_to_think_in_words_that_it_knows(
    model: str, bound: int | None, limit: int | None, field: Any, lost: set[str]
) -> None:
    body, losses = written(
        ANTHROPIC_MESSAGES,
        model=model,
        thinking="high",
        thinking_tokens_max=bound,
        sampling=Sampling(output_tokens_max=limit),
    )
    assert body.get("thinking") == field
    assert set(losses) - {"max_tokens_injected"} == lost
    assert ("effort" in body.get("output_config", {})) == (field == {"type": "adaptive"})


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ((Thinking("t", "sig"), ToolCall("a", "f", {})), False),
        ((Thinking("", redacted="dark"), ToolCall("a", "f", {})), False),
        ((ToolCall("a", "f", {}),), True),
        ((Thinking("unsigned"), ToolCall("a", "f", {})), True),
        ((Text("ok"),), False),
    ],
)
def test_a_call_without_its_signed_reasoning_is_answered_without_thinking(
    said: Any, lost: bool
) -> None:
    turns = (ASKED, Turn("assistant", said), Turn("user", (ToolResult("a", ()),)))
    body, losses = written(ANTHROPIC_MESSAGES, *turns, model="claude-opus-4-5", thinking="low")
    assert ("thinking" in losses) == lost
    assert ("thinking" in body) != lost


def test_a_forced_tool_goes_before_thinking() -> None:
    tools = {"tools": (ToolSpec("f", "", {}),), "tool_choice": ToolChoice("any")}
    body, losses = written(ANTHROPIC_MESSAGES, thinking="high", **tools)
    assert "thinking" not in body
    assert "thinking" in losses


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high", "xhigh", "max"])
def test_every_effort_reaches_everybody_or_the_nearest_does_by_name(effort: str) -> None:
    assert written(OPENAI_CHAT, thinking=effort)[0]["reasoning_effort"] == effort
    assert written(OPENAI_RESPONSES, thinking=effort)[0]["reasoning"] == {"effort": effort}
    body, losses = written(ANTHROPIC_MESSAGES, thinking=effort)
    said = body["output_config"]["effort"]
    assert (said == effort) != ("effort" in losses)
    body, losses = written(OLLAMA_CHAT, thinking=effort)
    assert (body["think"] == effort) != ("effort" in losses)


@pytest.mark.parametrize("dialect", [OPENAI_CHAT, OPENAI_RESPONSES, OLLAMA_CHAT], ids=by_name)
def test_a_bound_of_thinking_is_named_where_it_cannot_be_said(dialect: Dialect) -> None:
    losses = written(dialect, thinking="high", thinking_tokens_max=2048)[1]
    assert "thinking_tokens_max" in losses


def test_reasoning_that_no_claude_signed_goes_to_none() -> None:
    """A real vLLM fills the field with a random id, and clients send it back."""
    events = ANTHROPIC_MESSAGES.read_reply(recorded("reasoning_messages_cut")[1])
    given = [event.signature for event in events if isinstance(event, ThinkingDelta)]
    thinking: dict[str, Any] = {"type": "thinking", "thinking": "S-thought"}
    said = [thinking, {"type": "text", "text": "S-text"}]
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": said}]
    body = {"model": "m", "max_tokens": 9, "messages": turns}
    for signature in (given[-1], "", None):
        thinking["signature"] = signature
        conversation, _ = ANTHROPIC_MESSAGES.read(body)
        assert conversation.turns[1].parts[0] == Thinking("S-thought")
    sent, losses = written(ANTHROPIC_MESSAGES, *conversation.turns, model="claude-opus-4-5")
    assert "S-thought" not in msgspec.json.encode(sent).decode()
    assert "thinking_unsigned" in losses


SIGNED = ToolCall("a", "f", {}, signature="S-signature")
EXTRA = {"google": {"thought_signature": "S-signature"}}
CALLS: tuple[Event, ...] = (
    ToolCallBegan(0, "a", "f", "S-signature"),
    ToolCallDelta(0, "{}"),
    Stopped("tool_use"),
)


def streamed(dialect: Dialect, *events: Event) -> bytes:
    writer = dialect.writer("asked", RECORD, True)
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def test_the_signature_of_a_call_goes_with_it_through_openai_chat() -> None:
    turn = Turn("assistant", (SIGNED,))
    body, losses = written(OPENAI_CHAT, ASKED, turn)
    assert body["messages"][1]["tool_calls"][0]["extra_content"] == EXTRA
    assert losses == ()
    assert OPENAI_CHAT.read(body)[0].turns[1] == turn


def test_the_signature_of_a_call_goes_with_it_in_replies_of_openai_chat() -> None:
    whole = OPENAI_CHAT.write_reply(CALLS, "asked", RECORD)
    (call,) = msgspec.json.decode(whole)["choices"][0]["message"]["tool_calls"]
    assert call["extra_content"] == EXTRA
    assert CALLS[0] in OPENAI_CHAT.read_reply(whole)
    raw = streamed(OPENAI_CHAT, *CALLS)
    GRAMMARS["openai_chat"].stream(raw)
    assert CALLS[0] in OPENAI_CHAT.reader().feed(raw)


@pytest.mark.parametrize("extra", [{"google": {}}, {"google": {"thought_signature": 7}}, {"x": 1}])
def test_an_extra_that_is_no_signature_is_a_loss(extra: Any) -> None:
    call = {"id": "a", "function": {"name": "f"}, "extra_content": extra}
    conversation, losses = chat({"role": "assistant", "tool_calls": [call]})
    assert conversation.turns[0].parts == (ToolCall("a", "f", {}),)
    assert losses == ("tool_calls.extra_content",)


@pytest.mark.parametrize(
    "dialect", [OPENAI_RESPONSES, ANTHROPIC_MESSAGES, OLLAMA_CHAT], ids=by_name
)
def test_the_signature_of_a_call_is_named_where_it_has_no_place(dialect: Dialect) -> None:
    body, losses = written(dialect, ASKED, Turn("assistant", (SIGNED,)))
    assert "thought_signature" in losses
    assert "S-signature" not in msgspec.json.encode(body).decode()
