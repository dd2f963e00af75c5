"""Every reply that we write is one that OpenAI's own types, client and grammar accept."""

import msgspec
import pytest

from gateway.dialects.openai_responses import OPENAI_RESPONSES
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
from tests.doubles.goldens import assert_golden, assert_golden_json
from tests.doubles.openai_scenarios import ASKED, RECORD, RECORD_SECONDS, REPLIES
from tests.doubles.responses_grammar import events_of, streamed, whole

ENDS = {"length": "max_output_tokens", "refusal": "content_filter"}


def stream_of(events: tuple[Event, ...], record: str = RECORD) -> bytes:
    writer = OPENAI_RESPONSES.writer(ASKED, record, True)
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def reply_of(events: tuple[Event, ...]) -> bytes:
    return OPENAI_RESPONSES.write_reply(events, ASKED, RECORD)


def texts_of(events: tuple[Event, ...], kind: type) -> str:
    return "".join(event.text for event in events if isinstance(event, kind))


@pytest.mark.parametrize("name", REPLIES)
def test_a_stream_keeps_the_grammar_and_is_as_agreed(name: str) -> None:
    raw = stream_of(REPLIES[name])
    events_of(raw)
    assert_golden(f"openai_responses/{name}.stream.txt", raw)


@pytest.mark.parametrize("name", REPLIES)
def test_a_whole_reply_is_what_the_stream_ends_with(name: str) -> None:
    body = reply_of(REPLIES[name])
    assert msgspec.json.decode(body) == events_of(stream_of(REPLIES[name]))[-1]["response"]
    assert_golden_json(f"openai_responses/{name}.reply.json", msgspec.json.decode(body))


@pytest.mark.parametrize("name", REPLIES)
def test_openais_client_reads_every_word_of_a_whole_reply(name: str) -> None:
    events = REPLIES[name]
    read = whole(reply_of(events))
    assert read.output_text == texts_of(events, TextDelta)
    thoughts = [
        part.text for item in read.output if item.type == "reasoning" for part in item.content
    ]
    assert "".join(thoughts) == texts_of(events, ThinkingDelta)
    calls = [(item.call_id, item.name) for item in read.output if item.type == "function_call"]
    began = [event for event in events if isinstance(event, ToolCallBegan)]
    assert calls == [(event.id, event.name) for event in began]
    assert (read.model, read.created_at) == (ASKED, RECORD_SECONDS)


@pytest.mark.parametrize("name", [name for name in REPLIES if name not in ENDS])
def test_openais_client_accumulates_the_stream_to_the_same_reply(name: str) -> None:
    final = streamed(stream_of(REPLIES[name])).to_dict()
    for item in final["output"]:
        for holder in (item, *item.get("content", [])):
            holder.pop("parsed", None)
            holder.pop("parsed_arguments", None)
    assert final == whole(reply_of(REPLIES[name])).to_dict()


@pytest.mark.parametrize(("name", "reason"), ENDS.items())
def test_a_reply_that_was_cut_is_incomplete_and_says_why(name: str, reason: str) -> None:
    last = events_of(stream_of(REPLIES[name]))[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": reason}


def test_interleaved_calls_keep_their_own_arguments() -> None:
    final = streamed(stream_of(REPLIES["interleaved"]))
    assert [call.arguments for call in final.output] == ['{"city":"Oslo"}', '{"city":"Bergen"}']


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert streamed(stream_of(REPLIES["tools"])).output[-1].arguments == "{}"


def test_a_call_that_was_cut_has_what_came_of_its_arguments() -> None:
    began = (ToolCallBegan(0, "a", "x"), ToolCallDelta(0, '{"ci'), ToolCallBegan(1, "b", "y"))
    output = msgspec.json.decode(reply_of((*began, Stopped("length"))))["output"]
    assert [(call["arguments"], call["status"]) for call in output] == [
        ('{"ci', "completed"),
        ("", "incomplete"),
    ]


def test_text_after_a_call_is_an_item_of_its_own() -> None:
    events = (TextDelta("a"), ToolCallBegan(0, "i", "x"), TextDelta("b"), Stopped("end"))
    kinds = [item["type"] for item in events_of(stream_of(events))[-1]["response"]["output"]]
    assert kinds == ["message", "function_call", "message"]


def test_what_openai_has_no_word_for_stands_beside_the_status() -> None:
    assert whole(reply_of(REPLIES["paused"])).to_dict()["stop_reason"] == "pause_turn"
    assert whole(reply_of(REPLIES["thinking"])).to_dict()["stop_reason"] == "END"


def test_usage_counts_what_came_from_the_cache_as_input() -> None:
    usage = whole(reply_of(REPLIES["text"])).usage
    assert (usage.input_tokens, usage.input_tokens_details.cached_tokens) == (25, 16)
    assert (usage.output_tokens, usage.total_tokens) == (4, 29)
    assert usage.output_tokens_details.reasoning_tokens == 2


@pytest.mark.parametrize(
    "event", [TextDelta(""), ThinkingDelta(signature="s"), ToolCallDelta(0, "")]
)
def test_an_event_that_says_nothing_opens_nothing(event: Event) -> None:
    assert events_of(stream_of((Began(), event)))[-1]["response"]["output"] == []


def test_a_broken_reply_is_never_written_whole() -> None:
    with pytest.raises(ValueError, match="broke"):
        reply_of((TextDelta("half"), Broke("unreadable", "boom")))
    assert OPENAI_RESPONSES.writer(ASKED, RECORD, True).write(Broke("unreadable", "x")) == b""


def test_a_fragment_of_a_call_that_never_began_is_an_error() -> None:
    with pytest.raises(ValueError, match="never began"):
        reply_of((ToolCallDelta(0, "{}"),))


@pytest.mark.parametrize("record", ["short", "not-hexadecimal-at-all"])
def test_an_id_without_a_time_gives_the_beginning_of_time(record: str) -> None:
    assert (
        events_of(stream_of((Began(), Used(REPLIES["text"][-1].tokens)), record))[0]["response"][
            "created_at"
        ]
        == 0
    )
