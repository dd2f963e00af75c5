import msgspec
import pytest
from google.genai import types

from gateway.dialects import DIALECTS
from gateway.dialects.gemini import GEMINI, GEMINI_COUNT
from gateway.domain.conversation import Conversation, Sampling, Text, ToolChoice, ToolSpec, Turn
from gateway.domain.dialect import Heard
from gateway.domain.errors import CannotExpress, Malformed, Unreachable
from gateway.domain.event import Broke, Stopped, Used
from gateway.domain.money import Tokens
from gateway.domain.request import Operation
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import golden_json
from tests.doubles.google_client import google_count, google_sends

AGENT = golden_json("gemini/agent.json")
HELLO = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
OFFERING = an_offering("gemini", "vertex", "eu", wire_model="gemini-3-pro")


def test_a_count_is_an_operation_of_its_own():
    assert GEMINI_COUNT.operation is Operation.COUNT
    assert GEMINI_COUNT.family != GEMINI.family
    assert DIALECTS["gemini_count"] is GEMINI_COUNT


def test_what_the_official_client_asks_is_counted():
    body = google_sends(lambda client: client.models.count_tokens(model="m", contents="hello"))
    assert body == HELLO
    assert GEMINI_COUNT.peek(body).model == ""
    conversation, lost = GEMINI_COUNT.read(body)
    assert conversation.turns == (Turn("user", (Text("hello"),)),)
    assert lost == ()


def test_a_whole_request_is_counted_as_it_would_be_sent():
    whole = {"generateContentRequest": {"model": "models/m", **AGENT}}
    assert GEMINI_COUNT.peek(whole).needs == {"tools", "images", "documents"}
    assert GEMINI_COUNT.peek(whole).output_tokens_max is None
    assert GEMINI_COUNT.read(whole) == GEMINI.read(AGENT)
    counted = ("systemInstruction", "contents", "tools", "generationConfig")
    passed = GEMINI_COUNT.rewrite(whole, OFFERING, False)
    assert passed == {name: AGENT[name] for name in counted}
    assert GEMINI_COUNT.sheds(whole) == ("tool_config", "safety_settings", "labels")
    assert GEMINI_COUNT.rewrite(HELLO, OFFERING, False) == HELLO
    assert GEMINI_COUNT.sheds({**HELLO, "my_secret": 1}) == ("unknown_field",)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"generateContentRequest": []},
        {"generateContentRequest": HELLO, **HELLO},
        {"generateContentRequest": HELLO, "generate_content_request": HELLO},
        {"generateContentRequest": {**HELLO, "cachedContent": "x"}},
    ],
)
def test_what_cannot_be_counted_is_malformed(body):
    with pytest.raises(Malformed):
        GEMINI_COUNT.peek(body)


def test_a_count_makes_no_provider_act_either():
    with pytest.raises(CannotExpress):
        GEMINI_COUNT.peek({**HELLO, "tools": [{"googleSearch": {}}]})


def test_a_conversation_is_written_without_what_counts_for_nothing():
    conversation = Conversation(
        (Text("system"),),
        (Turn("user", (Text("hello"),)),),
        (ToolSpec("f", "", {}),),
        ToolChoice("any"),
        Sampling(5),
    )
    body, losses = GEMINI_COUNT.write(conversation, OFFERING, False)
    assert set(body) == {"contents", "systemInstruction", "tools"}
    assert losses == ()


def test_a_count_is_read_written_and_read_again():
    raw = b'{"totalTokens":31,"promptTokensDetails":[{"modality":"TEXT","tokenCount":31}]}'
    assert GEMINI_COUNT.hear(raw) == Heard()
    assert GEMINI_COUNT.read_reply(raw) == (Used(Tokens(31)),)
    used = Used(Tokens(1, 2, cache_read_tokens=3, cache_write_tokens=4))
    written = GEMINI_COUNT.write_reply((used, Stopped("end")), "asked", "record")
    assert google_count(written) == 8
    types.CountTokensResponse.model_validate_json(written)
    assert GEMINI_COUNT.read_reply(written) == (Used(Tokens(8)),)


def test_an_error_instead_of_a_count_is_one():
    raw = b'{"error":{"code":429,"message":"S-said"}}'
    assert GEMINI_COUNT.hear(raw).broke == ("rate_limited", "S-said")
    assert GEMINI_COUNT.read_reply(raw) == (Broke("rate_limited", "S-said"),)


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"<html>", b'{"totalTokens":"5"}', b'{"totalTokens":-1}']
)
def test_what_is_no_count_cannot_be_read(raw):
    for read in (GEMINI_COUNT.hear, GEMINI_COUNT.read_reply):
        with pytest.raises(ValueError, match="not"):
            read(raw)
    with pytest.raises(ValueError, match="without a number"):
        GEMINI_COUNT.write_reply((Stopped("end"),), "asked", "record")


def test_a_count_never_streams():
    for made in (lambda: GEMINI_COUNT.tap(True), GEMINI_COUNT.reader):
        with pytest.raises(Unreachable):
            made()
    assert (
        msgspec.json.decode(GEMINI_COUNT.refusal(Malformed("x"), "").body)["error"]["code"] == 400
    )
