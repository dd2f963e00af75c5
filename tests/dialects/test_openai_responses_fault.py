"""Errors of engines are understood, and ours reach OpenAI's client in its own form."""

import openai
import pytest

from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.errors import AllFailed, Denied, GatewayError, Malformed, Unauthenticated
from gateway.domain.event import TextDelta
from gateway.domain.route import FailureKind
from tests.doubles.openai_scenarios import ASKED, RECORD
from tests.doubles.responses_grammar import heard, lumps_of, refused, streamed
from tests.doubles.vllm_recordings import recording


class Slowly(GatewayError):
    status = 429


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, b'{"error":{"message":"bad"}}', FailureKind.REJECTED, "bad"),
        (400, b'{"error":{"code":"context_length_exceeded"}}', FailureKind.CONTEXT_EXCEEDED, ""),
        (400, b'{"error":{"param":"input_tokens"}}', FailureKind.CONTEXT_EXCEEDED, ""),
        (400, b'{"error":"over the maximum context length"}', FailureKind.CONTEXT_EXCEEDED, None),
        (401, b"", FailureKind.UNREACHABLE, ""),
        (408, b"[]", FailureKind.TIMED_OUT, ""),
        (429, b'{"detail":"sl\\now"}', FailureKind.RATE_LIMITED, "sl ow"),
        (500, b"<html>", FailureKind.UNREADABLE, ""),
        (503, b'{"error":[1]}', FailureKind.OVERLOADED, ""),
    ],
)
def test_an_engines_error_is_understood(
    status: int, body: bytes, kind: FailureKind, said: str | None
) -> None:
    found = OPENAI_RESPONSES.failure(status, body)
    assert found[0] is kind
    assert said is None or found[1] == said


def test_vllms_own_error_is_understood() -> None:
    real = recording("error_responses_unknown_model")
    kind, said = OPENAI_RESPONSES.failure(real.status, real.body)
    assert kind is FailureKind.REJECTED
    assert said


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (b'{"type":"error","code":"rate_limit_exceeded"}', FailureKind.RATE_LIMITED),
        (b'{"error":{"type":"invalid_request_error","message":"m"}}', FailureKind.REJECTED),
        (b'{"error":{"code":503}}', FailureKind.OVERLOADED),
        (b'{"error":{"code":7}}', FailureKind.UNREADABLE),
        (b'{"response":{"error":{"code":"slow_down"}}}', FailureKind.OVERLOADED),
    ],
)
def test_an_error_inside_a_stream_is_understood(error: bytes, kind: FailureKind) -> None:
    tap = OPENAI_RESPONSES.tap(True)
    tap.feed(b"event: error\ndata: " + error + b"\n\n")
    assert tap.heard.broke is not None
    assert tap.heard.broke[0] is kind


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (Denied("No zone may see this."), openai.BadRequestError),
        (Malformed("input must not be empty"), openai.BadRequestError),
        (Unauthenticated("The key is wrong."), openai.AuthenticationError),
        (Slowly("Too many."), openai.RateLimitError),
        (AllFailed("All failed!"), openai.InternalServerError),
    ],
)
def test_our_refusal_is_the_clients_own_error(error: GatewayError, raised: type) -> None:
    form = OPENAI_RESPONSES.refusal(error, RECORD)
    found = refused(form.status, form.body)
    assert type(found) is raised
    assert found.code == error.code
    assert RECORD in str(found)


def test_a_refusal_without_a_record_names_none() -> None:
    assert b"Record" not in OPENAI_RESPONSES.refusal(Denied("No."), "").body


@pytest.mark.parametrize(
    ("error", "code"), [(AllFailed("boom"), "server_error"), (Slowly("x"), "rate_limit_exceeded")]
)
def test_a_broken_stream_ends_with_a_failed_response(error: GatewayError, code: str) -> None:
    writer = OPENAI_RESPONSES.writer(ASKED, RECORD, True)
    raw = writer.write(TextDelta("half")) + OPENAI_RESPONSES.stream_error(error, RECORD)
    events = lumps_of(raw)
    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["error"]["code"] == code
    assert events[-1]["response"]["id"] == events[0]["response"]["id"]
    numbers = [event["sequence_number"] for event in events]
    assert numbers == sorted(set(numbers))
    assert "response.completed" not in {event["type"] for event in events}


def test_openais_client_raises_on_a_broken_stream() -> None:
    writer = OPENAI_RESPONSES.writer(ASKED, RECORD, True)
    half = writer.write(TextDelta("half"))
    raw = half + OPENAI_RESPONSES.stream_error(AllFailed("The engine left."), RECORD)
    for client in (heard, streamed):
        with pytest.raises(openai.APIError, match="The engine left"):
            client(raw)
    with pytest.raises(RuntimeError, match=r"response\.completed"):
        streamed(half)
