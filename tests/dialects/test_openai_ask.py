from typing import Any

import pytest

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_chat.ask import N_MAX, REFUSED
from gateway.domain.errors import CannotExpress, GatewayError, Malformed
from gateway.wire import body as wire_body
from tests.doubles.openai_scenarios import OFFERING

USER = {"role": "user", "content": "hello"}


def a_body(**fields: Any) -> dict[str, Any]:
    return {"model": "code", "messages": [USER], **fields}


def a_part(part: Any) -> dict[str, Any]:
    return a_body(messages=[{"role": "user", "content": [part]}])


def test_a_plain_request_asks_for_a_whole_reply_with_usage() -> None:
    ask = OPENAI_CHAT.peek(a_body())

    assert ask.model == "code"
    assert not ask.stream
    assert ask.usage_wanted
    assert ask.needs == frozenset()
    assert ask.output_tokens_max is None


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (None, False),
        ({}, False),
        ({"include_usage": False}, False),
        ({"include_usage": True}, True),
    ],
)
def test_a_stream_has_usage_only_where_it_was_asked_for(options: Any, wanted: bool) -> None:
    ask = OPENAI_CHAT.peek(a_body(stream=True, stream_options=options))

    assert ask.stream
    assert ask.usage_wanted is wanted


def test_the_newer_of_two_limits_counts() -> None:
    assert OPENAI_CHAT.peek(a_body(max_tokens=5)).output_tokens_max == 5
    assert OPENAI_CHAT.peek(a_body(max_tokens=5, max_completion_tokens=7)).output_tokens_max == 7


@pytest.mark.parametrize(
    ("part", "need"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, "images"),
        ({"type": "input_image", "image_url": "data:image/png;base64,AAAA"}, "images"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "audio"),
        ({"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,AAAA"}}, "audio"),
        ({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}, "video"),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}}, "documents"),
    ],
)
def test_a_part_names_the_ability_that_it_needs(part: Any, need: str) -> None:
    assert OPENAI_CHAT.peek(a_part(part)).needs == {need}


def test_tools_are_a_need_only_when_there_are_any() -> None:
    tool = {"type": "function", "function": {"name": "now"}}

    assert OPENAI_CHAT.peek(a_body(tools=[tool])).needs == {"tools"}
    assert OPENAI_CHAT.peek(a_body(tools=[])).needs == frozenset()


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant", "tool", "function"])
def test_every_known_role_may_speak(role: str) -> None:
    assert OPENAI_CHAT.peek(a_body(messages=[{"role": role, "content": None}])).model == "code"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"messages": [USER]}, "model"),
        (a_body(model=""), "model"),
        (a_body(model=None), "model"),
        (a_body(model=7), "model"),
        ({"model": "code"}, "messages"),
        (a_body(messages=[]), "messages"),
        (a_body(messages="canary"), "messages"),
        (a_body(messages=["canary"]), "messages"),
        (a_body(messages=[{"content": "canary"}]), r"messages\[0\].role"),
        (a_body(messages=[USER, {"role": "canary"}]), r"messages\[1\].role"),
        (a_body(messages=[{"role": ["canary"]}]), r"messages\[0\].role"),
        (a_body(messages=[{"role": "user", "content": 7}]), r"messages\[0\].content"),
        (a_body(messages=[{"role": "user", "content": {"a": "canary"}}]), r"messages\[0\].content"),
        (a_part("canary"), r"content\[0\]"),
        (a_part({"type": ["canary"]}), r"content\[0\].type"),
        (a_body(stream="canary"), "stream"),
        (a_body(stream=1), "stream"),
        (a_body(max_tokens=0), "max_tokens"),
        (a_body(max_tokens=-1), "max_tokens"),
        (a_body(max_tokens="canary"), "max_tokens"),
        (a_body(max_tokens=True), "max_tokens"),
        (a_body(max_tokens=1.5), "max_tokens"),
        (a_body(max_completion_tokens=0), "max_completion_tokens"),
        (a_body(n=0), "n must"),
        (a_body(n=N_MAX + 1), "n must"),
        (a_body(n="canary"), "n must"),
        (a_body(tools="canary"), "tools"),
        (a_body(tools={"a": "canary"}), "tools"),
        (a_body(tools=["canary"]), "tools"),
        (a_body(stream_options="canary"), "stream_options"),
        (a_body(stream_options={"include_usage": "canary"}), "stream_options.include_usage"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_never_repeated(body: Any, named: str) -> None:
    with pytest.raises(Malformed, match=named) as caught:
        OPENAI_CHAT.peek(body)

    assert "canary" not in caught.value.what


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://canary.example/a.png"}},
        {"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}},
        {"type": "image_url", "image_url": {"url": "file:///canary"}},
        {"type": "image_url", "image_url": {"url": " data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": ["https://canary.example"]}},
        {"type": "image_url", "image_url": {}},
        {"type": "image_url", "image_url": "https://canary.example/a.png"},
        {"type": "input_image", "image_url": "https://canary.example/a.png"},
        {"image_url": "https://canary.example/a.png"},
        {"type": "text", "text": "x", "image_url": "https://canary.example/a.png"},
        {"type": "audio_url", "audio_url": {"url": "https://canary.example/a.wav"}},
        {"video_url": "https://canary.example/a.mp4"},
        {"type": "file", "file": {"file_id": "canary"}},
        {"type": "file", "file": "canary"},
        {"type": "image_embeds", "image_embeds": "canary"},
        {"type": "prompt_embeds", "data": "canary"},
        {"audio_embeds": None},
        {"type": "text", "text": "x", "uuid": "canary"},
        {"type": "canary"},
        {"type": ""},
        {"canary": 1},
        {"type": "file_url", "file_url": {"url": "data:,canary"}},
        {"type": "document_url", "document_url": "https://canary.example/a.pdf"},
        {"type": "input_file", "file_url": "https://canary.example/a.pdf"},
        {"type": "text", "text": "x", "file_url": "https://canary.example/a.pdf"},
        {"type": "text", "text": "x", "source": {"type": "url", "url": "https://canary.example"}},
        {"type": "text", "text": "x", "odd": [{"deep": {"fileUri": "gs://canary/a"}}]},
        {"type": "text", "text": "x", "odd": {"input_file": {"id": "canary"}}},
        {"type": "text", "text": "x", "images_urls": ["https://canary.example/a.png"]},
        {"type": "file", "file": {"file_data": "https://canary.example/a.pdf"}},
        {"type": "file", "file": {"file_data": "canary"}},
        {"type": "file", "file": {"file_data": ["canary"]}},
        {"type": "file", "file": {"filename": "canary"}},
    ],
)
@pytest.mark.parametrize("role", ["user", "tool", "assistant", "system"])
def test_what_somebody_else_would_fetch_or_load_is_refused(part: Any, role: str) -> None:
    body = a_body(messages=[USER, {"role": role, "content": [{"type": "text", "text": "x"}, part]}])

    with pytest.raises(Malformed, match=r"messages\[1\].content\[1\]") as caught:
        OPENAI_CHAT.peek(body)

    assert "canary" not in caught.value.what


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "x", "attachments": [{"url": "https://canary.example"}]},
        {"role": "user", "content": "x", "file_ids": ["canary"]},
        {"role": "tool", "content": "x", "tool_call_id": "a", "document_url": "canary"},
        {"role": "assistant", "content": "x", "audio": {"id": "canary"}},
        {"role": "assistant", "tool_calls": [{"id": "a", "extra": {"uri": "gs://canary"}}]},
    ],
)
def test_what_a_message_refers_to_is_refused_wherever_it_stands(message: Any) -> None:
    with pytest.raises(Malformed, match=r"messages\[1\]") as caught:
        OPENAI_CHAT.peek(a_body(messages=[USER, message]))

    assert "canary" not in caught.value.what


@pytest.mark.parametrize(
    "prediction",
    [
        {"type": "content", "content": [{"type": "canary"}]},
        {"type": "content", "content": [{"type": "image_url", "image_url": "https://canary.x"}]},
        {"type": "content", "content": "x", "file_url": "https://canary.example"},
        {"type": "content", "content": {"url": "https://canary.example"}},
        "canary",
    ],
)
def test_a_prediction_refers_to_nothing_either(prediction: Any) -> None:
    with pytest.raises(Malformed, match="prediction") as caught:
        OPENAI_CHAT.peek(a_body(prediction=prediction))

    assert "canary" not in caught.value.what


@pytest.mark.parametrize("content", [None, "x", [{"type": "text", "text": "x"}]])
def test_a_prediction_of_words_is_fine(content: Any) -> None:
    assert OPENAI_CHAT.peek(a_body(prediction={"type": "content", "content": content}))


def test_an_address_is_a_word_like_any_other_in_citations_and_arguments() -> None:
    citation = {"type": "url_citation", "url_citation": {"url": "https://a.example"}}
    call = {"name": "f", "arguments": {"image_url": "https://a.example"}}
    message = {
        "role": "assistant",
        "content": "see https://a.example",
        "annotations": [citation],
        "tool_calls": [{"id": "a", "type": "function", "function": call}],
    }

    assert OPENAI_CHAT.peek(a_body(messages=[USER, message])).model == "code"


FUNCTION = {"type": "function", "function": {"name": "now"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "mcp", "server_url": "https://canary.example"}]},
        {"tools": [FUNCTION, {"type": "canary"}]},
        {"tools": [{"type": ["canary"]}]},
        {"tools": [{"type": None, "function": {"name": "now"}}]},
        {"tools": [{"google_search": {}}]},
        {"tools": [{**FUNCTION, "canary": {}}]},
        {"tools": [FUNCTION], "tool_choice": {"type": "web_search_preview"}},
        {
            "tools": [FUNCTION],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "mcp", "name": "canary"}]},
            },
        },
        {
            "tools": [FUNCTION],
            "tool_choice": {"type": "allowed_tools", "tools": [{"type": "canary"}]},
        },
    ],
)
def test_a_tool_that_the_provider_would_run_is_refused(fields: Any) -> None:
    with pytest.raises(CannotExpress) as caught:
        OPENAI_CHAT.peek(a_body(**fields))

    assert "canary" not in caught.value.what
    assert "function" in caught.value.what


@pytest.mark.parametrize(
    "choice",
    [
        "auto",
        {"type": "function", "function": {"name": "now"}},
        {"type": "custom", "custom": {"name": "patch"}},
        {"function": {"name": "now"}},
        {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "auto", "tools": [{**FUNCTION, "name": "now"}]},
        },
    ],
)
def test_functions_and_custom_tools_are_the_clients_own(choice: Any) -> None:
    tools = [
        {**FUNCTION, "strict": True, "cache_control": {"type": "ephemeral"}, "canary": None},
        {"function": {"name": "later"}},
        {"type": "custom", "custom": {"name": "patch"}},
    ]

    assert OPENAI_CHAT.peek(a_body(tools=tools, tool_choice=choice)).needs == {"tools"}


def test_what_identifies_or_lets_a_provider_act_stays_on_the_premises() -> None:
    stays = {
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "service_tier",
        "web_search_options",
        "plugins",
        "search_parameters",
        "provider",
        "models",
        "route",
        "transforms",
        "moderation",
        "audio",
        *REFUSED,
    }

    assert not stays & OPENAI_CHAT.may_leave
    assert stays <= OPENAI_CHAT.fields.keys()
    assert OPENAI_CHAT.may_leave <= OPENAI_CHAT.fields.keys()


def test_a_remote_image_is_refused_with_advice() -> None:
    with pytest.raises(Malformed, match="data: URL; inline"):
        OPENAI_CHAT.peek(a_part({"type": "image_url", "image_url": {"url": "https://a.example/x"}}))


def test_a_reference_of_null_refers_to_nothing() -> None:
    assert OPENAI_CHAT.peek(a_part({"type": "text", "text": "x", "image_url": None})).needs == set()


def test_a_whole_request_passes_with_nothing_but_the_model_changed() -> None:
    raw = (
        b'{"messages":[{"content":"x","role":"user","odd":[1]}],"top_p":1,"model":"code",'
        b'"unknown":{"z":1,"a":2},"stream":false}'
    )

    sent = OPENAI_CHAT.rewrite(wire_body.parse(raw), OFFERING, False)

    assert wire_body.encode(sent) == raw.replace(b'"code"', b'"Qwen/Qwen3-Coder"')


def test_rewriting_leaves_the_parsed_body_as_it_was() -> None:
    body = a_body(stream=True, stream_options={"include_usage": False}, store=True)
    before = wire_body.encode(body)

    OPENAI_CHAT.rewrite(body, OFFERING, True)

    assert wire_body.encode(body) == before


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (None, {"include_usage": True}),
        ({}, {"include_usage": True}),
        ({"include_usage": False, "odd": 1}, {"include_usage": True, "odd": 1}),
        (
            {"include_usage": True, "continuous_usage_stats": True},
            {"include_usage": True, "continuous_usage_stats": True},
        ),
        (
            {"continuous_usage_stats": True},
            {"include_usage": True, "continuous_usage_stats": False},
        ),
    ],
)
def test_a_stream_always_asks_the_engine_for_usage(options: Any, sent: Any) -> None:
    body = a_body(stream=True, stream_options=options)

    assert OPENAI_CHAT.rewrite(body, OFFERING, True)["stream_options"] == sent


def test_a_whole_reply_needs_no_stream_options() -> None:
    assert "stream_options" not in OPENAI_CHAT.rewrite(a_body(), OFFERING, False)


def test_the_stream_flag_is_set_when_the_flow_wants_another_one() -> None:
    assert OPENAI_CHAT.rewrite(a_body(), OFFERING, True)["stream"] is True
    assert OPENAI_CHAT.rewrite(a_body(stream=True), OFFERING, False)["stream"] is False


@pytest.mark.parametrize("store", [True, False])
def test_nothing_is_stored(store: bool) -> None:
    assert OPENAI_CHAT.rewrite(a_body(store=store), OFFERING, False)["store"] is False


@pytest.mark.parametrize("name", REFUSED)
def test_a_field_that_reaches_into_the_engine_is_refused(name: str) -> None:
    with pytest.raises(CannotExpress, match=name):
        OPENAI_CHAT.rewrite(a_body(**{name: {"canary": 1}}), OFFERING, False)

    assert OPENAI_CHAT.rewrite(a_body(**{name: None}), OFFERING, False)["model"]


def test_errors_of_the_request_are_the_callers() -> None:
    with pytest.raises(GatewayError) as caught:
        OPENAI_CHAT.peek({})

    assert caught.value.blame == "caller"
