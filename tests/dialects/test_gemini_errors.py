import msgspec
import pytest

from gateway.dialects.gemini import GEMINI as DIALECT
from gateway.dialects.gemini import GEMINI_ARRAY, GEMINI_COUNT
from gateway.domain.errors import (
    AllFailed,
    AllTimedOut,
    BoundaryBreach,
    Denied,
    NoHealthyBackend,
    TooLarge,
    Unauthenticated,
    UnknownModel,
)
from gateway.domain.route import FailureKind
from gateway.translation.faults import SAID_CHARS_MAX
from tests.doubles.google_client import google_error

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"


def error(code, status, message="S-said"):
    return msgspec.json.encode({"error": {"code": code, "message": message, "status": status}})


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "INVALID_ARGUMENT", FailureKind.REJECTED),
        (401, "UNAUTHENTICATED", FailureKind.REJECTED),
        (403, "PERMISSION_DENIED", FailureKind.REJECTED),
        (404, "NOT_FOUND", FailureKind.REJECTED),
        (408, "ABORTED", FailureKind.TIMED_OUT),
        (429, "RESOURCE_EXHAUSTED", FailureKind.RATE_LIMITED),
        (500, "INTERNAL", FailureKind.UNREADABLE),
        (502, "UNAVAILABLE", FailureKind.UNREACHABLE),
        (503, "UNAVAILABLE", FailureKind.OVERLOADED),
        (504, "DEADLINE_EXCEEDED", FailureKind.TIMED_OUT),
        (302, "FOUND", FailureKind.UNREADABLE),
    ],
)
def test_an_engines_error_has_a_kind_and_its_words(status, word, kind):
    raw = error(status, word)
    assert DIALECT.failure(status, raw) == (kind, "S-said")
    assert DIALECT.failure(status, b"[" + raw + b"]") == (kind, "S-said")


@pytest.mark.parametrize(
    "said",
    [
        "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).",
        "Unable to submit request because the input token count is 40000 but the model takes",
    ],
)
def test_a_prompt_that_is_too_long_is_told_apart(said):
    kind, words = DIALECT.failure(400, error(400, "INVALID_ARGUMENT", said))
    assert kind is FailureKind.CONTEXT_EXCEEDED
    assert words == said


@pytest.mark.parametrize(
    "raw",
    [b"", b"<html>", b"[]", b"[5]", b"5", b'{"error":5}', b'{"error":{"message":5}}', b"[" * 9999],
)
def test_an_error_of_an_odd_form_has_no_words(raw):
    assert DIALECT.failure(500, raw) == (FailureKind.UNREADABLE, "")


def test_an_engines_words_are_bounded_and_printable():
    _, said = DIALECT.failure(400, error(400, "X", "a\x1b\r\n" + "b" * 9999))
    assert said.startswith("a   b")
    assert len(said) <= SAID_CHARS_MAX


@pytest.mark.parametrize(
    ("ours", "status", "word"),
    [
        (Denied("No zone may see this"), 400, "INVALID_ARGUMENT"),
        (Unauthenticated("The key is missing."), 401, "UNAUTHENTICATED"),
        (UnknownModel("No such model."), 404, "NOT_FOUND"),
        (TooLarge("The body is too large."), 413, "INVALID_ARGUMENT"),
        (NoHealthyBackend("Later."), 503, "UNAVAILABLE"),
        (AllTimedOut("Too slow."), 504, "DEADLINE_EXCEEDED"),
        (AllFailed("All failed."), 502, "INTERNAL"),
        (BoundaryBreach("Stopped."), 500, "INTERNAL"),
    ],
)
def test_our_errors_are_read_by_the_vendors_client(ours, status, word):
    for dialect in (DIALECT, GEMINI_ARRAY, GEMINI_COUNT):
        form = dialect.refusal(ours, RECORD)
        assert form.status == status
        told = google_error(status, form.body)
        assert (told.code, told.status) == (status, word)
        assert told.message == f"{ours.what.removesuffix('.')}. Record {RECORD}."
        detail = told.details["error"]["details"][0]
        assert detail["reason"] == ours.code.upper()
        assert detail["metadata"] == {"record": RECORD}
    assert "Record" not in google_error(status, DIALECT.refusal(ours, "").body).message


def test_a_broken_stream_ends_with_an_error_that_the_vendors_client_raises():
    ours = AllFailed("The engine broke off.")
    good = b'data: {"candidates":[{"content":{"parts":[{"text":"x"}],"role":"model"}}]}\r\n\r\n'
    told = google_error(200, good + DIALECT.stream_error(ours, RECORD), stream=True)
    assert told.code == 502
    assert RECORD in told.message
    assert b"finishReason" not in DIALECT.stream_error(ours, RECORD)
    assert msgspec.json.decode(GEMINI_ARRAY.stream_error(ours, RECORD))["error"]["code"] == 502
