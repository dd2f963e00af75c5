import msgspec
import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES as DIALECT
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
)
from gateway.domain.errors import CannotExpress, Malformed
from tests.doubles.goldens import golden_json, recordings

PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a"}}


def asking(**fields):
    return {
        "model": "code",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": "hello"}],
        **fields,
    }


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


def parts(*messages):
    conversation, losses = DIALECT.read(asking(messages=list(messages)))
    return [part for turn in conversation.turns for part in turn.parts], losses


def test_the_least_request_is_one_turn_of_text():
    conversation, losses = DIALECT.read(asking())
    assert conversation.turns[0].role == "user"
    assert conversation.turns[0].parts == (Text("hello"),)
    assert conversation.sampling == Sampling(output_tokens_max=64)
    assert (conversation.system, conversation.tools, conversation.tool_choice) == ((), (), None)
    assert (conversation.answer_schema, conversation.thinking, losses) == (None, None, ())


def test_an_agents_request_is_read_whole():
    conversation, losses = DIALECT.read(golden_json("anthropic_messages/agent_turn.json"))
    assert [len(turn.parts) for turn in conversation.turns] == [4, 5, 3]
    assert len(conversation.system) == 3
    assert conversation.system[1] == Text("You are an agent.", "5m")
    assert (conversation.thinking, conversation.thinking_tokens_max) == ("high", 31999)
    assert conversation.tool_choice == ToolChoice("auto", parallel=False)
    assert conversation.sampling.stop == ("END",)
    assert conversation.sampling.top_k == 40
    assert losses == (
        "title",
        "metadata",
        "context_management",
    )


@pytest.mark.parametrize("name", recordings("messages_", "reasoning_messages"))
def test_every_request_that_vllm_answered_can_be_read(name):
    conversation, losses = DIALECT.read(golden_json(f"vllm/{name}.request.json")["body"])
    assert conversation.turns
    assert losses == ()


def test_a_system_prompt_is_a_text_or_blocks():
    assert DIALECT.read(asking(system="be brief"))[0].system == (Text("be brief"),)
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert DIALECT.read(asking(system=blocks))[0].system == (Text("a"), Text("b"))
    with pytest.raises(Malformed):
        DIALECT.read(asking(system=[{"type": "image", "source": PNG}]))


def test_a_leading_system_message_is_promoted_and_nothing_is_lost():
    messages = [{"role": "system", "content": "b"}, {"role": "user", "content": "hi"}]
    conversation, losses = DIALECT.read(asking(system="a", messages=messages))
    assert conversation.system == (Text("a"), Text("b"))
    assert [turn.role for turn in conversation.turns] == ["user"]
    assert losses == ()


def test_a_later_system_message_loses_its_place_by_name():
    note = {"role": "system", "content": [{"type": "text", "text": "now be loud"}]}
    conversation, losses = DIALECT.read(
        asking(messages=[{"role": "user", "content": "hi"}, note, note])
    )
    assert conversation.system == (Text("now be loud"), Text("now be loud"))
    assert losses == ("system_position",)


def test_an_image_and_a_document_are_media():
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    found, losses = parts(
        user({"type": "image", "source": PNG}, {"type": "document", "source": pdf})
    )
    assert found == [Media("image/png", "iVBORw0KGgo="), Media("application/pdf", "JVBERi0=")]
    assert losses == ()


def test_a_plain_document_is_text_and_its_title_a_loss():
    source = {"type": "text", "media_type": "text/plain", "data": "words"}
    block = {"type": "document", "source": source, "title": "T", "citations": {"enabled": True}}
    assert parts(user(block)) == ([Text("words")], ("citations", "title"))


def test_a_document_of_blocks_and_foreign_blocks_are_opaque():
    wrapped = {"type": "document", "source": {"type": "content", "content": "words"}}
    hits = {"type": "search_result", "source": "https://example.org", "title": "T", "content": []}
    odd = {"type": "hologram", "x": 1}
    found, losses = parts(user(wrapped, hits, odd))
    assert found == [
        Opaque("anthropic_messages", "document", wrapped),
        Opaque("anthropic_messages", "search_result", hits),
        Opaque("anthropic_messages", "unknown_block", odd),
    ]
    assert losses == ()


def test_a_tool_call_and_its_answer_are_linked_by_id_and_name():
    answer = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "text", "is_error": True}
    found, losses = parts(assistant(CALL), user(answer))
    assert found == [
        ToolCall("toolu_1", "Read", {"path": "a"}),
        ToolResult("toolu_1", (Text("text"),), "Read", failed=True),
    ]
    assert losses == ()


def test_a_tool_answer_may_be_empty_or_hold_several_parts():
    image = {"type": "image", "source": PNG}
    document = {"type": "document", "source": {"type": "text", "data": "words"}}
    content = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]
    empty = {"type": "tool_result", "tool_use_id": "toolu_1"}
    full = {**empty, "content": [*content, image, document]}
    found, losses = parts(assistant(CALL), user(empty, full))
    assert found[1] == ToolResult("toolu_1", (), "Read")
    assert found[2].parts == (Text("a", "5m"), Media("image/png", "iVBORw0KGgo="), Text("words"))
    assert losses == ()


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"type": "search_result", "source": "s", "title": "T", "content": []}, "search_result"),
        ({"type": "document", "source": {"type": "content", "content": "x"}}, "document"),
        ({"type": "hologram", "x": 1}, "unknown_block"),
    ],
)
def test_a_part_of_a_tool_answer_without_a_word_of_ours_stays_as_its_json(block, name):
    answer = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [block]}
    found, losses = parts(assistant(CALL), user(answer))
    assert msgspec.json.decode(found[1].parts[0].text) == block
    assert losses == (name,)


def test_an_orphan_tool_answer_is_refused():
    orphan = {"type": "tool_result", "tool_use_id": "toolu_9", "content": "x"}
    for messages in ([user(orphan)], [user(orphan), assistant({**CALL, "id": "toolu_9"})]):
        with pytest.raises(Malformed, match="answers no tool_use"):
            DIALECT.read(asking(messages=messages))


def test_reasoning_keeps_its_signature():
    found, losses = parts(
        assistant(
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "redacted_thinking", "data": "dark"},
        )
    )
    assert found == [Thinking("hm", "sig"), Thinking("hm"), Thinking("", redacted="dark")]
    assert losses == ()


@pytest.mark.parametrize(
    "message",
    [
        user(CALL),
        user({"type": "thinking", "thinking": "a"}),
        user({"type": "redacted_thinking", "data": "a"}),
        assistant({"type": "tool_result", "tool_use_id": "toolu_1"}),
        assistant({"type": "tool_use", "id": "a", "name": "b"}),
        assistant({"type": "tool_use", "id": "a", "name": "b", "input": "{}"}),
        assistant({"type": "tool_use", "id": "a", "name": "", "input": {}}),
        assistant({"type": "thinking", "thinking": 5}),
        assistant({"type": "redacted_thinking"}),
        {"role": "system", "content": [{"type": "image", "source": PNG}]},
    ],
)
def test_a_block_of_the_wrong_role_or_shape_is_refused(message):
    with pytest.raises(Malformed):
        DIALECT.read(asking(messages=[message]))


def test_reading_refuses_egress_without_peek():
    with pytest.raises(CannotExpress):
        DIALECT.read(asking(mcp_servers=[{}]))


def test_tools_are_read_and_their_extras_named():
    schema = {"type": "object", "properties": {}}
    tools = [
        {"name": "a", "input_schema": schema, "description": "does", "cache_control": {}},
        {"name": "b", "input_schema": {}, "type": "custom", "strict": True, "x-mine": 1},
    ]
    conversation, losses = DIALECT.read(asking(tools=tools))
    assert conversation.tools == (ToolSpec("a", "does", schema), ToolSpec("b", "", {}, strict=True))
    assert losses == ("cache_control", "unknown_field")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"type": "auto"}, ToolChoice("auto")),
        ({"type": "any"}, ToolChoice("any")),
        ({"type": "none"}, ToolChoice("none")),
        ({"type": "tool", "name": "a"}, ToolChoice("tool", "a")),
        ({"type": "any", "disable_parallel_tool_use": False}, ToolChoice("any", parallel=True)),
    ],
)
def test_a_tool_choice_is_read(said, meant):
    assert DIALECT.read(asking(tool_choice=said))[0].tool_choice == meant


@pytest.mark.parametrize("said", [{"type": "all"}, {"type": "tool"}, {"type": "any", "name": "a"}])
def test_an_unknown_tool_choice_is_refused(said):
    with pytest.raises(Malformed, match="tool_choice"):
        DIALECT.read(asking(tool_choice=said))


@pytest.mark.parametrize(
    ("fields", "effort", "lost"),
    [
        ({"thinking": {"type": "disabled"}}, "off", ()),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low", ()),
        ({"thinking": {"type": "enabled", "budget_tokens": 16384}}, "medium", ()),
        ({"thinking": {"type": "enabled", "budget_tokens": 31999}}, "high", ()),
        ({"thinking": {"type": "adaptive"}}, "high", ()),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, "high", ("display",)),
        ({"thinking": {"type": "between_tools"}}, None, ("thinking",)),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, "low", ()),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
            "max",
            (),
        ),
        (
            {
                "thinking": {"type": "enabled", "budget_tokens": 1024},
                "output_config": {"effort": "odd"},
            },
            "low",
            ("effort",),
        ),
        ({"output_config": {"effort": "low"}}, None, ("effort",)),
        (
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}},
            "off",
            ("effort",),
        ),
    ],
)
def test_thinking_becomes_an_effort(fields, effort, lost):
    conversation, losses = DIALECT.read(asking(**fields))
    assert (conversation.thinking, losses) == (effort, lost)


def test_an_answer_of_a_schema_is_asked_for():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    wanted = {"format": {"type": "json_schema", "schema": schema}}
    assert DIALECT.read(asking(output_config=wanted))[0].answer_schema == schema
    for odd in ({"type": "grammar"}, {"type": "json_schema"}):
        conversation, losses = DIALECT.read(asking(output_config={"format": odd}))
        assert (conversation.answer_schema, losses) == (None, ("output_format",))


def test_losses_are_named_once_and_never_by_a_clients_word():
    body = asking(
        metadata={"user_id": "u"},
        service_tier="auto",
        inference_geo=None,
        **{"my repo is at git.corp.example": 1, "and so on": 2},
    )
    assert DIALECT.read(body)[1] == ("metadata", "service_tier", "unknown_field")
