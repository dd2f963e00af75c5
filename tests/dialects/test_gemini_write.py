import pytest

from gateway.dialects.gemini import GEMINI as DIALECT
from gateway.dialects.gemini.names import NAME_CHARS_MAX, allowed
from gateway.dialects.gemini.signatures import UNSIGNED, is_sayable
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
from gateway.domain.errors import CannotExpress
from tests.doubles.goldens import assert_golden_json
from tests.doubles.google_models import BOUND, HELLO, MODELS, TOOL, asked, at, said

FULL = Conversation(
    system=(Text("S-system"), Text(" "), Text("S-rules", cache="5m")),
    turns=(
        Turn("user", (Text("S-user"), Media("image/png", "AA==", "S-name.png"))),
        Turn(
            "assistant",
            (
                Thinking("S-thought", "S-signature"),
                Thinking("", redacted="S-redacted"),
                Text("S-text"),
                ToolCall("S-id_1", "S tool", {"S-key": "S-argument"}),
                ToolCall("S-id_2", "look", {}, BOUND),
            ),
        ),
        Turn("user", (Text("S-between"),)),
        Turn(
            "user",
            (
                ToolResult("S-id_1", (Text("S-answer"), Media("image/png", "AAA=")), "S tool"),
                ToolResult("S-id_2", (Text("S-failure"),), "look", failed=True, cache="1h"),
            ),
        ),
    ),
    tools=(TOOL, ToolSpec("S tool", "", {}, strict=True, cache="5m")),
    tool_choice=ToolChoice("any", parallel=False),
    sampling=Sampling(4321, 2.5, 0.9, 40, 2**40, 0.1, 0.2, ("a", "b", "c", "d", "e", "f")),
    answer_schema={"type": "object"},
    thinking="medium",
)


@pytest.mark.parametrize("model", MODELS)
def test_a_conversation_is_written_as_agreed_for_each_family(model):
    body, losses = said(FULL, model)
    assert_golden_json(f"gemini/full.{model}.json", {"losses": losses, "body": body})


def test_answers_stand_first_and_neighbours_of_one_role_are_one():
    body, _ = said(FULL)
    roles = [content["role"] for content in body["contents"]]
    assert roles == ["user", "model", "user"]
    kinds = ["functionResponse" in part for part in body["contents"][2]["parts"]]
    assert kinds == [True, True, False]


def test_blank_turns_are_none_and_a_conversation_of_them_cannot_be_had():
    body, _ = asked(HELLO, Turn("assistant", (Text("  "),)), Turn("user", (Text("more"),)))
    assert body["contents"] == [{"role": "user", "parts": [{"text": "hello"}, {"text": "more"}]}]
    for turns in ((), (Turn("user", (Text(" "),)),)):
        with pytest.raises(CannotExpress):
            DIALECT.write(Conversation((Text("x"),), turns), at(), False)


def test_a_conversation_that_the_assistant_begins_gets_a_first_turn():
    body, losses = asked(Turn("assistant", (Text("hello"),)), HELLO)
    assert [one["role"] for one in body["contents"]] == ["user", "model", "user"]
    assert losses == ("first_turn_injected",)


def calls(body):
    return [
        part for content in body["contents"] for part in content["parts"] if "functionCall" in part
    ]


def test_the_third_family_gets_a_signature_on_the_first_call_of_each_turn():
    turns = (
        HELLO,
        Turn("assistant", (ToolCall("a", "f", {}), ToolCall("b", "f", {}))),
        Turn("user", (ToolResult("a", (), "f"), ToolResult("b", (), "f"))),
        Turn("assistant", (ToolCall("c", "f", {}, BOUND),)),
        Turn("user", (ToolResult("c", (), "f"),)),
    )
    third, losses = DIALECT.write(Conversation((), turns), at(), False)
    assert [part.get("thoughtSignature") for part in calls(third)] == [UNSIGNED, None, BOUND]
    assert losses == ("thought_signature_injected",)
    foreign = Turn("assistant", (ToolCall("c", "f", {}, "no base64!"),))
    third, losses = DIALECT.write(Conversation((), (HELLO, foreign)), at(), False)
    assert calls(third)[0]["thoughtSignature"] == UNSIGNED
    assert losses == ("thought_signature", "thought_signature_injected")
    second, losses = DIALECT.write(Conversation((), turns), at("second"), False)
    assert [part.get("thoughtSignature") for part in calls(second)] == [None, None, None]
    assert losses == ("thought_signature",)


def test_pictures_of_a_function_stand_in_its_answer_where_the_model_takes_them():
    turns = (
        HELLO,
        Turn("assistant", (ToolCall("a", "f", {}),)),
        Turn("user", (ToolResult("a", (Text("x"), Media("image/png", "AA==")), "f"),)),
    )
    picture = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    body, _ = asked(*turns)
    assert body["contents"][2]["parts"][0]["functionResponse"]["parts"] == [picture]
    body, losses = asked(*turns, model="second")
    assert body["contents"][2]["parts"][1] == picture
    assert losses == ("tool_result_media_moved",)


def test_parts_of_google_pass_and_those_of_others_are_lost_by_name():
    own = {"executableCode": {"language": "PYTHON", "code": "1"}}
    parts = (Opaque("gemini", "executable_code", own), Opaque("openai_chat", "file", {"x": 1}))
    body, losses = asked(HELLO, Turn("assistant", parts))
    assert body["contents"][1]["parts"] == [own]
    assert losses == ("file",)


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("any"), {"mode": "ANY"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("tool", "look"), {"mode": "ANY", "allowedFunctionNames": ["look"]}),
        (
            ToolChoice("tool", "1 look"),
            {"mode": "ANY", "allowedFunctionNames": [allowed("1 look")]},
        ),
    ],
)
def test_the_choice_of_tools_has_googles_word(choice, config):
    body, losses = asked(tools=(TOOL,), tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": config}
    assert losses == ()


def test_a_choice_without_tools_is_none():
    assert asked(tool_choice=ToolChoice("any")) == (
        {"contents": asked()[0]["contents"]},
        ("tool_choice",),
    )
    assert asked(tool_choice=ToolChoice("auto"))[1] == ()


def test_names_that_google_forbids_are_mapped_and_mapped_back():
    names = [
        "look",
        "mcp.server:look-1",
        "1look",
        "lo ok",
        "é",
        "x" * 200,
        "x" * 199 + "y",
        "_",
        "",
    ]
    written = [allowed(name) for name in names]
    assert written[:2] == names[:2]
    assert len(set(written)) == len(names)
    assert all(len(name) <= NAME_CHARS_MAX for name in written)
    called = Turn("assistant", (ToolCall("a", "1look", {}), ToolCall("b", "look", {})))
    conversation = Conversation((), (HELLO, called), (ToolSpec("lo ok", "", {}),))
    assert DIALECT.renamed(conversation) == {allowed("1look"): "1look", allowed("lo ok"): "lo ok"}
    body, _ = said(conversation)
    assert [part["functionCall"]["name"] for part in calls(body)] == [allowed("1look"), "look"]


@pytest.mark.parametrize("signature", ["00", "", "not base64", "MDA"])
def test_only_a_signature_that_the_vendor_can_read_is_sent(signature) -> None:
    assert is_sayable(signature) == (signature == "MDA")
