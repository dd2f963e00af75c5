"""Anthropic's Messages in Bedrock's frames: botocore reads each chunk, Claude's client the rest."""

from base64 import b64encode
from zlib import crc32

import msgspec
import pytest
from botocore.parsers import EventStreamJSONParser
from msgspec.structs import replace

from gateway.backends.bedrock import BEDROCK
from gateway.dialects import BEDROCK_INVOKE as DIALECT
from gateway.dialects.anthropic_enclosed.frames import Framed, Unframed
from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.domain.errors import AllFailed, CannotExpress, Denied, Malformed
from gateway.domain.field_kind import FieldKind
from gateway.domain.route import FailureKind
from gateway.flow.channel import Wanted, channel
from gateway.transport.backend import Telling
from tests.doubles.bedrock_vendor import operation
from tests.doubles.event_frames import as_botocore_reads, event, fault, message
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import golden
from tests.doubles.invoked_claude import chunk, native_events
from tests.doubles.vendor_readers import anthropic_stream, chunks

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
SSE = golden("anthropic_messages/thinking_tools.stream.txt")
OFFERING = an_offering("claude", "aws", "eu", wire_model="eu.anthropic.claude-opus-5-5")
VERSION = "bedrock-2023-05-31"
BODY = {
    "anthropic_version": VERSION,
    "max_tokens": 8,
    "messages": [{"role": "user", "content": "hi"}],
}
EVENTS = list(native_events({"messages": BODY["messages"], "tools": [{"name": "Read"}]}))
STREAM = b"".join(chunk(one) for one in EVENTS)


def through(client, engine, *parts):
    """Return what the client gets, and the channel, as the flow makes it."""
    made = channel(client, engine, Wanted("asked", RECORD, usage=True))
    return b"".join([*(made.feed(part) for part in parts), made.close()]), made


def natives(raw):
    """Return the events inside of the chunks that botocore reads."""
    shape = operation("InvokeModelWithResponseStream").output_shape.members["body"]
    parser = EventStreamJSONParser()
    found = [parser.parse(one.to_response_dict(), shape) for one in as_botocore_reads([raw])]
    return [msgspec.json.decode(one["chunk"]["bytes"]) for one in found]


def data_of(raw):
    lines = [line for line in raw.split(b"\n") if line.startswith(b"data:")]
    return [msgspec.json.decode(line.removeprefix(b"data:")) for line in lines]


def test_a_body_is_that_of_its_kin_but_for_what_the_path_says():
    ask = DIALECT.peek({**BODY, "tools": [{"name": "f", "input_schema": {}}]})
    assert (ask.model, ask.stream, ask.output_tokens_max) == ("", False, 8)
    assert ask.needs == {"tools"}
    passed = DIALECT.rewrite({**BODY, "anthropic_beta": ["b"], "x": 1}, OFFERING, True)
    assert passed == {
        "max_tokens": 8,
        "messages": BODY["messages"],
        "x": 1,
        "model": "eu.anthropic.claude-opus-5-5",
        "stream": True,
    }
    assert DIALECT.sheds(BODY) == ()
    conversation, losses = DIALECT.read({**BODY, "anthropic_beta": ["b"]})
    assert conversation.turns == ANTHROPIC_MESSAGES.read({**BODY, "model": "m"})[0].turns
    assert losses == ("anthropic_beta",)
    assert DIALECT.read(BODY)[1] == ()


def test_version_and_betas_may_leave_for_the_target_judges_them():
    assert DIALECT.fields["anthropic_version"] is FieldKind.SETTING
    assert DIALECT.fields["anthropic_beta"] is FieldKind.SETTING
    others = {n: k for n, k in DIALECT.fields.items() if not n.startswith("anthropic_")}
    assert others.items() <= ANTHROPIC_MESSAGES.fields.items()
    assert DIALECT.family == ANTHROPIC_MESSAGES.name


def test_version_and_betas_are_told_as_the_kin_says_them():
    assert DIALECT.told(BODY) == {"anthropic-version": VERSION}
    assert DIALECT.told({"anthropic_beta": ["a-1", "b-2"]}) == {"anthropic-beta": "a-1,b-2"}
    assert DIALECT.told({"anthropic_beta": "a-1"}) == {"anthropic-beta": "a-1"}
    assert DIALECT.told({"anthropic_beta": None}) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"inputText": "canary"},
        {"prompt": "canary", "max_tokens": 5},
        {**BODY, "anthropic_version": None},
        {**BODY, "anthropic_version": 5},
        {**BODY, "anthropic_version": "can\r\nary"},
        {**BODY, "anthropic_beta": [5]},
        {**BODY, "anthropic_beta": {"canary": 1}},
        {**BODY, "anthropic_beta": ["can ary"]},
        {**BODY, "anthropic_beta": ["a"] * 65},
        {**BODY, "max_tokens": -1},
        {**BODY, "messages": "canary"},
        {name: value for name, value in BODY.items() if name != "messages"},
    ],
)
def test_a_body_that_is_not_anthropics_is_malformed(wrong):
    with pytest.raises(Malformed) as caught:
        DIALECT.peek(wrong)
    assert "canary" not in caught.value.what


def test_what_the_provider_runs_is_refused_unless_policy_lets_it_pass():
    asked = {**BODY, "mcp_servers": [{"url": "https://canary.example"}]}
    with pytest.raises(CannotExpress):
        DIALECT.peek(asked)
    passing = DIALECT.letting(frozenset({"mcp_servers"}))
    assert passing.name == "bedrock_invoke"
    assert passing.peek(asked).reaches == {"mcp_servers"}


def test_bedrock_is_told_its_own_version_and_the_betas_that_it_takes():
    way = BEDROCK.way(ANTHROPIC_MESSAGES, OFFERING.wire_model)
    beta = "interleaved-thinking-2025-05-14"
    telling = Telling(
        {"anthropic-beta": f"{beta}, canary-1,,{beta}"}, OFFERING, RECORD, streams=True
    )
    body = ANTHROPIC_MESSAGES.rewrite({"model": "m", **BODY, "stream": True}, OFFERING, True)
    del body["anthropic_version"]
    sent, losses = way.fitted(body, telling)
    assert sent == {**BODY, "anthropic_beta": [beta]}
    assert losses == ("anthropic_beta",)
    plain, losses = way.fitted(body, Telling({}, OFFERING, RECORD))
    assert (plain, losses) == (BODY, ())
    assert way.fields(telling) == (
        (
            ("x-amzn-bedrock-request-metadata", f'{{"perimeter-record":"{RECORD}"}}'),
            ("x-amzn-bedrock-accept", "application/json"),
        ),
        (),
    )
    assert len(way.fields(Telling({}, OFFERING, RECORD))[0]) == 1


def test_an_offering_chooses_the_version_and_a_backend_more_betas():
    way = BEDROCK.way(ANTHROPIC_MESSAGES, OFFERING.wire_model)
    newer = replace(OFFERING, settings={"anthropic_version": "2026-10-21"})
    told = {"anthropic-beta": "ours-1,others-1"}
    telling = Telling(told, newer, RECORD, {"betas": "ours-1 ours-2"})
    plain = {name: value for name, value in BODY.items() if name != "anthropic_version"}
    sent, losses = way.fitted({**plain, "temperature": 0.5, "model": "m"}, telling)
    assert sent["anthropic_version"] == "2026-10-21"
    assert sent["anthropic_beta"] == ["ours-1"]
    assert "temperature" not in sent
    assert losses == ("temperature", "anthropic_beta")
    assert BEDROCK.misfits(OFFERING) is BEDROCK.misfits(newer) is None
    odd = replace(OFFERING, settings={"anthropic_version": "2023-06-01"})
    assert "bedrock-2023-05-31" in (BEDROCK.misfits(odd) or "")


@pytest.mark.parametrize(
    ("model", "dialect"),
    [
        ("anthropic.claude-opus-5", "bedrock_invoke"),
        ("us-gov.anthropic.claude-opus-5", "bedrock_invoke"),
        ("arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-v2", "bedrock_invoke"),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-5",
            "bedrock_invoke",
        ),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc",
            "bedrock_converse",
        ),
        ("qwen.qwen3-coder-next", "bedrock_converse"),
        ("openai.gpt-oss-120b-1:0", "bedrock_converse"),
    ],
)
def test_claude_is_invoked_and_all_others_converse(model, dialect):
    found = BEDROCK.at({}).way(ANTHROPIC_MESSAGES, model)
    assert found.dialect.name == dialect


def test_the_paths_like_openais_are_opened_by_a_setting():
    from gateway.dialects.openai_chat import OPENAI_CHAT

    opened = BEDROCK.at({"compatible": True})
    assert opened.way(OPENAI_CHAT, "openai.gpt-oss-120b-1:0").path == "/openai/v1/chat/completions"
    assert opened.way(OPENAI_CHAT, "qwen.qwen3").dialect.name == "bedrock_converse"
    as_it_is = BEDROCK.way(OPENAI_CHAT, "openai.gpt-oss-120b-1:0")
    assert as_it_is.dialect.name == "bedrock_converse"
    for settings in ({}, {"compatible": False}, {"compatible": "yes"}):
        closed = BEDROCK.at(settings).way(OPENAI_CHAT, "openai.gpt-oss-120b-1:0")
        assert closed.dialect.name == "bedrock_converse"


def test_a_stream_of_messages_becomes_chunks_wherever_it_is_cut():
    whole, made = through(DIALECT, ANTHROPIC_MESSAGES, SSE)
    assert made.finished
    assert natives(whole) == data_of(SSE)
    for size in (1, 7, 300):
        assert through(DIALECT, ANTHROPIC_MESSAGES, *chunks(SSE, size))[0] == whole


def test_a_stream_of_chunks_becomes_messages_wherever_it_is_cut():
    whole, made = through(ANTHROPIC_MESSAGES, DIALECT, STREAM)
    assert made.finished
    assert (made.usage.input_tokens, made.usage.output_tokens) == (12, 5)
    said = anthropic_stream(whole)
    assert [block.type for block in said.content] == ["text", "tool_use"]
    assert said.content[1].input == {"path": "é-0"}
    assert data_of(whole) == EVENTS
    for size in (1, 7, 300):
        assert through(ANTHROPIC_MESSAGES, DIALECT, *chunks(STREAM, size))[0] == whole


def test_from_chunks_to_chunks_every_event_keeps_its_bytes():
    whole, made = through(DIALECT, DIALECT, *chunks(STREAM, 50))
    assert made.finished
    assert natives(whole) == EVENTS
    assert made.stop == "tool_use"


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (fault("throttlingException", "S-said"), FailureKind.RATE_LIMITED),
        (fault("validationException", "prompt is too long: S-said"), FailureKind.CONTEXT_EXCEEDED),
        (fault("serviceUnavailableException", "S-said"), FailureKind.OVERLOADED),
        (fault("modelTimeoutException", "S-said"), FailureKind.TIMED_OUT),
        (fault("internalServerException", "S-said"), FailureKind.UNREADABLE),
        (
            message(b"", message_type="error", error_code="x", error_message="S-said"),
            FailureKind.UNREADABLE,
        ),
        (message(b"", message_type="exception", exception_type="throttlingException"),
         FailureKind.RATE_LIMITED),
    ],
)  # fmt: skip
@pytest.mark.parametrize("client", [ANTHROPIC_MESSAGES, DIALECT])
def test_an_exception_in_the_stream_is_heard_by_any_client(client, frame, kind):
    half = b"".join(chunk(one) for one in EVENTS[:3])
    before, _ = through(client, DIALECT, half)
    out, made = through(client, DIALECT, half, frame, STREAM)
    assert out == before
    assert made.broke is not None
    assert made.broke[0] is kind
    assert not made.finished


def test_a_whole_reply_is_anthropics_own():
    from tests.doubles.invoked_claude import claude_whole

    raw = claude_whole(BODY)
    assert DIALECT.hear(raw) == ANTHROPIC_MESSAGES.hear(raw)
    assert DIALECT.read_reply(raw) == ANTHROPIC_MESSAGES.read_reply(raw)


def test_an_error_is_bedrocks():
    form = DIALECT.refusal(Denied("S-what."), RECORD)
    assert dict(form.headers)["x-amzn-errortype"] == "ValidationException"
    (ending,) = as_botocore_reads([DIALECT.stream_error(AllFailed("S-what."), RECORD)])
    assert ending.headers[":exception-type"] == "internalServerException"
    kind, said = DIALECT.failure(429, b'{"message":"slow down"}')
    assert (kind, said) == (FailureKind.RATE_LIMITED, "slow down")


def test_comments_have_no_chunk_and_other_events_no_line():
    assert Framed().feed(b": ping\n\n") == b""
    assert Unframed().feed(event("initial-response", any=1)) == b""
    pretty = b64encode(b'{\n "type":\r\n "ping"\n}').decode()
    assert Unframed().feed(event("chunk", bytes=pretty)) == (
        b'event: ping\ndata: {  "type":   "ping" }\n\n'
    )


@pytest.mark.parametrize(
    "odd",
    [
        message(b"{}", message_type="canary"),
        message(b"canary", message_type="event", event_type="chunk"),
        event("chunk", any=1),
        event("chunk", bytes="canary!"),
        event("chunk", bytes=b64encode(b"canary").decode()),
        event("chunk", bytes=b64encode(b'{"type":"can\\nary"}').decode()),
        message(b"canary", message_type="exception", exception_type="x"),
    ],
)
def test_what_cannot_be_unframed_is_an_error_that_repeats_nothing(odd):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - b64decode has words of its own
        Unframed().feed(odd)
    assert "canary" not in str(caught.value)


def test_a_wrong_checksum_passes_nothing():
    good = chunk(EVENTS[0])
    assert crc32(good[:-4]) == int.from_bytes(good[-4:], "big")
    with pytest.raises(ValueError, match="checksum"):
        Unframed().feed(good[:-1] + bytes([good[-1] ^ 1]))
