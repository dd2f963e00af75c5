from collections.abc import Iterable

import httpx2
import msgspec
import openai
import pytest
from openai.types.chat import ChatCompletion

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.errors import AllFailed
from gateway.domain.event import (
    Began,
    Broke,
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.domain.money import Tokens
from tests.doubles.openai_grammar import calls_of, chunks_of, finish_of, text_of
from tests.doubles.openai_scenarios import ASKED, BEGAN, RECORD, RECORD_SECONDS, REPLIES

USAGE = {
    "prompt_tokens": 25,
    "completion_tokens": 4,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 16},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
FINISH = {
    "text": "stop",
    "thinking": "stop",
    "tools": "tool_calls",
    "interleaved": "tool_calls",
    "length": "length",
    "refusal": "content_filter",
    "paused": "stop",
    "nothing": "stop",
    "unended": "stop",
}


def streamed(events: Iterable[Event], *, usage_wanted: bool = True) -> bytes:
    writer = OPENAI_CHAT.writer(ASKED, RECORD, usage_wanted)
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def whole(events: tuple[Event, ...]) -> ChatCompletion:
    return ChatCompletion.model_validate(
        msgspec.json.decode(OPENAI_CHAT.write_reply(events, ASKED, RECORD))
    )


def client_of(body: bytes, kind: str) -> openai.OpenAI:
    """The official client, on a transport that always answers with that body."""
    answer = httpx2.Response(200, content=body, headers={"content-type": kind})
    transport = httpx2.MockTransport(lambda _request: answer)
    return openai.OpenAI(
        api_key="a key",
        base_url="http://gateway.test/v1",
        max_retries=0,
        http_client=httpx2.Client(transport=transport),
    )


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("usage_wanted", [True, False])
def test_every_stream_follows_the_grammar(name: str, usage_wanted: bool) -> None:
    chunks = chunks_of(streamed(REPLIES[name], usage_wanted=usage_wanted))
    has_usage = any(isinstance(event, Used) for event in REPLIES[name])

    assert finish_of(chunks) == FINISH[name]
    assert {chunk["model"] for chunk in chunks} == {ASKED}
    assert {chunk["id"] for chunk in chunks} == {f"chatcmpl-{RECORD}"}
    assert {chunk["created"] for chunk in chunks} == {RECORD_SECONDS}
    assert bool(chunks[-1].get("usage")) is (usage_wanted and has_usage)


@pytest.mark.parametrize("name", REPLIES)
def test_whole_and_stream_say_the_same(name: str) -> None:
    chunks = chunks_of(streamed(REPLIES[name]))
    reply = whole(REPLIES[name])
    message = reply.choices[0].message

    assert (message.content or "") == text_of(chunks)
    assert reply.choices[0].finish_reason == finish_of(chunks)
    assert [
        {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
        for call in message.tool_calls or []
        if call.type == "function"
    ] == calls_of(chunks)
    assert reply.id == f"chatcmpl-{RECORD}"
    assert reply.created == RECORD_SECONDS
    assert reply.model == ASKED
    told = reply.usage.model_dump(exclude_none=True) if reply.usage else None
    assert told == chunks[-1].get("usage")


def test_usage_counts_the_cache_into_the_prompt() -> None:
    chunks = chunks_of(streamed(REPLIES["text"]))

    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == USAGE


def test_written_to_a_cache_counts_into_the_prompt_too() -> None:
    used = Used(Tokens(input_tokens=1, cache_read_tokens=2, cache_write_tokens=4))
    usage = chunks_of(streamed([BEGAN, Stopped("end"), used]))[-1]["usage"]

    assert usage["prompt_tokens"] == 7
    assert usage["prompt_tokens_details"] == {"cached_tokens": 2, "cache_write_tokens": 4}


def test_usage_that_nobody_knows_is_not_invented() -> None:
    chunks = chunks_of(streamed([BEGAN, TextDelta("x"), Stopped("end")]))

    assert not any("usage" in chunk for chunk in chunks)
    assert whole((BEGAN, TextDelta("x"), Stopped("end"))).usage is None


def test_the_role_comes_first_even_when_nothing_began() -> None:
    writer = OPENAI_CHAT.writer(ASKED, RECORD, False)

    first = writer.write(TextDelta("x"))
    assert first.index(b'"role":"assistant"') < first.index(b'"content":"x"')
    assert first.count(b"data: ") == 2
    assert writer.write(TextDelta("y")).count(b"data: ") == 1


def test_what_says_nothing_is_not_written() -> None:
    writer = OPENAI_CHAT.writer(ASKED, RECORD, True)
    writer.write(Began())

    silent: list[Event] = [
        Began(),
        TextDelta(""),
        ThinkingDelta(signature="s"),
        Used(Tokens(1, 1)),
        Stopped("end"),
        Broke("unreadable", "canary"),
    ]
    assert b"".join(writer.write(event) for event in silent) == b""


def test_a_call_without_arguments_gets_an_empty_object() -> None:
    chunks = chunks_of(streamed(REPLIES["tools"]))

    assert calls_of(chunks) == [
        {"id": "call_a", "name": "weather", "arguments": '{"city": "Oslo"}'},
        {"id": "call_b", "name": "now", "arguments": "{}"},
    ]


def test_a_call_that_was_cut_before_its_arguments_is_not_completed() -> None:
    cut = (BEGAN, ToolCallBegan(0, "call_a", "now"), Stopped("length"))

    assert calls_of(chunks_of(streamed(cut)))[0]["arguments"] == ""
    assert b'"arguments":""' in OPENAI_CHAT.write_reply(cut, ASKED, RECORD)


def test_a_fragment_of_no_call_is_our_error() -> None:
    writer = OPENAI_CHAT.writer(ASKED, RECORD, True)

    with pytest.raises(ValueError, match="never began"):
        writer.write(ToolCallDelta(3, "{"))


def test_words_after_the_stop_still_come_before_the_end() -> None:
    events = [BEGAN, TextDelta("a"), Stopped("end"), TextDelta("b"), Used(Tokens(1, 1))]

    assert text_of(chunks_of(streamed(events))) == "ab"


def test_a_stream_that_breaks_has_not_said_that_it_ended() -> None:
    writer = OPENAI_CHAT.writer(ASKED, RECORD, True)
    sent = b"".join(writer.write(event) for event in REPLIES["tools"])
    sent += OPENAI_CHAT.stream_error(AllFailed("The engine broke off."), RECORD)

    assert b"[DONE]" not in sent
    assert b'"finish_reason":"' not in sent


def test_a_reason_without_a_word_stands_beside_the_finish_reason() -> None:
    assert b'"stop_reason":"pause_turn"' in streamed(REPLIES["paused"])
    assert b'"stop_reason":"END"' in streamed(REPLIES["thinking"])
    assert b"stop_reason" not in streamed(REPLIES["text"])


def test_reasoning_is_told_under_its_own_name() -> None:
    assert text_of(chunks_of(streamed(REPLIES["thinking"])), "reasoning") == "Let me see."
    message = whole(REPLIES["thinking"]).choices[0].message
    assert message.model_extra == {"reasoning": "Let me see."}


def test_a_reply_of_calls_alone_has_no_content() -> None:
    assert whole(REPLIES["interleaved"]).choices[0].message.content is None
    assert whole(REPLIES["nothing"]).choices[0].message.content == ""


def test_a_reply_that_broke_is_never_written_whole() -> None:
    with pytest.raises(ValueError, match="broke"):
        OPENAI_CHAT.write_reply((BEGAN, Broke("overloaded", "x")), ASKED, RECORD)


@pytest.mark.parametrize("record", ["", "r-1", "not-a-uuid-at-all", "zzzzzzzz-zzzz"])
def test_an_id_that_tells_no_time_is_written_all_the_same(record: str) -> None:
    reply = msgspec.json.decode(OPENAI_CHAT.write_reply(REPLIES["text"], ASKED, record))

    assert reply["created"] == 0
    assert reply["id"] == f"chatcmpl-{record}"


def final_of(name: str) -> ChatCompletion:
    with client_of(streamed(REPLIES[name]), "text/event-stream").chat.completions.stream(
        model=ASKED, messages=[{"role": "user", "content": "x"}]
    ) as stream:
        return stream.get_final_completion()


@pytest.mark.parametrize("name", sorted(REPLIES.keys() - {"length", "refusal"}))
def test_the_official_client_reads_our_streams(name: str) -> None:
    final = final_of(name).choices[0]
    chunks = chunks_of(streamed(REPLIES[name]))
    calls = [call for call in final.message.tool_calls or [] if call.type == "function"]

    assert final.finish_reason == FINISH[name]
    assert (final.message.content or "") == text_of(chunks)
    assert [call.function.arguments for call in calls] == [
        call["arguments"] for call in calls_of(chunks)
    ]


def test_the_official_client_knows_a_cut_and_a_refusal() -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        final_of("length")
    with pytest.raises(openai.ContentFilterFinishReasonError):
        final_of("refusal")


def test_the_official_client_iterates_over_our_chunks() -> None:
    client = client_of(streamed(REPLIES["tools"]), "text/event-stream")
    chunks = list(
        client.chat.completions.create(
            model=ASKED, messages=[{"role": "user", "content": "x"}], stream=True
        )
    )

    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == USAGE["total_tokens"]


@pytest.mark.parametrize("name", REPLIES)
def test_the_official_client_reads_our_whole_replies(name: str) -> None:
    client = client_of(OPENAI_CHAT.write_reply(REPLIES[name], ASKED, RECORD), "application/json")
    reply = client.chat.completions.create(model=ASKED, messages=[{"role": "user", "content": "x"}])

    assert reply.choices[0].finish_reason == FINISH[name]


def test_the_official_client_raises_our_stream_error() -> None:
    writer = OPENAI_CHAT.writer(ASKED, RECORD, False)
    broken = writer.write(TextDelta("x")) + OPENAI_CHAT.stream_error(AllFailed("Gone."), RECORD)
    stream = client_of(broken, "text/event-stream").chat.completions.create(
        model=ASKED, messages=[{"role": "user", "content": "x"}], stream=True
    )

    with pytest.raises(openai.APIError, match=f"Gone. Record {RECORD}."):
        list(stream)


def heard(events: tuple[Event, ...]) -> dict[str, object]:
    """What a reply says, however it is cut."""
    names = {e.index: (e.id, e.name) for e in events if isinstance(e, ToolCallBegan)}
    arguments = dict.fromkeys(names, "")
    for event in events:
        if isinstance(event, ToolCallDelta):
            arguments[event.index] += event.fragment
    return {
        "text": "".join(e.text for e in events if isinstance(e, TextDelta)),
        "thinking": "".join(e.text for e in events if isinstance(e, ThinkingDelta)),
        "calls": {index: (*names[index], arguments[index] or "{}") for index in names},
        "used": next((e.tokens for e in reversed(events) if isinstance(e, Used)), None),
        "stop": next((e.reason for e in reversed(events) if isinstance(e, Stopped)), "end"),
    }


SENTINELS: tuple[Event, ...] = (
    BEGAN,
    ThinkingDelta("sentinel-thought"),
    TextDelta('sentinel-text "usage":{ é\n\u2028'),
    ToolCallBegan(0, "sentinel-id-0", "sentinel_name"),
    ToolCallDelta(0, '{"sentinel-key":'),
    ToolCallBegan(1, "sentinel-id-1", "other_name"),
    ToolCallDelta(1, '{"a":[1,{"b":null}]}'),
    ToolCallDelta(0, '"sentinel-value"}'),
    Stopped("tool_use"),
    Used(Tokens(11, 13, 17, 7, 19)),
)


@pytest.mark.parametrize("events", [SENTINELS, *REPLIES.values()])
def test_nothing_is_lost_between_writer_and_reader(events: tuple[Event, ...]) -> None:
    again = OPENAI_CHAT.reader().feed(streamed(events))
    from_whole = OPENAI_CHAT.read_reply(OPENAI_CHAT.write_reply(events, ASKED, RECORD))
    expected = heard(events)
    if expected["calls"] and expected["stop"] == "end":
        expected["stop"] = "tool_use"
    if str(expected["stop"]).startswith("other:"):
        expected["stop"] = "stop_sequence"

    assert heard(again) == expected
    assert heard(from_whole) == expected
