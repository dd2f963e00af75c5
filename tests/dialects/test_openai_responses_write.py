"""A conversation in no dialect as a request that OpenAI's own types accept."""

from typing import Any

from openai.types.responses import ResponseInputParam
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter

from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.conversation import (
    Conversation,
    Media,
    Opaque,
    Sampling,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    ToolSpec,
    Turn,
)
from tests.doubles.goldens import assert_golden_json
from tests.doubles.openai_scenarios import OFFERING

INPUT: TypeAdapter[Any] = TypeAdapter(ResponseInputParam)
ASKED: TypeAdapter[Any] = TypeAdapter(ResponseCreateParamsNonStreaming)
LOOK = ToolSpec("look", "Looks.", {"type": "object", "properties": {}}, strict=False)
OWN = {"type": "input_text", "text": "own"}

WHOLE = Conversation(
    system=(Text("S-one"), Text("S-two")),
    turns=(
        Turn(
            "user",
            (
                Text("S-user"),
                Media("image/png", "AAAA"),
                Media("application/pdf", "BBBB", "S-name"),
            ),
        ),
        Turn(
            "assistant",
            (Thinking("S-lost", "sig"), Text("S-said"), ToolCall("S-id", "look", {"S-key": 1})),
        ),
        Turn(
            "user",
            (
                ToolResult("S-id", (Text("S-result"),), "look"),
                ToolResult("S-id", (Text("a"), Media("image/png", "AAAA")), failed=True),
                Text("S-next"),
                Opaque("openai_responses", "own", OWN),
                Opaque("other", "theirs", {}),
            ),
        ),
        Turn("user", ()),
    ),
    tools=(LOOK, ToolSpec("bare", "", {"type": "object"}, strict=False)),
    tool_choice=ToolChoice("tool", "look", parallel=False),
    sampling=Sampling(9, 0.5, 0.9, top_k=3, stop=("S-stop",)),
    answer_schema={"type": "object"},
    thinking="high",
)


def write(**fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    turns = (Turn("user", (Text("x"),)),)
    return OPENAI_RESPONSES.write(Conversation((), turns, **fields), OFFERING, False)


def test_a_whole_conversation_is_as_agreed_and_openai_accepts_it() -> None:
    body, losses = OPENAI_RESPONSES.write(WHOLE, OFFERING, False)
    assert_golden_json("openai_responses/conversation.json", body)
    INPUT.validate_python(body["input"])
    ASKED.validate_python(body)
    OPENAI_RESPONSES.peek(body)
    assert losses == ("thinking", "tool_result_failed", "unknown_block", "top_k", "stop")


def test_nothing_is_asked_to_be_kept() -> None:
    assert write()[0] == {
        "model": OFFERING.wire_model,
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
        ],
        "stream": False,
        "store": False,
    }


def test_what_is_written_is_read_again() -> None:
    body, _ = OPENAI_RESPONSES.write(WHOLE, OFFERING, False)
    again, losses = OPENAI_RESPONSES.read(body)
    assert again.system == WHOLE.system
    assert again.turns[0] == WHOLE.turns[0]
    assert again.turns[1].parts == WHOLE.turns[1].parts[1:]
    assert (again.tools, again.tool_choice) == (WHOLE.tools, WHOLE.tool_choice)
    assert (again.answer_schema, again.thinking) == (WHOLE.answer_schema, WHOLE.thinking)
    assert again.sampling == Sampling(9, 0.5, 0.9)
    assert losses == ()


def test_a_choice_without_tools_is_left_out_and_lost_where_it_said_something() -> None:
    assert write(tool_choice=ToolChoice("any"))[1] == ("tool_choice",)
    assert write(tool_choice=ToolChoice("auto")) == write()


def test_modes_and_efforts_have_openais_words() -> None:
    body = write(tools=(LOOK,), tool_choice=ToolChoice("any"), thinking="off", answer_schema={})[0]
    assert body["tool_choice"] == "required"
    assert "parallel_tool_calls" not in body
    assert body["reasoning"] == {"effort": "none"}
    assert body["text"] == {"format": {"type": "json_object"}}
    assert "tool_choice" not in write(tools=(LOOK,))[0]
