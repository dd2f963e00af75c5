import anthropic
import msgspec
import pytest

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES as DIALECT
from gateway.domain import errors
from gateway.domain.route import FailureKind
from tests.doubles.goldens import recorded, recordings
from tests.doubles.message_grammar import events_of
from tests.doubles.vendor_readers import anthropic_error, anthropic_stream

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
LEAVES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type)
    and issubclass(kind, errors.GatewayError)
    and kind is not errors.ConfigError
]


@pytest.mark.parametrize("kind", LEAVES)
def test_every_error_is_one_that_the_sdk_understands(kind):
    error = kind("It is so.")
    reply = DIALECT.refusal(error, RECORD)
    assert reply.status == error.status
    assert reply.content_type == "application/json"
    raised = anthropic_error(reply.status, reply.body)
    assert raised.body["error"]["message"] == f"It is so. Record {RECORD}."
    assert raised.body["request_id"] == RECORD
    assert raised.body["type"] == "error"


@pytest.mark.parametrize(
    ("kind", "name", "raised"),
    [
        (errors.Malformed, "invalid_request_error", anthropic.BadRequestError),
        (errors.Denied, "invalid_request_error", anthropic.BadRequestError),
        (errors.UnsupportedMedia, "invalid_request_error", anthropic.APIStatusError),
        (errors.Unauthenticated, "authentication_error", anthropic.AuthenticationError),
        (errors.UnknownModel, "not_found_error", anthropic.NotFoundError),
        (errors.TooLarge, "request_too_large", anthropic.RequestTooLargeError),
        (errors.AllFailed, "api_error", anthropic.InternalServerError),
        (errors.AllTimedOut, "api_error", anthropic.InternalServerError),
        (errors.BoundaryBreach, "api_error", anthropic.InternalServerError),
        (errors.NoHealthyBackend, "overloaded_error", anthropic.InternalServerError),
        (errors.LedgerUnavailable, "overloaded_error", anthropic.InternalServerError),
    ],
)
def test_an_error_has_the_vendors_type(kind, name, raised):
    reply = DIALECT.refusal(kind("No."), "")
    body = msgspec.json.decode(reply.body)
    assert body == {"type": "error", "error": {"type": name, "message": "No."}}
    assert isinstance(anthropic_error(reply.status, reply.body), raised)


def test_a_broken_stream_ends_with_an_error_event():
    raw = DIALECT.stream_error(errors.AllFailed("The engine broke off."), RECORD)
    (event,) = events_of(raw)
    assert event["error"] == {
        "type": "api_error",
        "message": f"The engine broke off. Record {RECORD}.",
    }
    assert event["request_id"] == RECORD
    with pytest.raises(anthropic.APIStatusError, match="broke off"):
        anthropic_stream(raw)


def body(message, kind="invalid_request_error"):
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.REJECTED),
        (401, FailureKind.REJECTED),
        (404, FailureKind.REJECTED),
        (408, FailureKind.TIMED_OUT),
        (413, FailureKind.REJECTED),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.UNREADABLE),
        (501, FailureKind.UNREADABLE),
        (302, FailureKind.UNREADABLE),
        (502, FailureKind.UNREACHABLE),
        (503, FailureKind.OVERLOADED),
        (504, FailureKind.UNREACHABLE),
        (529, FailureKind.OVERLOADED),
    ],
)
def test_a_status_is_a_kind_of_failure(status, kind):
    assert DIALECT.failure(status, body("why")) == (kind, "why")


@pytest.mark.parametrize(
    "said",
    [
        "prompt is too long: 250000 tokens > 200000 maximum",
        "This model's maximum context length is 1024 tokens.",
        "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000",
        "max_completion_tokens=9 cannot be greater than max_model_len=5.",
    ],
)
def test_a_prompt_that_is_too_long_is_told_apart(said):
    assert DIALECT.failure(400, body(said)) == (FailureKind.CONTEXT_EXCEEDED, said)
    assert DIALECT.failure(429, body(said))[0] is FailureKind.RATE_LIMITED


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"<html>Bad Gateway</html>", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
        (b"[]", ""),
        (b"{}", ""),
        (b'{"error":{"message":5}}', ""),
        (b'{"error":"plain"}', "plain"),
        (b'{"error":{"message":"as OpenAI says"}}', "as OpenAI says"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":[{"loc":["body"]}]}', ""),
    ],
)
def test_an_error_in_another_form_is_read_or_left_unsaid(raw, said):
    assert DIALECT.failure(404, raw) == (FailureKind.REJECTED, said)


def test_an_engines_words_are_printable_and_few():
    said = DIALECT.failure(400, body("a\x1b[31m\r\n\u202eb" + "x" * 900))[1]
    assert said.startswith("a [31m   b")
    assert said.isprintable()
    assert len(said) == 500


@pytest.mark.parametrize("name", recordings("error_messages"))
def test_the_real_engines_refusals_are_understood(name):
    status, raw = recorded(name)
    kind, said = DIALECT.failure(status, raw)
    expected = FailureKind.REJECTED
    if "overflow" in name or name.endswith("error_messages_max_tokens"):
        expected = FailureKind.CONTEXT_EXCEEDED
    elif "queue_full" in name:
        expected = FailureKind.OVERLOADED
    assert kind is expected
    assert said
    assert len(said) <= 500


def test_an_error_of_google_is_understood_in_a_list_too():
    error = b'{"error":{"code":400,"message":"S-said","status":"INVALID_ARGUMENT"}}'
    for body, said in ((error, "S-said"), (b"[" + error + b"]", "S-said"), (b"[1,2]", "")):
        assert DIALECT.failure(400, body) == (FailureKind.REJECTED, said)
