"""Text of a client is no name of a loss, and no word of an error, whichever dialects meet."""

import msgspec
import pytest

from gateway.classification.texts import join_texts
from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.conversation import Conversation, Opaque, Text, Thinking, ToolResult, Turn
from gateway.domain.errors import RequestError
from gateway.domain.part_names import PART_NAMES, UNKNOWN_PART, part_name
from tests.doubles.compiled_secrets import all_secrets
from tests.doubles.fleets import an_offering
from tests.doubles.vendor_secrets import FORMATS, Draw

DIALECTS = {d.name: d for d in (OPENAI_CHAT, ANTHROPIC_MESSAGES, OLLAMA_CHAT)}
OFFERING = an_offering("qwen3", "ollama", "on_prem", wire_model="qwen3:14b")
# As a field, a part and a tool may be called; each looks like a word of a vendor.
CANARIES = ("my_canary_prompt", "canary.prompt", "Canary Prompt", "canary\r\nprompt")

WORDS = {"type": "text", "text": "hello"}
CALL = {"id": "call_a", "type": "function", "function": {"name": "now", "arguments": {}}}


def openai_bodies(canary):
    user = {"role": "user", "content": [WORDS]}
    called = {"role": "assistant", "content": "x", "tool_calls": [CALL]}
    result = {"role": "tool", "tool_call_id": "call_a", "content": [WORDS]}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    tool = {"type": "function", "function": {"name": "now"}}

    def body(*messages, **fields):
        return {"model": "code", "messages": list(messages or [user]), **fields}

    def part(held):
        return body({"role": "user", "content": [held, WORDS]})

    return {
        "field": body(**{canary: "x"}),
        "message field": body({**user, canary: "x"}),
        "part type": part({"type": canary, "x": 1}),
        "part field": part({**WORDS, canary: "x"}),
        "untyped part": part({canary: "x"}),
        "image field": part({**picture, "image_url": {**picture["image_url"], canary: 1}}),
        "image detail": part({**picture, "image_url": {**picture["image_url"], "detail": canary}}),
        "part of a result": body(user, called, {**result, "content": [{"type": canary}]}),
        "field of a result": body(user, called, {**result, canary: "x"}),
        "field of a call": body(user, {**called, "tool_calls": [{**CALL, canary: 1}]}),
        "field of a called function": body(
            user,
            {**called, "tool_calls": [{**CALL, "function": {**CALL["function"], canary: 1}}]},
        ),
        "type of a call": body(user, {**called, "tool_calls": [{**CALL, "type": canary}]}),
        "tool type": body(tools=[{"type": canary, canary: {}}]),
        "tool field": body(tools=[{**tool, canary: 1}]),
        "function field": body(tools=[{**tool, "function": {**tool["function"], canary: 1}}]),
        "tool choice": body(tools=[tool], tool_choice={"type": canary}),
        "format": body(response_format={"type": canary}),
        "format field": body(response_format={"type": "json_schema", "json_schema": {canary: 1}}),
        "effort": body(reasoning_effort=canary),
        "stream option": body(stream=True, stream_options={canary: 1}),
        "role": body({"role": canary, "content": "x"}),
        "prediction": body(prediction={"type": canary, canary: 1}),
    }


def anthropic_bodies(canary):
    user = {"role": "user", "content": [WORDS]}
    use = {"type": "tool_use", "id": "call_a", "name": "now", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "call_a", "content": [WORDS]}
    source = {"type": "base64", "media_type": "image/png", "data": "AA"}
    tool = {"name": "now", "input_schema": {}}

    def body(*messages, **fields):
        said = list(messages or [user])
        return {"model": "code", "max_tokens": 5, "messages": said, **fields}

    def block(held):
        return body({"role": "user", "content": [held, WORDS]})

    def answering(held):
        return body({"role": "assistant", "content": [use]}, {"role": "user", "content": [held]})

    return {
        "field": body(**{canary: "x"}),
        "block type": block({"type": canary, "x": 1}),
        "block field": block({**WORDS, canary: "x"}),
        "image field": block({"type": "image", "source": source, canary: 1}),
        "source field": block({"type": "image", "source": {**source, canary: 1}}),
        "source type": block({"type": "image", "source": {**source, "type": canary}}),
        "block of a result": answering({**result, "content": [{"type": canary}]}),
        "field of a result": answering({**result, canary: 1}),
        "field of a call": body(user, {"role": "assistant", "content": [{**use, canary: 1}]}),
        "tool type": body(tools=[{**tool, "type": canary}]),
        "tool field": body(tools=[{**tool, canary: 1}]),
        "nested tool": block({"type": canary, "tool": {"type": canary}}),
        "tool choice": body(tools=[tool], tool_choice={"type": canary}),
        "thinking": body(thinking={"type": canary, "display": canary}),
        "effort": body(output_config={"effort": canary}),
        "format": body(output_config={"format": {"type": canary}}),
        "role": body({"role": canary, "content": "x"}),
        "system": body(system=[{"type": canary, "text": "x"}]),
    }


def ollama_bodies(canary):
    user = {"role": "user", "content": "x"}
    tool = {"type": "function", "function": {"name": "now"}}

    def body(*messages, **fields):
        return {"model": "code", "messages": list(messages or [user]), **fields}

    return {
        "field": body(**{canary: 1}),
        "message field": body({**user, canary: 1}),
        "option": body(options={canary: 1}),
        "tool type": body(tools=[{**tool, "type": canary}]),
        "tool field": body(tools=[{**tool, canary: 1}]),
        "call field": body(
            user,
            {"role": "assistant", "tool_calls": [{"function": {"name": "now"}, canary: 1}]},
        ),
        "effort": body(think=canary),
        "format": body(format=canary),
        "role": body({"role": canary, "content": "x"}),
    }


MAKERS = {
    "openai_chat": openai_bodies,
    "anthropic_messages": anthropic_bodies,
    "ollama_chat": ollama_bodies,
}
CASES = [
    (source, target, place, canary)
    for source, maker in MAKERS.items()
    for target in DIALECTS
    for canary in CANARIES
    for place in maker(canary)
]


@pytest.mark.parametrize(("source", "target", "place", "canary"), CASES)
def test_a_clients_word_is_in_no_loss_and_in_no_error(source, target, place, canary):
    body = MAKERS[source](canary)[place]
    try:
        DIALECTS[source].peek(body)
        conversation, unread = DIALECTS[source].read(body)
        _, unsaid = DIALECTS[target].write(conversation, OFFERING, False)
    except RequestError as error:
        said = [error.what, error.hint]
    else:
        said = [*unread, *unsaid]
    assert not any("canary" in word.lower() for word in said)
    assert all(word.isprintable() for word in said)


@pytest.mark.parametrize("target", DIALECTS)
@pytest.mark.parametrize("maker", ["openai_chat", "anthropic_messages", "another"])
@pytest.mark.parametrize("kind", CANARIES)
def test_no_writer_trusts_the_kind_of_a_foreign_part(target, maker, kind):
    parts = (Text("x"), Opaque(maker, kind, "no part"))
    turns = (Turn("user", parts), Turn("assistant", parts))
    _, losses = DIALECTS[target].write(Conversation((), turns), OFFERING, False)
    assert UNKNOWN_PART in losses
    assert not any("canary" in name.lower() for name in losses)


def test_only_documented_parts_have_names():
    assert {part_name(name) for name in PART_NAMES} == PART_NAMES
    for odd in (*CANARIES, "", None, 5, ["text"], {"type": "file"}):
        assert part_name(odd) == UNKNOWN_PART


TOKEN = FORMATS["gitlab-pat"](Draw("split"))


@pytest.mark.parametrize("target", DIALECTS)
@pytest.mark.parametrize("role", ["user", "assistant"])
def test_no_writer_puts_a_split_token_together(target, role):
    halves = TOKEN[:12], TOKEN[12:]
    pieces = [
        tuple(Thinking(half) for half in halves),
        tuple(Thinking(half, signature="s") for half in halves),
        tuple(Text(half) for half in halves),
        (ToolResult("call_a", tuple(Text(half) for half in halves), "now"),),
        (Thinking(halves[0]), Text(halves[1])),
    ]
    for parts in pieces:
        turns = (Turn("user", (Text("x"),)), Turn(role, parts), Turn(role, parts[::-1]))
        body, _ = DIALECTS[target].write(
            Conversation(tuple(Text(half) for half in halves), turns), OFFERING, False
        )
        assert TOKEN not in msgspec.json.encode(body).decode()
        assert not all_secrets().scan(join_texts(body).buffer).hits


def test_two_thinking_blocks_that_split_a_token_stay_apart_from_one_dialect_to_the_next():
    blocks = [
        {"type": "thinking", "thinking": half, "signature": "s"}
        for half in (TOKEN[:12], TOKEN[12:])
    ]
    body = {
        "model": "code",
        "max_tokens": 5,
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": [*blocks, WORDS]},
        ],
    }
    conversation, _ = ANTHROPIC_MESSAGES.read(body)
    written, _ = OPENAI_CHAT.write(conversation, OFFERING, False)
    assert written["messages"][1]["reasoning"] == f"{TOKEN[:12]}\n{TOKEN[12:]}"
