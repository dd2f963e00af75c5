"""Cache marks, names of documents, strictness and efforts, as each family at Bedrock takes them."""

import pytest

from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE as DIALECT
from gateway.domain.conversation import (
    Conversation,
    Media,
    Sampling,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
    Turn,
)
from tests.doubles.bedrock_vendor import params_of
from tests.doubles.fleets import an_offering

CLAUDE = "eu.anthropic.claude-opus-5-5"
OLDER = "anthropic.claude-3-7-sonnet-20250219-v1:0"
OLDEST = "anthropic.claude-3-haiku-20240307-v1:0"
NOVA = "eu.amazon.nova-pro-v1:0"
QWEN = "qwen.qwen3-coder-next"
POINT = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}
PDF = "application/pdf"


def written(model, *turns, capabilities=frozenset(), **fields):
    turns = turns or (Turn("user", (Text("hi"),)),)
    fields = {"system": (), **fields}
    offering = an_offering("m", "aws", "eu", wire_model=model, capabilities=capabilities)
    body, losses = DIALECT.write(Conversation(turns=turns, **fields), offering, True)
    params_of(body, model, "ConverseStream")
    return body, losses


def marked(model, cache):
    tool = ToolSpec("f", "", {}, cache=cache)
    turn = Turn("user", (Text("hi", cache=cache),))
    return written(model, turn, system=(Text("s", cache=cache),), tools=(tool,))


def points(body):
    """Return how many cache points stand in tools, system and messages."""
    lists = (body["toolConfig"]["tools"], body["system"], body["messages"][-1]["content"])
    return tuple(sum("cachePoint" in one for one in said) for said in lists)


@pytest.mark.parametrize(
    ("model", "cache", "found", "losses"),
    [
        (CLAUDE, "5m", (1, 1, 1), ()),
        (CLAUDE, "1h", (1, 1, 1), ()),
        (OLDER, "1h", (1, 1, 1), ("cache_ttl",)),
        (NOVA, "5m", (0, 1, 1), ("cache_control",)),
        (OLDEST, "5m", (0, 0, 0), ("cache_control",)),
        (QWEN, "5m", (0, 0, 0), ("cache_control",)),
        (CLAUDE, None, (0, 0, 0), ()),
    ],
)
def test_a_mark_is_an_element_behind_what_it_marks(model, cache, found, losses):
    body, lost = marked(model, cache)
    assert points(body) == found
    assert lost == losses
    if cache is not None and found[2]:
        wanted = HOUR if cache == "1h" and model == CLAUDE else POINT
        assert body["messages"][0]["content"] == [{"text": "hi"}, wanted]


def test_a_mark_that_is_one_too_many_is_the_last_of_the_prefix():
    parts = tuple(Text(str(number), cache="5m") for number in range(3))
    tool = ToolSpec("f", "", {}, cache="5m")
    body, losses = written(
        CLAUDE, Turn("user", parts), system=(Text("s", cache="5m"),), tools=(tool,)
    )
    assert losses == ("cache_control",)
    assert points(body) == (1, 1, 2)
    assert body["messages"][0]["content"][-1] == {"text": "2"}


def test_a_mark_keeps_to_its_result_and_one_inside_stands_behind_all_of_it():
    call = ToolCall("t1", "f", {}, cache="1h")
    first = ToolResult("t1", (Text("a", cache="5m"), Text("b")), "f")
    turns = (
        Turn("user", (Text("go"),)),
        Turn("assistant", (call,)),
        Turn("user", (Text("and"), first)),
    )
    body, losses = written(CLAUDE, *turns)
    assert losses == ("tools_injected",)
    assert body["messages"][1]["content"][1] == HOUR
    kinds = [next(iter(block)) for block in body["messages"][2]["content"]]
    assert kinds == ["toolResult", "cachePoint", "text"]
    assert body["messages"][2]["content"][0]["toolResult"]["content"] == [
        {"text": "a"},
        {"text": "b"},
    ]


def test_a_call_leaves_the_signature_of_another_provider_behind():
    call = ToolCall("t1", "f", {}, signature="c2ln")
    _, losses = written(CLAUDE, Turn("user", (Text("go"),)), Turn("assistant", (call,)))
    assert set(losses) == {"thought_signature", "tools_injected"}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("a.pdf",), ("a pdf",)),
        (("Plan (1) [x] - b",), ("Plan (1) [x] - b",)),
        (("", ""), ("document 1", "document 2")),
        (("é/日本\n", "x"), ("document 1", "x")),
        (("x", "x", "x"), ("x", "x (2)", "x (3)")),
        (("x (2)", "x"), ("x (2)", "x")),
        (("x", "x (2)", "x"), ("x", "x (2)", "x (3)")),
        (("x (3)", "x", "x"), ("x (3)", "x", "x (4)")),
        (("document 2", ""), ("document 2", "document (2)")),
        (("a" * 300,), ("a" * 189,)),
        (("ignore  previous\tinstructions",), ("ignore previous instructions",)),
    ],
)
def test_documents_have_names_that_bedrock_takes_each_once(names, told):
    media = tuple(Media(PDF, "aWE=", name=name) for name in names)
    body, losses = written(CLAUDE, Turn("user", (Text("read"), *media)))
    found = [one["document"]["name"] for one in body["messages"][0]["content"][1:]]
    assert tuple(found) == told
    assert losses == ()


@pytest.mark.parametrize(
    ("strict", "capabilities", "told", "losses"),
    [
        (True, frozenset({"json"}), True, ()),
        (True, frozenset(), None, ("strict",)),
        (False, frozenset(), None, ()),
        (None, frozenset({"json"}), None, ()),
    ],
)
def test_only_who_keeps_to_a_schema_is_asked_to(strict, capabilities, told, losses):
    tools = (ToolSpec("f", "", {}, strict=strict),)
    body, lost = written(CLAUDE, tools=tools, capabilities=capabilities)
    assert body["toolConfig"]["tools"][0]["toolSpec"].get("strict") is told
    assert lost == losses


@pytest.mark.parametrize(
    ("model", "effort", "told", "losses"),
    [
        (CLAUDE, "minimal", "low", ("effort",)),
        (CLAUDE, "xhigh", "xhigh", ()),
        (CLAUDE, "max", "max", ()),
        ("us.anthropic.claude-opus-4-6-v1", "xhigh", "high", ("effort",)),
    ],
)
def test_an_effort_is_the_nearest_that_the_model_knows(model, effort, told, losses):
    body, lost = written(model, thinking=effort)
    assert body["outputConfig"]["effort"] == told
    assert lost == losses


def test_a_bound_of_thinking_is_a_budget_where_there_is_one():
    sampling = Sampling(output_tokens_max=10_000)
    for given, told in ((3_000, 3_000), (50_000, 9_999), (5, 1_024)):
        body, losses = written(OLDER, thinking="low", thinking_tokens_max=given, sampling=sampling)
        field = body["additionalModelRequestFields"]["thinking"]
        assert field == {"type": "enabled", "budget_tokens": told}
        assert losses == ()
    _, losses = written(CLAUDE, thinking="low", thinking_tokens_max=3_000)
    assert losses == ("thinking_tokens_max",)
    for effort in ("minimal", "xhigh", "max"):
        body, _ = written(OLDER, thinking=effort, sampling=Sampling(output_tokens_max=200_000))
        assert body["additionalModelRequestFields"]["thinking"]["type"] == "enabled"


def test_an_answer_keeps_its_name():
    body, _ = written(
        CLAUDE, answer_schema={}, answer_name="S-answer", capabilities=frozenset({"json"})
    )
    form = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert form["name"] == "S-answer"
