"""Whatever an engine does, every stream of ours keeps its grammar, and nothing is lost in it."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects import DIALECTS
from gateway.domain.dialect import Dialect
from gateway.domain.event import (
    Began,
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.domain.money import Tokens
from tests.doubles.grammar import GRAMMARS, Call, Story

SIGNATURE = "S-signature"
SEALED = "S-sealed"
RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
NAMES = sorted(GRAMMARS)
PAIRS = [(engine, client) for engine in NAMES for client in NAMES]
# What a dialect cannot say when it is an engine; as a client it can all of this.
WITHOUT_REASON = {"ollama_chat": {"refusal"}}

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=6)
arguments = st.dictionaries(words, st.one_of(st.integers(-9, 9), words, st.booleans()), max_size=3)
reasons = st.sampled_from(["end", "tool_use", "refusal", None])


def pieces(draw: Any, text: str) -> list[str]:
    """Cut a text anywhere; some of the pieces are empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def replies(draw: Any) -> tuple[tuple[Event, ...], Story]:
    """Return a reply as events, tracks interleaved at will, and what it says."""
    tracks: list[list[Event]] = [
        [TextDelta(text) for text in draw(st.lists(words, max_size=4))],
        [
            ThinkingDelta(text, draw(st.sampled_from([None, None, SIGNATURE])))
            for text in draw(st.lists(words, max_size=3))
        ],
        [ThinkingDelta(redacted=SEALED) for _ in range(draw(st.integers(0, 1)))],
    ]
    given_arguments = draw(st.lists(st.none() | arguments, max_size=4))
    for number, found in enumerate(given_arguments):
        text = "" if found is None else msgspec.json.encode(found).decode()
        opened = ToolCallBegan(number, f"call_{number}", f"tool_{number}")
        tracks.append([opened, *(ToolCallDelta(number, piece) for piece in pieces(draw, text))])
    events: list[Event] = [Began("engine-1", "engine")] if draw(st.booleans()) else []
    while left := [track for track in tracks if track]:
        events.append(draw(st.sampled_from(left)).pop(0))
    reason = draw(reasons)
    end: list[Event] = [] if reason is None else [Stopped(reason)]
    used = Used(Tokens(input_tokens=7, output_tokens=9, cache_read_tokens=4, cache_write_tokens=2))
    usage = draw(st.sampled_from(["none", "before", "after", "twice"]))
    early = Used(Tokens(input_tokens=7)) if usage == "twice" else None
    events += [early] if early else []
    events += [used] if usage == "before" else []
    events += end
    events += [used] if usage in {"after", "twice"} else []
    order = [event.index for event in events if isinstance(event, ToolCallBegan)]
    numbered = tuple(renumbered(event, order) for event in events)
    calls = tuple(
        Call(f"call_{number}", f"tool_{number}", given_arguments[number] or {}) for number in order
    )
    stop = "tool" if calls and reason != "refusal" else "end"
    story = Story(
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        "".join(event.text for event in events if isinstance(event, ThinkingDelta)),
        calls,
        "refusal" if reason == "refusal" else stop,
        *((None, None) if usage == "none" else (13, 9)),
    )
    return numbered, story


def renumbered(event: Event, order: list[int]) -> Event:
    """Return the event with the number of its call in the order in which calls begin."""
    if isinstance(event, ToolCallBegan):
        return ToolCallBegan(order.index(event.index), event.id, event.name)
    if isinstance(event, ToolCallDelta):
        return ToolCallDelta(order.index(event.index), event.fragment)
    return event


def streamed(dialect: Dialect, events: tuple[Event, ...]) -> bytes:
    writer = dialect.writer("asked", RECORD, True)
    return b"".join([*(writer.write(event) for event in events), writer.close()])


def same(found: Story, story: Story) -> None:
    """Everything that was said is there; a count that nobody told may be missing or zero."""
    assert found[:4] == story[:4]
    counts = (found.input_tokens, found.output_tokens)
    if story.input_tokens is None:
        assert counts in {(None, None), (0, 0)}
    else:
        assert counts == (story.input_tokens, story.output_tokens)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(reply=replies())
def test_any_reply_keeps_the_grammar_and_is_whole_in_every_dialect(
    name: str, reply: tuple[tuple[Event, ...], Story]
) -> None:
    events, story = reply
    dialect = DIALECTS[name]
    same(GRAMMARS[name].stream(streamed(dialect, events)), story)
    same(GRAMMARS[name].whole(dialect.write_reply(events, "asked", RECORD)), story)


@settings(max_examples=60, deadline=None)
@given(reply=replies())
def test_every_signature_stands_behind_its_own_reasoning(
    reply: tuple[tuple[Event, ...], Story],
) -> None:
    thoughts = [event for event in reply[0] if isinstance(event, ThinkingDelta)]
    dialect = DIALECTS["anthropic_messages"]
    whole = msgspec.json.decode(dialect.write_reply(reply[0], "asked", RECORD))
    blocks = [block for block in whole["content"] if "thinking" in block["type"]]
    sealed = [block for block in blocks if block["type"] == "redacted_thinking"]
    signed = [block["signature"] for block in blocks if block.get("signature")]
    assert signed == [event.signature for event in thoughts if event.signature]
    assert len(sealed) == sum(event.redacted is not None for event in thoughts)
    raw = streamed(dialect, reply[0])
    assert raw.count(b'"signature_delta"') == len(signed)
    assert raw.count(b'"S-sealed"') == len(sealed)


@pytest.mark.parametrize(("engine", "client"), PAIRS)
@settings(max_examples=12, deadline=None)
@given(reply=replies(), size=st.integers(1, 700))
def test_any_reply_of_any_engine_reaches_any_client(
    engine: str, client: str, reply: tuple[tuple[Event, ...], Story], size: int
) -> None:
    events, story = reply
    raw = streamed(DIALECTS[engine], events)
    reader = DIALECTS[engine].reader()
    read = [
        event
        for start in range(0, len(raw), size)
        for event in reader.feed(raw[start : start + size])
    ]
    assert reader.finished
    if story.stop in WITHOUT_REASON.get(engine, ()):
        return
    same(GRAMMARS[client].stream(streamed(DIALECTS[client], tuple(read))), story)
    whole = DIALECTS[engine].read_reply(DIALECTS[engine].write_reply(events, "asked", RECORD))
    same(GRAMMARS[client].whole(DIALECTS[client].write_reply(whole, "asked", RECORD)), story)


BLANK_INSIDE = (
    ToolCallBegan(0, "call_0", "tool_0"),
    ToolCallBegan(1, "call_1", "tool_1"),
    ToolCallDelta(1, '{"a'),
    ToolCallDelta(1, " "),
    ToolCallDelta(1, 'b":0}'),
    Stopped("end"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_blank_inside_the_arguments_of_a_call_that_waits_is_kept(name: str) -> None:
    calls = (Call("call_0", "tool_0", {}), Call("call_1", "tool_1", {"a b": 0}))
    same(
        GRAMMARS[name].stream(streamed(DIALECTS[name], BLANK_INSIDE)),
        Story("", "", calls, "tool", None, None),
    )
