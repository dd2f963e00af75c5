import pytest
from msgspec import UNSET

from gateway.dialects.gemini import GEMINI as DIALECT
from gateway.dialects.gemini import GEMINI_ARRAY, GEMINI_COUNT
from gateway.dialects.gemini.shapes import CANDIDATES_MAX, STOPS_MAX
from gateway.dialects.gemini.signatures import UNSIGNED, hidden, wrapped
from gateway.dialects.gemini.spelling import snake
from gateway.domain.errors import CannotExpress, Malformed, RequestError
from gateway.domain.field_kind import FieldKind
from tests.doubles.fleets import an_offering
from tests.doubles.goldens import golden_json
from tests.doubles.google_client import assert_google_takes

AGENT = golden_json("gemini/agent.json")
THIRD = an_offering("pro", "vertex", "eu", wire_model="gemini-3-pro")
SECOND = an_offering("flash", "vertex", "eu", wire_model="gemini-2.5-flash")


def user(*parts, **more):
    return {"contents": [{"role": "user", "parts": list(parts) or [{"text": "hello"}]}], **more}


def config(**said):
    return user(generationConfig=said)


def tools(*said):
    return user(tools=list(said))


def test_an_agents_request_says_what_it_needs():
    ask = DIALECT.peek(AGENT)
    assert ask.needs == {"tools", "images", "documents"}
    assert (ask.model, ask.stream, ask.output_tokens_max) == ("", False, 4321)
    assert_google_takes(AGENT)


def test_both_spellings_mean_the_same():
    snakes = {
        "contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "AA"}}]}],
        "generation_config": {"max_output_tokens": 5},
        "tools": [{"function_declarations": [{"name": "f"}]}],
    }
    camels = {
        "contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]}],
        "generationConfig": {"maxOutputTokens": 5},
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
    }
    assert DIALECT.peek(snakes) == DIALECT.peek(camels)
    assert DIALECT.read(snakes) == DIALECT.read(camels)


def test_one_object_stands_for_a_list_of_one():
    bare = {
        "contents": {"parts": {"text": "hello"}},
        "systemInstruction": {"parts": {"text": "system"}},
        "tools": {"functionDeclarations": {"name": "f"}},
    }
    listed = {
        "contents": [{"parts": [{"text": "hello"}]}],
        "systemInstruction": "system",
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
    }
    assert DIALECT.peek(bare).needs == {"tools"}
    assert DIALECT.read(bare) == DIALECT.read(listed)
    assert DIALECT.rewrite(bare, SECOND, False) == bare


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"contents": []},
        {"contents": "hello"},
        {"contents": ["hello"]},
        {"contents": [{"parts": "hello"}]},
        {"contents": [{"parts": ["hello"]}]},
        {"contents": [{"role": "system", "parts": [{"text": "x"}]}]},
        {"contents": [{"role": 5, "parts": []}]},
        user({"text": 5}),
        user({"text": "x", "inlineData": {"mimeType": "a/b", "data": "AA"}}),
        user({"inlineData": {"mimeType": "a/b"}}),
        user({"inlineData": {"mimeType": "", "data": "AA"}}),
        user({"inlineData": "AA"}),
        user({"functionCall": {"name": ""}}),
        user({"functionCall": {"name": "f", "args": "text"}}),
        user({"functionResponse": {"name": "f", "response": "text"}}),
        user({"functionResponse": {"name": "f", "parts": [{"text": "x"}]}}),
        user({"text": "x", "thought": "yes"}),
        user({"text": "x", "thoughtSignature": 5}),
        user({"news": "x"}),
        user(generationConfig=[]),
        config(maxOutputTokens=0),
        config(maxOutputTokens=-5),
        config(maxOutputTokens="many"),
        config(candidateCount=CANDIDATES_MAX + 1),
        config(candidateCount=-1),
        config(temperature="hot"),
        config(stopSequences="x"),
        config(stopSequences=["x"] * (STOPS_MAX + 1)),
        config(responseSchema="x"),
        config(thinkingConfig={"thinkingBudget": "much"}),
        tools({"functionDeclarations": [{"description": "x"}]}),
        tools({"functionDeclarations": "f"}),
        tools({"functionDeclarations": [5]}),
        tools({"functionDeclarations": [{"name": "f", "parameters": []}]}),
        user(toolConfig={"functionCallingConfig": {"mode": 5}}),
        user(tools="f"),
        user(systemInstruction=5),
        user(generationConfig={"topP": 1.0, "top_p": 0.5}),
        {"contents": [], "systemInstruction": {}, "system_instruction": {}},
    ],
)
def test_what_is_no_request_is_malformed(body):
    with pytest.raises(Malformed):
        DIALECT.peek(body)


@pytest.mark.parametrize(
    "body",
    [
        user({"fileData": {"fileUri": "gs://bucket/secret", "mimeType": "image/png"}}),
        user({"file_data": {"file_uri": "https://video.example/watch"}}),
        {"contents": [{"parts": []}], "systemInstruction": {"parts": [{"fileData": {}}]}},
        user({"functionResponse": {"name": "f", "parts": [{"fileData": {"fileUri": "gs://x"}}]}}),
        user(
            {
                "functionResponse": {
                    "name": "f",
                    "parts": [{"inlineData": {"mimeType": "a/b", "data": "A"}, "fileData": {}}],
                }
            }
        ),
        user(cachedContent="projects/p/locations/l/cachedContents/1"),
        user(cached_content="cachedContents/1"),
    ],
)
def test_what_the_provider_would_fetch_or_has_kept_is_refused(body):
    with pytest.raises(Malformed, match="provider") as refused:
        DIALECT.peek(body)
    assert "secret" not in refused.value.what
    with pytest.raises(Malformed):
        DIALECT.read(body)


@pytest.mark.parametrize(
    ("tool", "word"),
    [
        ({"googleSearch": {}}, "google_search"),
        ({"google_search": {}}, "google_search"),
        ({"codeExecution": {}}, "code_execution"),
        ({"urlContext": {}, "functionDeclarations": [{"name": "f"}]}, "url_context"),
        ({"mcpServers": [{"url": "https://secret.example"}]}, "mcp_servers"),
        ({"mySecretTool": {}}, "unknown"),
    ],
)
def test_what_the_provider_would_run_is_refused_by_name(tool, word):
    with pytest.raises(CannotExpress, match=f"provider-run tool {word} ") as refused:
        DIALECT.peek(tools(tool))
    assert "secret" not in refused.value.what.lower()


def test_a_request_passes_through_with_every_field_in_its_place():
    passed = DIALECT.rewrite(AGENT, THIRD, True)
    assert passed == AGENT
    assert list(passed) == list(AGENT)
    assert DIALECT.sheds(AGENT) == ()


def test_the_model_is_said_by_the_path_alone():
    assert DIALECT.rewrite(user(model="models/x"), THIRD, True) == user()


def test_where_the_client_is_goes_nowhere():
    for name, place in (("toolConfig", "retrievalConfig"), ("tool_config", "retrieval_config")):
        body = user(**{name: {place: {"latLng": {"latitude": 1}}, "includeX": True}})
        assert DIALECT.rewrite(body, THIRD, False) == user(**{name: {"includeX": True}})
        assert DIALECT.sheds(body) == ("retrieval_config",)
    assert DIALECT.rewrite(user(toolConfig=None), THIRD, False) == user(toolConfig=None)


CALL = {"functionCall": {"name": "f", "args": {}}}
SNAKE_CALL = {"function_call": {"name": "f", "args": {}}}


def calling(*parts):
    return {
        "contents": [{"role": "user", "parts": {"text": "x"}}, {"role": "model", "parts": [*parts]}]
    }


@pytest.mark.parametrize(
    ("part", "third", "second"),
    [
        ({**CALL, "thoughtSignature": "QUJD"}, ..., ...),
        ({**CALL, "thoughtSignature": UNSIGNED}, ..., CALL),
        ({**CALL, "thoughtSignature": wrapped("s")}, {**CALL, "thoughtSignature": UNSIGNED}, CALL),
        (
            {**SNAKE_CALL, "thought_signature": wrapped("s")},
            {**SNAKE_CALL, "thoughtSignature": UNSIGNED},
            SNAKE_CALL,
        ),
        (
            {"text": "x", "thought": True, "thoughtSignature": wrapped("s")},
            {"text": "x", "thought": True},
            {"text": "x", "thought": True},
        ),
        ({"text": "", "thoughtSignature": hidden("s")}, {"text": ""}, {"text": ""}),
    ],
)
def test_a_signature_of_another_vendor_stays_here(part, third, second):
    body = calling(part)
    for offering, passed in ((THIRD, third), (SECOND, second)):
        wanted = part if passed is ... else passed
        assert DIALECT.rewrite(body, offering, False) == calling(wanted)
    foreign = "cGVyaW1ldGVy" in str(body)
    assert DIALECT.sheds(body) == (("thought_signature",) if foreign else ())


def test_a_body_of_an_odd_form_is_passed_as_it_is():
    odd = {"contents": ["x", {"role": "user"}, {"parts": "x"}, {"parts": ["x", {}]}]}
    assert DIALECT.rewrite(odd, THIRD, False) == odd
    assert DIALECT.sheds(odd) == ()


def test_every_documented_field_has_one_kind_in_both_spellings():
    assert DIALECT.fields["cachedContent"] is DIALECT.fields["cached_content"] is FieldKind.EGRESS
    assert DIALECT.fields["labels"] is FieldKind.IDENTIFYING
    assert all(DIALECT.fields[snake(name)] is kind for name, kind in DIALECT.fields.items())


REMOTE = {"fileData": {"fileUri": "gs://bucket/a", "mimeType": "image/png"}}
CACHED = {"cachedContent": "cachedContents/1"}


@pytest.mark.parametrize("dialect", [DIALECT, GEMINI_ARRAY, GEMINI_COUNT])
@pytest.mark.parametrize(
    ("body", "name"),
    [
        (user(REMOTE), "remote_url"),
        (user({"functionResponse": {"name": "f", "parts": [REMOTE]}}), "remote_url"),
        (user(**CACHED), "cached_content"),
        (tools({"googleSearch": {}}), "tools.google_search"),
        (tools({"url_context": {}}), "tools.url_context"),
    ],
)
def test_what_policy_names_passes_and_is_told(dialect, body, name):
    with pytest.raises(RequestError):
        dialect.peek(body)
    with pytest.raises(RequestError):
        dialect.letting(dialect.reaching - {name}).peek(body)
    letting = dialect.letting(frozenset({name, "unknown"}))
    assert letting.name == dialect.name
    assert letting.peek(body).reaches == {name}
    assert letting.rewrite(body, THIRD, False)["contents"] == body["contents"]
    with pytest.raises(RequestError):
        dialect.read(body)


def test_a_tool_that_is_null_is_none():
    assert DIALECT.peek(tools({"googleSearch": None})).reaches is UNSET


def test_what_nobody_knows_passes_under_no_name():
    letting = DIALECT.letting(DIALECT.reaching)
    for body in (tools({"mySecretTool": {}}), user({"mySecret": 1}), user({**REMOTE, "text": "x"})):
        with pytest.raises(RequestError):
            letting.peek(body)
