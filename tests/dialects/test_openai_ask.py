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
    ],
)
@pytest.mark.parametrize("role", ["user", "tool", "assistant", "system"])
def test_what_somebody_else_would_fetch_or_load_is_refused(part: Any, role: str) -> None:
    body = a_body(messages=[USER, {"role": role, "content": [{"type": "text", "text": "x"}, part]}])

    with pytest.raises(Malformed, match=r"messages\[1\].content\[1\]") as caught:
        OPENAI_CHAT.peek(body)

    assert "canary" not in caught.value.what


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
