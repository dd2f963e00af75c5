"""A stream of Bedrock that passes through, and errors in its form."""

from zlib import crc32

import msgspec
import pytest
from botocore.parsers import create_parser

from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE as DIALECT
from gateway.domain.errors import (
    AllFailed,
    AllTimedOut,
    Denied,
    GatewayError,
    Malformed,
    NoHealthyBackend,
    TooLarge,
    Unauthenticated,
    UnknownModel,
)
from gateway.domain.money import Tokens
from gateway.domain.route import FailureKind
from tests.doubles.bedrock_vendor import operation, parsed_stream
from tests.doubles.event_frames import event, fault, message
from tests.doubles.vendor_readers import chunks

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
USAGE = {"inputTokens": 11, "outputTokens": 44, "totalTokens": 55}
START = event("messageStart", role="assistant")
TEXT = event("contentBlockDelta", contentBlockIndex=0, delta={"text": "S-é"})
CALL = event(
    "contentBlockStart",
    contentBlockIndex=1,
    start={"toolUse": {"toolUseId": "a", "name": "f"}},
)
UNKNOWN = event("canaryEvent", any=1)
STOP = event("messageStop", stopReason="end_turn")
META = event("metadata", usage=USAGE, metrics={"latencyMs": 1}, trace={"any": 1})
STREAM = START + TEXT + UNKNOWN + STOP + META


def tapped(*parts):
    tap = DIALECT.tap(True)
    return b"".join(tap.feed(part) for part in parts), tap


def test_a_stream_passes_byte_for_byte_wherever_it_is_cut():
    for at in range(len(STREAM) + 1):
        out, tap = tapped(STREAM[:at], STREAM[at:])
        assert out == STREAM
        assert tap.finished
        assert tap.heard.usage == Tokens(11, 44)
        assert (tap.heard.stop, tap.heard.broke) == ("end", None)
    assert tapped(*chunks(STREAM, 1))[0] == STREAM


def test_content_is_a_delta_or_a_call():
    out, tap = tapped(START)
    assert (out, tap.content_seen, tap.finished) == (START, False, False)
    empty = event("contentBlockStart", contentBlockIndex=0, start={})
    assert not tapped(START, empty)[1].content_seen
    assert tapped(START, TEXT)[1].content_seen
    called = tapped(START, CALL, STOP)[1]
    assert called.content_seen
    assert called.heard.stop == "tool_use"


def test_nothing_has_ended_before_the_usage_and_nothing_comes_after():
    tap = tapped(START, TEXT, STOP)[1]
    assert not tap.finished
    assert tap.feed(META + TEXT) == META
    assert tap.finished
    assert tap.feed(TEXT) == b""
    assert not tapped(START, META)[1].finished


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (fault("throttlingException", "slow"), FailureKind.RATE_LIMITED),
        (fault("validationException", "input is too long"), FailureKind.CONTEXT_EXCEEDED),
        (fault("serviceUnavailableException", "x"), FailureKind.OVERLOADED),
        (fault("modelStreamErrorException", "x"), FailureKind.UNREADABLE),
        (
            message(b"", message_type="error", error_code="InternalFailure", error_message="x"),
            FailureKind.UNREADABLE,
        ),
    ],
)
def test_an_exception_is_heard_and_not_passed_on(frame, kind):
    out, tap = tapped(START, TEXT, frame, STOP, META)
    assert out == START + TEXT
    assert tap.heard.broke is not None
    assert tap.heard.broke[0] is kind
    assert not tap.finished


def test_a_wrong_checksum_passes_nothing():
    for at in range(len(TEXT)):
        torn = bytearray(TEXT)
        torn[at] ^= 1
        with pytest.raises(ValueError, match=r"checksum|length|larger"):
            tapped(START, bytes(torn) + b"\0" * 16)


@pytest.mark.parametrize(
    "odd",
    [
        message(b"{}", message_type="canary"),
        event("messageStop", stop="x"),
        event("metadata", usage="canary"),
        event("contentBlockStart", start={"image": {}}),
        message(b"canary", message_type="event", event_type="metadata"),
    ],
)
def test_an_event_that_must_be_read_and_cannot_be_is_an_error(odd):
    with pytest.raises(ValueError, match=r"message|dialect") as caught:
        tapped(START, odd)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (Malformed("S-what."), 400, "ValidationException"),
        (Denied("S-what."), 400, "ValidationException"),
        (TooLarge("S-what."), 413, "ValidationException"),
        (Unauthenticated("S-what."), 401, "AccessDeniedException"),
        (UnknownModel("S-what."), 404, "ResourceNotFoundException"),
        (NoHealthyBackend("S-what."), 503, "ServiceUnavailableException"),
        (AllFailed("S-what."), 502, "InternalServerException"),
        (AllTimedOut("S-what."), 504, "ModelTimeoutException"),
        (GatewayError("S-what."), 500, "InternalServerException"),
    ],
)
def test_an_error_is_what_botocore_knows(error, status, name):
    form = DIALECT.refusal(error, RECORD)
    reply = {"status_code": form.status, "headers": dict(form.headers), "body": form.body}
    parsed = create_parser("rest-json").parse(reply, operation("Converse").output_shape)
    assert parsed["Error"] == {"Code": name, "Message": f"S-what. Record {RECORD}."}
    assert form.status == status
    assert parsed["ResponseMetadata"]["RequestId"] == RECORD
    assert name in {shape.name for shape in operation("Converse").error_shapes}
    unnamed = DIALECT.refusal(error, "")
    assert dict(unnamed.headers) == {"x-amzn-errortype": name}
    assert msgspec.json.decode(unnamed.body) == {"message": "S-what."}


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (Denied("S-what."), "validationException"),
        (NoHealthyBackend("S-what."), "serviceUnavailableException"),
        (AllTimedOut("S-what."), "modelStreamErrorException"),
        (AllFailed("S-what."), "internalServerException"),
    ],
)
def test_a_stream_that_broke_ends_in_an_exception_of_the_service(error, name):
    raw = DIALECT.stream_error(error, RECORD)
    (found,) = parsed_stream(raw)
    assert found["Error"] == {"Code": name, "Message": f"S-what. Record {RECORD}."}
    for op, stream in (("ConverseStream", "stream"), ("InvokeModelWithResponseStream", "body")):
        assert name in operation(op).output_shape.members[stream].members
    assert crc32(raw[:8]) == int.from_bytes(raw[8:12], "big")
    _, tap = tapped(START, raw)
    assert tap.heard.broke is not None
