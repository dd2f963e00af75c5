import msgspec
import pytest
from google.genai import types
from pydantic import BaseModel

from gateway.dialects.gemini import GEMINI as DIALECT
from gateway.dialects.gemini.signatures import UNSIGNED, hidden, wrapped
from gateway.domain.conversation import (
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
from gateway.domain.errors import Malformed
from tests.doubles.goldens import golden_json
from tests.doubles.google_client import google_sends

AGENT = golden_json("gemini/agent.json")


def user(*parts, **more):
    return {"contents": [{"role": "user", "parts": list(parts) or [{"text": "hello"}]}], **more}


def history(*contents):
    return {"contents": [{"role": role, "parts": list(parts)} for role, *parts in contents]}


def call(name="f", **more):
    return {"functionCall": {"name": name, **more}}


def answer(name="f", said=None, **more):
    return {"functionResponse": {"name": name, "response": said or {"output": "x"}, **more}}


def read(body):
    return DIALECT.read(body)[0]


def losses(body):
    return DIALECT.read(body)[1]


def test_an_agents_request_is_read_whole():
    conversation, lost = DIALECT.read(AGENT)
    assert lost == ("safety_settings", "labels")
    assert conversation.system == (Text("S-system"), Text("S-rules"))
    first, second, third = conversation.turns
    assert first == Turn(
        "user",
        (
            Text("S-user"),
            Media("image/png", "iVBORw0KGgo/+w=="),
            Media("application/pdf", "JVBERi0x", "S-file.pdf"),
        ),
    )
    calls = [part for part in second.parts if isinstance(part, ToolCall)]
    assert second.parts[:2] == (Thinking("S-thought"), Text("S-text"))
    assert [one.arguments for one in calls] == [{"S-key": "S-argument"}, {"S-key": "S-second"}]
    assert [one.signature for one in calls] == ["Uy1zaWduYXR1cmU=", None]
    assert third == Turn(
        "user",
        (
            ToolResult(calls[0].id, (Text("S-answer"),), "S-tool", None),
            ToolResult(calls[1].id, (Text("S-failure"),), "S-tool", True),
            Text("S-last"),
        ),
    )
    assert conversation.tools[0].schema["required"] == ["S-key"]
    assert conversation.tools[1].schema["properties"] == {"S-word": {"type": ["string", "null"]}}
    assert conversation.tool_choice == ToolChoice("auto")
    assert conversation.sampling == Sampling(4321, 0.5, 0.9, 40, 7, stop=("S-stop",))
    assert (conversation.thinking, conversation.thinking_tokens_max) == ("low", 2048)


def test_what_the_official_client_sends_is_read_whole():
    class Answer(BaseModel):
        number: int
        word: str | None

    def look(path: str) -> str:
        """Look at a path."""
        return path

    body = google_sends(
        lambda client: client.models.generate_content(
            model="m",
            contents=["hello", types.Part.from_bytes(data=b"\x01\xff\xfe", mime_type="image/png")],
            config=types.GenerateContentConfig(
                system_instruction="S-system",
                tools=[look],
                automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
                response_mime_type="application/json",
                response_schema=Answer,
                thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=0),
            ),
        )
    )
    assert "mime_type" in str(body)
    assert "parameters_json_schema" in str(body)
    assert DIALECT.peek(body).needs == {"tools", "images"}
    conversation, lost = DIALECT.read(body)
    assert lost == ()
    assert conversation.turns[0].parts[1] == Media("image/png", "Af/+")
    assert conversation.tools[0].name == "look"
    assert conversation.tools[0].schema["properties"] == {"path": {"type": "string"}}
    assert conversation.answer_schema["properties"]["number"]["type"] == "integer"
    assert conversation.answer_schema["properties"]["word"]["type"] == ["string", "null"]
    assert conversation.thinking == "off"


def test_neighbours_of_one_role_are_one_turn_and_blank_ones_none():
    body = history(
        ("user", {"text": "a"}), ("user", {"text": ""}), ("model",), ("user", {"text": "b"})
    )
    assert read(body).turns == (Turn("user", (Text("a"), Text("b"))),)
    assert read({"contents": [{"parts": [{"text": "x"}]}]}).turns[0].role == "user"


def test_answers_find_their_calls_by_id_or_by_name_in_order():
    body = history(
        ("user", {"text": "x"}),
        ("model", call(args={"n": 1}), call("g", id="S-id"), call(args={"n": 2})),
        (
            "user",
            answer("g", id="S-id"),
            answer(said={"output": "1"}),
            answer(said={"output": "2"}),
        ),
        ("model", call(args={"n": 3})),
        ("function", answer(said={"output": "3"})),
    )
    turns = read(body).turns
    calls = [part for turn in turns for part in turn.parts if isinstance(part, ToolCall)]
    results = [part for turn in turns for part in turn.parts if isinstance(part, ToolResult)]
    assert len({one.id for one in calls}) == 4
    said = {one.call_id: one.parts[0].text for one in results}
    assert [said[one.id] for one in calls] == ["1", "x", "2", "3"]


@pytest.mark.parametrize(
    "body",
    [
        user(answer()),
        history(("user", {"text": "x"}), ("model", call("g")), ("user", answer("f"))),
        history(("model", call()), ("user", answer(), answer())),
        user(call()),
        history(("model", answer())),
        user(toolConfig={"functionCallingConfig": {"mode": "SOMETIMES"}}),
    ],
)
def test_what_makes_no_sense_together_is_malformed(body):
    DIALECT.peek(body)
    with pytest.raises(Malformed) as refused:
        DIALECT.read(body)
    assert "SOMETIMES" not in refused.value.what


@pytest.mark.parametrize(
    ("said", "parts", "failed"),
    [
        ({"output": "words"}, (Text("words"),), None),
        ({"result": "words"}, (Text("words"),), None),
        ({"result": {"a": 1}}, (Text('{"a":1}'),), None),
        ({"error": "words"}, (Text("words"),), True),
        ({"output": "a", "error": "b"}, (Text('{"output":"a","error":"b"}'),), None),
        ({"other": "a"}, (Text('{"other":"a"}'),), None),
    ],
)
def test_what_a_function_said_is_text(said, parts, failed):
    body = history(("model", call()), ("user", answer(said=said)))
    result = read(body).turns[1].parts[0]
    assert (result.parts, result.failed) == (parts, failed)


def test_a_function_may_say_nothing_or_show_a_picture():
    picture = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    empty = {"functionResponse": {"name": "f", "parts": [picture]}}
    body = history(("model", call()), ("user", empty))
    assert DIALECT.peek(body).needs == {"tools", "images"}
    assert read(body).turns[1].parts[0].parts == (Media("image/png", "AA=="),)


def test_signatures_are_told_apart_by_who_made_them():
    body = history(
        ("user", {"text": "x"}),
        (
            "model",
            {"text": "a", "thought": True, "thoughtSignature": wrapped("S-claude")},
            {"text": "", "thought": True, "thoughtSignature": hidden("S-sealed")},
            {"text": "b", "thought": True, "thoughtSignature": "R29vZ2xl"},
            {"thought": True, "thoughtSignature": "R29vZ2xl"},
            {"text": "", "thought": True},
            {"thoughtSignature": "R29vZ2xl"},
            {**call(), "thoughtSignature": UNSIGNED},
            {**call(), "thoughtSignature": wrapped("S-bound")},
            {**call(), "thoughtSignature": "-_8"},
        ),
    )
    conversation, lost = DIALECT.read(body)
    *thoughts, one, two, three = conversation.turns[1].parts
    assert thoughts == [
        Thinking("a", "S-claude"),
        Thinking("", redacted="S-sealed"),
        Thinking("b"),
    ]
    assert [call.signature for call in (one, two, three)] == [None, "S-bound", "+/8="]
    assert lost == ("thought_signature",)


def test_parts_that_only_google_understands_are_carried_home():
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    ran = {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}
    body = history(("user", {"text": "x"}), ("model", code, ran))
    assert read(body).turns[1].parts == (
        Opaque("gemini", "executable_code", code),
        Opaque("gemini", "code_execution_result", ran),
    )


def calling(mode, *names):
    config = {"mode": mode, **({"allowedFunctionNames": list(names)} if names else {})}
    declared = [{"name": name} for name in ("f", "g", "h")]
    return user(
        tools=[{"functionDeclarations": declared}], toolConfig={"functionCallingConfig": config}
    )


@pytest.mark.parametrize(
    ("body", "choice", "tools", "lost"),
    [
        (calling("AUTO"), ToolChoice("auto"), "fgh", ()),
        (calling("NONE"), ToolChoice("none"), "fgh", ()),
        (calling("ANY"), ToolChoice("any"), "fgh", ()),
        (calling("ANY", "g"), ToolChoice("tool", "g"), "fgh", ()),
        (calling("ANY", "f", "g"), ToolChoice("any"), "fg", ("allowed_function_names",)),
        (calling("VALIDATED"), ToolChoice("auto"), "fgh", ("validated_calls",)),
        (
            calling("VALIDATED", "h"),
            ToolChoice("auto"),
            "h",
            ("validated_calls", "allowed_function_names"),
        ),
        (calling("MODE_UNSPECIFIED"), None, "fgh", ()),
    ],
)
def test_every_mode_of_calling_has_a_word_of_ours(body, choice, tools, lost):
    conversation, found = DIALECT.read(body)
    assert conversation.tool_choice == choice
    assert "".join(tool.name for tool in conversation.tools) == tools
    assert found == lost


def test_a_tool_without_parameters_takes_an_empty_object():
    spec = read(user(tools=[{"functionDeclarations": [{"name": "f"}]}])).tools[0]
    assert spec == ToolSpec("f", "", {"type": "object", "properties": {}})


SUBSET = {
    "type": "OBJECT",
    "propertyOrdering": ["a"],
    "properties": {
        "a": {"type": "ARRAY", "minItems": "1", "items": {"type": "STRING", "nullable": True}},
        "b": {"anyOf": [{"type": "INTEGER"}, {"type": "NUMBER"}], "nullable": True},
        "type": {"type": "STRING", "enum": ["STRING"]},
        "c": {"any_of": [True]},
    },
}
PLAIN = {
    "type": "object",
    "properties": {
        "a": {"type": "array", "minItems": 1, "items": {"type": ["string", "null"]}},
        "b": {"anyOf": [{"anyOf": [{"type": "integer"}, {"type": "number"}]}, {"type": "null"}]},
        "type": {"type": "string", "enum": ["STRING"]},
        "c": {"anyOf": [True]},
    },
}


@pytest.mark.parametrize(
    ("config", "schema", "lost"),
    [
        ({"responseMimeType": "application/json"}, {}, ()),
        ({"responseMimeType": "application/json", "responseSchema": SUBSET}, PLAIN, ()),
        ({"responseMimeType": "application/json", "responseJsonSchema": PLAIN}, PLAIN, ()),
        ({"response_mime_type": "application/json", "response_json_schema": PLAIN}, PLAIN, ()),
        ({"responseMimeType": "text/plain"}, None, ()),
        ({"responseSchema": SUBSET}, None, ("response_json_schema",)),
        ({"responseMimeType": "text/x.enum"}, None, ("response_mime_type",)),
    ],
)
def test_the_form_of_an_answer_is_a_json_schema(config, schema, lost):
    conversation, found = DIALECT.read(user(generationConfig=config))
    assert (conversation.answer_schema, found) == (schema, lost)


@pytest.mark.parametrize(
    ("config", "effort", "bound", "lost"),
    [
        ({"thinkingBudget": 0}, "off", None, ()),
        ({"thinkingBudget": -1, "includeThoughts": True}, "medium", None, ()),
        ({"thinkingBudget": 4_096}, "low", 4_096, ()),
        ({"thinkingBudget": 16_384}, "medium", 16_384, ()),
        ({"thinkingBudget": 24_576}, "high", 24_576, ()),
        ({"thinkingLevel": "MINIMAL"}, "minimal", None, ()),
        ({"thinking_level": "high"}, "high", None, ()),
        ({"thinkingLevel": "XHIGH"}, "xhigh", None, ()),
        ({"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}, None, None, ()),
        ({"thinkingLevel": "most"}, None, None, ("thinking_level",)),
        ({"includeThoughts": True}, None, None, ("include_thoughts",)),
        ({}, None, None, ()),
    ],
)
def test_thinking_is_an_effort(config, effort, bound, lost):
    conversation, found = DIALECT.read(user(generationConfig={"thinkingConfig": config}))
    assert (conversation.thinking, conversation.thinking_tokens_max) == (effort, bound)
    assert found == lost


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        (user(safetySettings=[]), ("safety_settings",)),
        (user(labels={"secret": "x"}), ("labels",)),
        (user(my_secret=1), ("unknown_field",)),
        (user({"text": "x", "videoMetadata": {}}), ("video_metadata",)),
        (user(generationConfig={"candidateCount": 2}), ("candidate_count",)),
        (user(generationConfig={"responseModalities": ["TEXT"]}), ("response_modalities",)),
        (user(generationConfig={"secret": 1}), ("unknown_field",)),
        (user(toolConfig={"retrievalConfig": {}}), ("retrieval_config",)),
        (
            user(toolConfig={"functionCallingConfig": {"streamFunctionCallArguments": True}}),
            ("stream_function_call_arguments",),
        ),
        (
            user(systemInstruction={"parts": [{"inlineData": {"mimeType": "a/b", "data": "A"}}]}),
            ("system_media",),
        ),
        (
            user(tools=[{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}]),
            ("behavior",),
        ),
        (user(tools=[{"functionDeclarations": [{"name": "f", "response": {}}]}]), ()),
    ],
)
def test_what_a_conversation_cannot_hold_is_named(body, lost):
    assert losses(body) == lost


def test_arguments_and_schemas_keep_the_clients_own_keys():
    body = history(("model", call(args={"snake_key": {"inner_key": 1}})))
    body["tools"] = [
        {
            "function_declarations": [
                {
                    "name": "f",
                    "parameters_json_schema": {"properties": {"snake_key": {"type": "string"}}},
                }
            ]
        }
    ]
    conversation = read(body)
    assert conversation.turns[0].parts[0].arguments == {"snake_key": {"inner_key": 1}}
    assert b"snake_key" in msgspec.json.encode(conversation.tools[0].schema)
