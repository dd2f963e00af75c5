from typing import Any

import msgspec
import pytest

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.errors import (
    AllFailed,
    AllTimedOut,
    BoundaryBreach,
    Denied,
    Draining,
    GatewayError,
    LedgerUnavailable,
    Malformed,
    NothingFits,
    TooLarge,
    Unauthenticated,
    UnknownModel,
)
from gateway.domain.route import FailureKind
from gateway.translation.openai_fault import SAID_CHARACTERS_MAX
from tests.doubles.openai_scenarios import RECORD

OVERFLOW = "This model's maximum context length is 1024 tokens. However, you asked for more."


def an_error(**fields: Any) -> bytes:
    return msgspec.json.encode({"error": fields})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.REJECTED),
        (404, FailureKind.REJECTED),
        (422, FailureKind.REJECTED),
        (413, FailureKind.REJECTED),
        (401, FailureKind.UNREACHABLE),
        (403, FailureKind.UNREACHABLE),
        (408, FailureKind.TIMED_OUT),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.UNREADABLE),
        (501, FailureKind.UNREADABLE),
        (502, FailureKind.UNREACHABLE),
        (503, FailureKind.OVERLOADED),
        (504, FailureKind.UNREACHABLE),
        (529, FailureKind.OVERLOADED),
        (302, FailureKind.UNREADABLE),
    ],
)
def test_a_status_says_what_kind_of_failure_it_is(status: int, kind: FailureKind) -> None:
    assert OPENAI_CHAT.failure(status, an_error(message="Sorry.", code=status)) == (kind, "Sorry.")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (an_error(message=OVERFLOW, param=None, code=400), FailureKind.CONTEXT_EXCEEDED),
        (an_error(message="too long", param="input_tokens"), FailureKind.CONTEXT_EXCEEDED),
        (an_error(message="x", code="context_length_exceeded"), FailureKind.CONTEXT_EXCEEDED),
        (an_error(message="too many", param="max_tokens"), FailureKind.REJECTED),
    ],
)
def test_a_prompt_that_is_too_long_is_told_from_one_that_is_wrong(
    body: bytes, kind: FailureKind
) -> None:
    assert OPENAI_CHAT.failure(400, body)[0] is kind


def test_an_overloaded_engine_is_overloaded_whatever_it_says() -> None:
    assert OPENAI_CHAT.failure(503, an_error(message=OVERFLOW))[0] is FailureKind.OVERLOADED


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":"out of memory"}', "out of memory"),
        (b'{"object":"error","message":"bad","code":400}', "bad"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":[{"loc":["body"]}]}', ""),
        (b'{"error":{"message":["no","text"]}}', ""),
        (b'{"error":7}', ""),
        (b"<html><body>502 Bad Gateway</body></html>", ""),
        (b"", ""),
        (b"[1]", ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
        (b'{"error":{"message":"a\\u001b[31m\\nb\\u202ec"}}', "a [31m b c"),
    ],
)
def test_the_engines_words_are_kept_only_where_they_are_words(body: bytes, said: str) -> None:
    assert OPENAI_CHAT.failure(400, body)[1] == said


def test_the_engines_words_have_a_bound() -> None:
    assert len(OPENAI_CHAT.failure(400, an_error(message="x" * 10_000))[1]) == SAID_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Malformed("no."), 400, "invalid_request_error"),
        (Denied("no."), 400, "invalid_request_error"),
        (NothingFits("no."), 400, "invalid_request_error"),
        (UnknownModel("no."), 404, "invalid_request_error"),
        (TooLarge("no."), 413, "invalid_request_error"),
        (Unauthenticated("no."), 401, "authentication_error"),
        (AllFailed("no."), 502, "server_error"),
        (AllTimedOut("no."), 504, "server_error"),
        (Draining("no."), 503, "server_error"),
        (LedgerUnavailable("no."), 503, "server_error"),
        (BoundaryBreach("no."), 500, "server_error"),
    ],
)
def test_a_refusal_has_openais_form(error: GatewayError, status: int, kind: str) -> None:
    reply = OPENAI_CHAT.refusal(error, RECORD)

    assert (reply.status, reply.content_type) == (status, "application/json")
    assert msgspec.json.decode(reply.body) == {
        "error": {
            "message": f"no. Record {RECORD}.",
            "type": kind,
            "param": None,
            "code": error.code,
        }
    }


class Slowed(GatewayError):
    code, status = "slowed", 429


def test_a_limit_is_called_a_rate_limit() -> None:
    body = msgspec.json.decode(OPENAI_CHAT.refusal(Slowed("Slower"), "").body)

    assert body["error"]["type"] == "rate_limit_error"


def test_without_a_record_no_record_is_named() -> None:
    body = msgspec.json.decode(OPENAI_CHAT.refusal(Malformed("The body is empty"), "").body)

    assert body["error"]["message"] == "The body is empty."


def test_the_operators_hint_stays_at_home() -> None:
    assert b"canary" not in OPENAI_CHAT.refusal(Denied("No.", hint="canary"), RECORD).body


def test_a_stream_error_is_one_event_and_no_end_mark() -> None:
    words = OPENAI_CHAT.stream_error(AllFailed("The engine broke off."), RECORD)

    assert words.startswith(b'data: {"error":{')
    assert words.endswith(b"}}\n\n")
    assert b"[DONE]" not in words
    assert RECORD.encode() in words


def test_an_error_of_google_is_understood_in_a_list_too():
    error = b'{"error":{"code":400,"message":"S-said","status":"INVALID_ARGUMENT"}}'
    for body, said in ((error, "S-said"), (b"[" + error + b"]", "S-said"), (b"[1,2]", "")):
        assert OPENAI_CHAT.failure(400, body) == (FailureKind.REJECTED, said)
