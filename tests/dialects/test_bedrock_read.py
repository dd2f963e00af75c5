"""A request of Converse in no dialect."""

import msgspec
import pytest

from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE as DIALECT
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
from tests.doubles.bedrock_vendor import params_of
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import assert_golden_json, golden_json

MODEL = "eu.anthropic.claude-opus-5-5"
CLAUDE = an_offering(
    "claude", "aws", "eu", wire_model=MODEL, capabilities=frozenset({"json", "tools"})
)
POINT = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}
SCHEMA = {"type": "object", "properties": {"p": {"type": "string"}}}
CALL = {"toolUse": {"toolUseId": "t1", "name": "Read", "input": {"p": 1}}}
RESULT = {"toolResult": {"toolUseId": "t1", "content": [{"text": "x"}], "status": "error"}}


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


def read(*messages, valid=True, **fields):
    asked = {"messages": list(messages or [user({"text": "hi"})]), **fields}
    if valid:
        params_of(asked, MODEL)
    return DIALECT.read(asked)


def parts(*blocks):
    conversation, losses = read(user(*blocks))
    return conversation.turns[0].parts, losses


def test_an_agents_request_is_read_and_written_as_it_was():
    asked = golden_json("bedrock_converse/from_client.json")
    params_of(asked, MODEL)
    conversation, losses = DIALECT.read(asked)
    assert losses == ()
    assert_golden_json("bedrock_converse/from_client.conversation.json", conversation)
    written, unsaid = DIALECT.write(conversation, CLAUDE, False)
    params_of(written, MODEL)
    assert unsaid == ()
    assert written == asked


def test_cache_points_mark_what_stands_before_them():
    found, losses = parts({"text": "a"}, POINT, {"text": "b"}, HOUR, {"text": "c"})
    assert found == (Text("a", cache="5m"), Text("b", cache="1h"), Text("c"))
    assert losses == ()
    conversation, losses = read(
        assistant(CALL, HOUR),
        user(RESULT, POINT),
        system=[{"text": "s"}, HOUR],
        toolConfig={"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}, POINT]},
    )
    assert losses == ()
    assert conversation.system == (Text("s", cache="1h"),)
    assert conversation.tools == (ToolSpec("f", "", {}, cache="5m"),)
    assert [turn.parts[0].cache for turn in conversation.turns] == ["1h", "5m"]


def test_a_mark_without_a_part_is_lost_by_name():
    thought = {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}}
    for blocks in ([POINT, {"text": "a"}], [{"searchResult": {
        "source": "s", "title": "t", "content": [{"text": "x"}]}}, POINT]):  # fmt: skip
        assert "cache_point" in parts(*blocks)[1]
    assert read(assistant(thought, POINT))[1] == ("cache_point",)
    tool = {"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}
    assert read(toolConfig={"tools": [POINT, tool]})[1] == ("cache_point",)


def test_images_and_documents_are_media_with_their_names():
    image = {"image": {"format": "jpeg", "source": {"bytes": "aWE="}}}
    sheet = {"document": {"format": "xlsx", "name": "Sheet (1)", "source": {"bytes": "aWE="}}}
    found, losses = parts(image, sheet)
    assert found[0] == Media("image/jpeg", "aWE=")
    assert (found[1].media_type[-5:], found[1].name) == ("sheet", "Sheet (1)")
    assert losses == ()
    words = {"document": {"name": "n", "source": {"text": "S-words"}}}
    pieces = {"document": {"name": "n", "source": {"content": [{"text": "a"}, {"text": "b"}]}}}
    assert parts(words, pieces) == ((Text("S-words"), Text("a\nb")), ("document_name",))


@pytest.mark.parametrize(
    "media",
    [
        {"format": "tiff", "source": {"bytes": "aWE="}},
        {"format": "png", "source": {"bytes": 5}},
        {"format": "png", "source": {"text": 5}},
    ],
)
def test_media_without_known_data_are_malformed(media):
    with pytest.raises(Malformed, match="format that Bedrock knows"):
        read(user({"image": media}), valid=False)


def test_thinking_keeps_its_signature():
    conversation, losses = read(
        assistant(
            {"reasoningContent": {"reasoningText": {"text": "t", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "cmVk"}},
            {"reasoningContent": {"reasoningText": {"text": "u"}}},
            {"reasoningContent": {}},
        ),
        valid=False,
    )
    assert losses == ()
    assert conversation.turns[0].parts == (
        Thinking("t", signature="c2ln"),
        Thinking("", redacted="cmVk"),
        Thinking("u"),
        Thinking(""),
    )


def test_calls_and_results_are_paired():
    answer = {"toolResult": {"toolUseId": "t1", "content": [
        {"json": {"k": [1]}}, {"text": "w"}, {"image": {"format": "png",
                                                       "source": {"bytes": "aWE="}}},
        {"searchResult": {"source": "s", "title": "t", "content": [{"text": "x"}]}},
    ]}}  # fmt: skip
    conversation, losses = read(assistant(CALL), user(answer))
    call, result = (turn.parts[0] for turn in conversation.turns)
    assert call == ToolCall("t1", "Read", {"p": 1})
    assert isinstance(result, ToolResult)
    assert (result.name, result.failed) == ("Read", None)
    assert result.parts[:3] == (Text('{"k":[1]}'), Text("w"), Media("image/png", "aWE="))
    assert losses == ("search_result",)
    conversation, _ = read(assistant(CALL), user(RESULT))
    assert conversation.turns[1].parts[0].failed is True


def test_a_result_that_answers_nothing_is_malformed():
    with pytest.raises(Malformed, match="answers no toolUse"):
        read(user(RESULT))
    odd = {"toolResult": {"toolUseId": "t1", "content": [], "status": "canary"}}
    with pytest.raises(Malformed, match="success or error") as caught:
        read(assistant(CALL), user(odd), valid=False)
    assert "canary" not in caught.value.what


@pytest.mark.parametrize("turn", [user(CALL), assistant(RESULT)])
def test_a_block_in_the_wrong_role_is_malformed(turn):
    with pytest.raises(Malformed, match="does not belong"):
        read(turn)


def test_what_only_this_dialect_says_is_opaque_or_lost_by_name():
    video = {"video": {"format": "mp4", "source": {"bytes": "aWE="}}}
    found, losses = parts(video, {"text": "x"})
    assert found[0] == Opaque("bedrock_converse", "video", video)
    assert losses == ()
    ran = {"toolUse": {"toolUseId": "s", "name": "n", "input": {}, "type": "server_tool_use"}}
    conversation, _ = read(assistant(ran))
    assert conversation.turns[0].parts[0].kind == "server_tool_use"
    guarded = {"guardContent": {"text": {"text": "g", "qualifiers": ["query"]}}}
    image = {"guardContent": {"image": {"format": "png", "source": {"bytes": "aWE="}}}}
    assert parts(guarded, image) == ((Text("g"), Media("image/png", "aWE=")), ("guard_content",))
    cited = {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": []}}
    conversation, losses = read(assistant(cited))
    assert conversation.turns[0].parts == (Text("ab"),)
    assert losses == ("citations",)
    conversation, losses = read(user({"canary": 1}), valid=False)
    assert conversation.turns[0].parts[0].kind == "unknown_block"
    assert "canary" not in str(losses)


def test_words_of_the_system_between_turns_are_promoted():
    late = {"role": "system", "content": [{"text": "late"}]}
    conversation, losses = read(user({"text": "a"}), late, system=[{"text": "s"}])
    assert conversation.system == (Text("s"), Text("late"))
    assert losses == ("system_position",)
    conversation, losses = read(late, user({"text": "a"}))
    assert (conversation.system, losses) == ((Text("late"),), ())
    assert conversation.turns == (Turn("user", (Text("a"),)),)
    image = {"image": {"format": "png", "source": {"bytes": "aWE="}}}
    with pytest.raises(Malformed, match="text blocks only"):
        read(system=[image], valid=False)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, None),
        ({"auto": {}}, ToolChoice("auto")),
        ({"any": {}}, ToolChoice("any")),
        ({"tool": {"name": "f"}}, ToolChoice("tool", "f")),
    ],
)
def test_the_choice_of_a_tool_is_read(choice, told):
    tools = {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": SCHEMA},
                                     "description": "d", "strict": True}}]}  # fmt: skip
    if choice is not None:
        tools["toolChoice"] = choice
    conversation, losses = read(toolConfig=tools)
    assert conversation.tool_choice == told
    assert conversation.tools == (ToolSpec("f", "d", SCHEMA, strict=True),)
    assert losses == ()


def extras(**fields):
    return read(additionalModelRequestFields=fields)


@pytest.mark.parametrize("fields", [{"top_k": 5}, {"topK": 5}, {"inferenceConfig": {"topK": 5}}])
def test_top_k_has_three_names(fields):
    conversation, losses = extras(**fields)
    assert conversation.sampling == Sampling(top_k=5)
    assert losses == ()


@pytest.mark.parametrize(
    ("fields", "effort", "bound", "losses"),
    [
        ({"thinking": {"type": "disabled"}}, "off", None, ()),
        ({"thinking": {"type": "adaptive"}}, "high", None, ()),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max", None, ()),
        ({"thinking": {"type": "enabled", "budget_tokens": 4096}}, "low", 4096, ()),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, "medium", 8000, ()),
        ({"thinking": {"type": "enabled", "budget_tokens": 50000}}, "high", 50000, ()),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, "high", None, ("display",)),
        ({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, "low", None, ()),
        ({"reasoning_config": {"type": "enabled", "budget_tokens": 2000}}, "low", 2000, ()),
        ({"reasoning_effort": "minimal"}, "minimal", None, ()),
        ({"reasoning_effort": "canary"}, None, None, ("effort",)),
        ({"reasoning_effort": ["canary"]}, None, None, ("effort",)),
        (
            {"thinking": {"type": "disabled"}, "reasoning_effort": "low"},
            "off",
            None,
            ("effort",),
        ),
        ({"thinking": {"type": "canary"}}, None, None, ("additional_model_request_fields",)),
        ({"thinking": "canary"}, None, None, ("additional_model_request_fields",)),
        ({"top_k": "canary"}, None, None, ("additional_model_request_fields",)),
        ({"inferenceConfig": {"topK": True}}, None, None, ("additional_model_request_fields",)),
        ({"tool_choice": {"type": "canary"}}, None, None, ("additional_model_request_fields",)),
        ({"canary": 1}, None, None, ("additional_model_request_fields",)),
        ({"canary": None}, None, None, ()),
        ({"anthropic_beta": ["canary"]}, None, None, ("anthropic_beta",)),
    ],
)
def test_thinking_is_asked_for_in_the_words_of_each_family(fields, effort, bound, losses):
    conversation, found = extras(**fields)
    assert (conversation.thinking, conversation.thinking_tokens_max) == (effort, bound)
    assert found == losses


def test_an_effort_beside_the_models_own_fields_is_heard():
    conversation, losses = read(outputConfig={"effort": "low"})
    assert (conversation.thinking, losses) == ("low", ())


def test_parallel_calls_are_forbidden_in_claudes_words():
    conversation, losses = extras(tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert conversation.tool_choice == ToolChoice("auto", None, parallel=False)
    assert losses == ()


def test_an_answer_may_be_asked_to_keep_to_a_schema():
    def wanted(schema, kind="json_schema", **more):
        structure = {"jsonSchema": {"schema": schema, **more}} if schema is not None else {}
        form = {"type": kind, "structure": structure}
        return {"outputConfig": {"textFormat": form}}

    text = msgspec.json.encode(SCHEMA).decode()
    conversation, losses = read(**wanted(text, name="N"))
    assert (conversation.answer_schema, conversation.answer_name) == (SCHEMA, "N")
    assert losses == ()
    for odd in ("[]", "{canary", '{"a":1,"a":2}'):
        with pytest.raises(Malformed) as caught:
            read(**wanted(odd))
        assert "canary" not in caught.value.what
    for wrong in (wanted(None), wanted(text, kind="canary")):
        with pytest.raises(Malformed, match="holds a json_schema"):
            read(valid=False, **wrong)


def test_fields_that_no_conversation_holds_are_lost_by_name():
    _, losses = read(
        requestMetadata={"a": "b"},
        guardrailConfig={"guardrailIdentifier": "g"},
        promptVariables={"v": {"text": "x"}},
        additionalModelResponseFieldPaths=["/canary"],
        valid=False,
    )
    assert sorted(losses) == [
        "additional_model_response_field_paths",
        "guardrail_config",
        "prompt_variables",
        "request_metadata",
    ]
    _, losses = read(canary=1, additionalModelResponseFieldPaths=["/stop_sequence"], valid=False)
    assert losses == ("unknown_field",)
