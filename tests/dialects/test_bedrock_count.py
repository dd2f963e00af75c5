"""Counting at Bedrock: what is counted is read before it is judged, and packed again for it."""

from base64 import b64encode

import msgspec
import pytest

from gateway.dialects import BEDROCK_COUNT as DIALECT
from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT
from gateway.domain.dialect import Heard
from gateway.domain.errors import CannotExpress, Denied, Malformed, Unreachable
from gateway.domain.event import Used
from gateway.domain.money import Tokens
from gateway.domain.request import Operation
from gateway.domain.route import FailureKind
from tests.doubles.bedrock_vendor import (
    assert_reply_is_of_the_shape,
    params_of,
    serialized,
)
from tests.doubles.fleets import an_offering

MODEL = "anthropic.claude-opus-5"
OFFERING = an_offering("claude", "aws", "eu", wire_model=MODEL)
HI = [{"role": "user", "content": [{"text": "hi"}]}]
NATIVE = {
    "anthropic_version": "2026-10-21",
    "max_tokens": 1,
    "messages": [{"role": "user", "content": "hi"}],
}


def packed(body):
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return {"input": {"invokeModel": {"body": b64encode(raw).decode()}}}


def sent(body):
    """Return what Bedrock is asked, as botocore would have sent it too."""
    params = params_of(body, MODEL, "CountTokens")
    assert serialized(params, "CountTokens")[1] == body
    return body


def test_a_conversation_is_counted_without_what_draws_a_reply():
    asked = {"input": {"converse": {"messages": HI, "system": [{"text": "s"}]}}}
    assert DIALECT.unpack(asked) is asked
    ask = DIALECT.peek(asked)
    assert (ask.model, ask.stream) == ("", False)
    assert DIALECT.operation is Operation.COUNT
    assert sent(DIALECT.rewrite(asked, OFFERING, False)) == asked
    more = {"input": {"converse": {
        **asked["input"]["converse"], "requestMetadata": {"a": "S"}, "canary": 1,
        "additionalModelRequestFields": {"top_k": 1, "canary": 2},
        "inferenceConfig": {"maxTokens": 5},
    }}}  # fmt: skip
    written = sent(DIALECT.rewrite(more, OFFERING, False))["input"]["converse"]
    assert written == {
        **asked["input"]["converse"],
        "additionalModelRequestFields": {"top_k": 1},
    }
    assert DIALECT.sheds(more) == (
        "request_metadata",
        "unknown_field",
        "additional_model_request_fields",
    )


def test_a_packed_body_is_read_before_it_is_judged_and_packed_again():
    asked = packed({**NATIVE, "anthropic_beta": ["b"], "metadata": {"user_id": "S-user"}})
    opened = DIALECT.unpack(asked)
    assert opened["input"]["invokeModel"]["body"]["messages"] == NATIVE["messages"]
    assert DIALECT.peek(opened).needs == frozenset()
    written = sent(DIALECT.rewrite(opened, OFFERING, False))
    plain = DIALECT.unpack(written)["input"]["invokeModel"]["body"]
    assert plain == {**NATIVE, "anthropic_version": "bedrock-2023-05-31"}
    assert DIALECT.sheds(opened) == ("metadata", "anthropic_beta")


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": {"invokeModel": {"body": "canary!"}}},
        {"input": {"invokeModel": {"body": 5}}},
        {"input": {"invokeModel": "canary"}},
        packed(b'{"a":1,"a":"canary"}'),
        packed(b"canary"),
        packed(b""),
    ],
)
def test_what_cannot_be_unpacked_is_malformed(wrong):
    with pytest.raises(Malformed) as caught:
        DIALECT.unpack(wrong)
    assert "canary" not in caught.value.what


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"input": "canary"},
        {"input": {}},
        {"input": {"canary": {}}},
        {"input": {"converse": None}},
        {"input": {"converse": "canary"}},
        {"input": {"converse": {}, "invokeModel": {}}},
        {"input": {"invokeModel": {"body": "canary"}}},
        {"input": {"invokeModel": {"body": {"prompt": "canary"}}}},
    ],
)
def test_what_asks_for_no_count_is_malformed(wrong):
    with pytest.raises(Malformed) as caught:
        DIALECT.peek(wrong)
    assert "canary" not in caught.value.what


def test_what_the_provider_runs_is_counted_only_where_policy_lets_it_pass():
    tools = {"tools": [{"systemTool": {"name": "nova_grounding"}}]}
    asked = {"input": {"converse": {"messages": HI, "toolConfig": tools}}}
    with pytest.raises(CannotExpress):
        DIALECT.peek(asked)
    assert DIALECT.letting(frozenset({"system_tool"})).peek(asked).reaches == {"system_tool"}
    native = {"input": {"invokeModel": {"body": {**NATIVE, "mcp_servers": [{}]}}}}
    with pytest.raises(CannotExpress):
        DIALECT.peek(native)
    assert DIALECT.letting(frozenset({"mcp_servers"})).peek(native).reaches == {"mcp_servers"}


def test_a_count_goes_to_other_engines_and_comes_from_other_clients():
    for asked in ({"input": {"converse": {"messages": HI}}}, DIALECT.unpack(packed(NATIVE))):
        conversation, losses = DIALECT.read(asked)
        assert losses == ()
        written, _ = ANTHROPIC_COUNT.write(conversation, OFFERING, False)
        assert b"hi" in msgspec.json.encode(written)
    asked = {"model": "m", "messages": [{"role": "user", "content": "S-hi"}], "system": "S-sys"}
    conversation, _ = ANTHROPIC_COUNT.read(asked)
    written, losses = DIALECT.write(conversation, OFFERING, False)
    assert sent(written) == {
        "input": {
            "converse": {
                "messages": [{"role": "user", "content": [{"text": "S-hi"}]}],
                "system": [{"text": "S-sys"}],
            }
        }
    }
    assert losses == ()


def test_the_answer_is_a_number():
    raw = DIALECT.write_reply((Used(Tokens(3, 9, 4, 5)),), "asked", "r")
    assert_reply_is_of_the_shape(raw, "CountTokens")
    assert msgspec.json.decode(raw) == {"inputTokens": 12}
    assert DIALECT.read_reply(raw) == (Used(Tokens(input_tokens=12)),)
    assert DIALECT.hear(raw) == Heard()
    for odd in (b"{}", b"canary", b'{"inputTokens":-1}', b'{"inputTokens":"12"}'):
        with pytest.raises(ValueError, match="count"):
            DIALECT.read_reply(odd)
    with pytest.raises(ValueError, match="without a number"):
        DIALECT.write_reply((), "asked", "r")


def test_a_count_has_no_stream_and_fails_as_bedrock_does():
    for part in (DIALECT.tap, DIALECT.reader, DIALECT.writer):
        with pytest.raises(Unreachable):
            part()
    assert DIALECT.failure(429, b"{}")[0] is FailureKind.RATE_LIMITED
    assert dict(DIALECT.refusal(Denied("x"), "r").headers)["x-amzn-requestid"] == "r"
