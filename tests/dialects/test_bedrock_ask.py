"""What a client of Converse may ask; botocore's own validator has seen each good request."""

import msgspec
import pytest

from gateway.dialects import PASSABLE
from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE as DIALECT
from gateway.dialects.bedrock_converse import admit
from gateway.domain.dialect import Dialect
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.field_kind import FieldKind
from tests.doubles.bedrock_vendor import operation, params_of
from tests.doubles.fleets import an_offering

MODEL = "eu.anthropic.claude-opus-5-5"
OFFERING = an_offering("claude", "aws", "eu", wire_model=MODEL)
HI = {"role": "user", "content": [{"text": "hi"}]}
SPEC = {"name": "Read", "inputSchema": {"json": {"type": "object"}}}
CALL = {"toolUse": {"toolUseId": "t.1:a", "name": "Read", "input": {}}}
RESULT = {"toolUseId": "t.1:a", "content": [{"text": "x"}]}
S3 = {"s3Location": {"uri": "s3://canary/x"}}
PNG = {"format": "png", "source": {"bytes": "aWE="}}
PDF = {"format": "pdf", "name": "a", "source": {"bytes": "aWE="}}


def body(*blocks, role="user", **fields):
    messages = [{"role": role, "content": list(blocks)}] if blocks else [HI]
    return {"messages": messages, **fields}


def test_every_documented_field_has_a_kind():
    documented = set(operation("Converse").input_shape.members) - {"modelId"}
    streamed = set(operation("ConverseStream").input_shape.members) - {"modelId"}
    assert DIALECT.fields.keys() == documented | streamed
    assert DIALECT.fields["requestMetadata"] is FieldKind.IDENTIFYING
    assert {name for name, kind in DIALECT.fields.items() if kind is FieldKind.EGRESS} == {
        "guardrailConfig",
        "performanceConfig",
        "projectIdentifier",
        "promptVariables",
        "serviceTier",
    }


@pytest.mark.parametrize(
    ("asked", "needs"),
    [
        (body(), set()),
        (body({"image": PNG}), {"images"}),
        (body({"document": PDF}, {"text": "x"}), {"documents"}),
        (body(CALL, role="assistant"), {"tools"}),
        (body(toolConfig={"tools": [{"toolSpec": SPEC}]}), {"tools"}),
        (body({"toolResult": {**RESULT, "content": [{"image": PNG}]}}), {"tools", "images"}),
    ],
)
def test_what_the_body_needs_is_told(asked, needs):
    params_of(asked, MODEL)
    ask = DIALECT.peek({**asked, "inferenceConfig": {"maxTokens": 7}})
    assert (ask.model, ask.stream, ask.output_tokens_max) == ("", False, 7)
    assert ask.needs == needs
    assert ask.usage_wanted


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"messages": []},
        {"messages": "canary"},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [{"role": "user", "content": "canary"}]},
        {"messages": [{"role": "canary", "content": [{"text": "x"}]}]},
        {"messages": [{"content": [{"text": "x"}]}]},
        body({"text": 5}),
        body({}),
        body({"text": "x", "image": PNG}),
        body({"image": {"format": "png"}}),
        body({"image": {"format": "png", "source": {}}}),
        body({"image": {"format": "png", "source": "canary"}}),
        body({"toolUse": {"toolUseId": "can ary", "name": "n", "input": {}}}, role="assistant"),
        body({"toolUse": {"toolUseId": "a" * 65, "name": "n", "input": {}}}, role="assistant"),
        body({"toolUse": {"toolUseId": "a", "name": "", "input": {}}}, role="assistant"),
        body({"toolUse": {"toolUseId": "", "name": "n", "input": {}}}, role="assistant"),
        body({"toolUse": {"toolUseId": "a", "name": "n", "input": "canary"}}, role="assistant"),
        body({"toolResult": {"toolUseId": "a"}}),
        body({"toolResult": {"toolUseId": "a", "content": [{}]}}),
        body({"cachePoint": {}}),
        body(system=[{"text": None}]),
        body(system="canary"),
        body(inferenceConfig={"maxTokens": -1}),
        body(inferenceConfig={"maxTokens": 0}),
        body(inferenceConfig={"maxTokens": "canary"}),
        body(inferenceConfig={"temperature": -0.5}),
        body(inferenceConfig={"stopSequences": "canary"}),
        body(toolConfig={"tools": []}),
        body(toolConfig={"tools": [{"toolSpec": {"name": "can.ary", "inputSchema": {}}}]}),
        body(toolConfig={"tools": [{"toolSpec": {**SPEC, "name": "can ary"}}]}),
        body(toolConfig={"tools": [{"toolSpec": {**SPEC, "name": "n" * 65}}]}),
        body(toolConfig={"tools": [{"toolSpec": SPEC}], "toolChoice": {}}),
        body(toolConfig={"tools": [{"toolSpec": SPEC}], "toolChoice": {"auto": {}, "any": {}}}),
        body(additionalModelRequestFields="canary"),
        body(additionalModelRequestFields={"anthropic_beta": [{"canary": 1}]}),
        body(outputConfig={"textFormat": {"type": "json_schema"}}),
    ],
)
def test_what_is_wrong_is_malformed_and_never_repeated(wrong):
    with pytest.raises(Malformed) as caught:
        DIALECT.peek(wrong)
    assert "canary" not in caught.value.what


@pytest.mark.parametrize(
    "reaching",
    [
        body({"image": {"format": "png", "source": S3}}),
        body({"document": {"format": "pdf", "name": "a", "source": S3}}),
        body({"video": {"format": "mp4", "source": S3}}),
        body({"audio": {"format": "mp3", "source": S3}}),
        body({"toolResult": {**RESULT, "content": [{"image": {"format": "png", "source": S3}}]}}),
        body({"guardContent": {"image": {"format": "png", "source": S3}}}),
        body({"canary": [{"deep": [1, {"source": S3}]}]}),
    ],
)
def test_what_the_provider_would_fetch_is_refused_unless_policy_lets_it_pass(reaching):
    with pytest.raises(Malformed, match="must carry its data"):
        DIALECT.peek(reaching)
    ask = DIALECT.letting(frozenset({"s3_location"})).peek(reaching)
    assert ask.reaches == {"s3_location"}
    with pytest.raises(Malformed):
        DIALECT.letting(frozenset({"system_tool"})).peek(reaching)


def test_a_policy_may_name_what_reaches_out_and_what_identifies():
    assert {"s3_location", "system_tool", "request_metadata", "guardrail_config"} <= PASSABLE
    assert all(name == name.lower() for name in PASSABLE)


def test_words_that_look_like_a_reference_are_the_clients_own():
    call = {"toolUse": {"toolUseId": "a", "name": "n", "input": S3}}
    DIALECT.peek(body(call, role="assistant"))
    DIALECT.peek(body({"toolResult": {"toolUseId": "a", "content": [{"json": S3}]}}))
    DIALECT.peek(body({"canary": ["plain", 5]}))


def test_tools_that_the_provider_runs_are_refused_unless_policy_lets_them_pass():
    asked = body(toolConfig={"tools": [{"systemTool": {"name": "nova_grounding"}}]})
    params_of(asked, MODEL)
    with pytest.raises(CannotExpress, match="systemTool works outside"):
        DIALECT.peek(asked)
    passing: Dialect = DIALECT.letting(frozenset({"system_tool"}))
    assert passing.peek(asked).reaches == {"system_tool"}
    with pytest.raises(CannotExpress, match="unknown kind") as caught:
        DIALECT.peek(body(toolConfig={"tools": [{"canary": {}}]}))
    assert "canary" not in caught.value.what
    for change in ("toolAddition", "toolRemoval"):
        with pytest.raises(CannotExpress, match="may not add or remove"):
            DIALECT.peek(body({change: {"tool": {"name": "n"}}}))


def test_there_is_an_end_of_blocks(monkeypatch):
    monkeypatch.setattr(admit, "BLOCKS_MAX", 3)
    DIALECT.peek(body(*[{"text": "x"}] * 3))
    with pytest.raises(Malformed, match="more than 3"):
        DIALECT.peek(body(*[{"text": "x"}] * 4))


def test_a_body_passes_as_it_came_but_for_fields_that_no_model_is_known_to_take():
    asked = body(
        {"text": "x"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        additionalModelRequestFields={"top_k": 1, "thinking": {"type": "adaptive"}},
        additionalModelResponseFieldPaths=["/x"],
        system=[{"text": "s"}],
    )
    params_of(asked, MODEL)
    assert DIALECT.rewrite(asked, OFFERING, True) is asked
    assert DIALECT.sheds(asked) == ()
    assert DIALECT.rewrite(body(), OFFERING, False) == body()
    more = {**asked, "additionalModelRequestFields": {"top_k": 1, "mcp_servers": ["canary"]}}
    sent = DIALECT.rewrite(more, OFFERING, False)
    assert sent == {**asked, "additionalModelRequestFields": {"top_k": 1}}
    assert list(sent) == list(more)
    assert DIALECT.sheds(more) == ("additional_model_request_fields",)
    assert b"canary" in msgspec.json.encode(more)
