"""Placeholders become again what they stand for, wherever a stream cuts them."""

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.classification.redaction import redact
from gateway.domain.decision import Finding
from gateway.domain.event import (
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
    Used,
)
from gateway.domain.money import Tokens
from gateway.flow.naming import keyed, nameless
from gateway.flow.restoring import Placeholders, Restoring

NAMES = keyed(b"k" * 32)
FIRST, SECOND = "[[redacted:email:abcdefghijklmnop]]", "[[redacted:email:ponmlkjihgfedcba]]"
KNOWN = {FIRST: "ada@example.com", SECOND: 'a "quoted"\nline'}

SECONDS_MAX = 2.0
PIECES = (FIRST, SECOND, "[", "[[", "[[red", "x", "]]", "é")


def restoring(*, tools: bool = False) -> Restoring:
    return Restoring(Placeholders(KNOWN, tools=tools))


def words(events: list[Event]) -> str:
    return "".join(one.text for one in events if isinstance(one, TextDelta))


def fragments(events: list[Event]) -> str:
    return "".join(one.fragment for one in events if isinstance(one, ToolCallDelta))


@settings(max_examples=200, deadline=None)
@given(
    parts=st.lists(
        st.sampled_from([FIRST, SECOND, "[", "[[", "[[red", "x", "]]", "é"]), max_size=9
    ),
    cuts=st.lists(st.integers(0, 200), max_size=20),
)
def test_however_a_text_is_cut_it_is_restored_the_same(parts: list[str], cuts: list[int]) -> None:
    said = "".join(parts)
    ends = sorted({min(cut, len(said)) for cut in cuts} | {len(said)})
    chunks = [said[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    made = restoring()
    events = [out for one in chunks for out in made.passes(TextDelta(one))] + made.end()
    assert words(events) == said.replace(FIRST, KNOWN[FIRST]).replace(SECOND, KNOWN[SECOND])
    assert made.restored == said.count(FIRST) + said.count(SECOND)


@settings(max_examples=100, deadline=None)
@given(
    texts=st.lists(st.text(max_size=12), min_size=1, max_size=6),
    secret=st.text(st.characters(exclude_characters="[]"), min_size=1, max_size=20),
    size=st.integers(1, 7),
)
def test_what_is_redacted_and_restored_is_what_it_was(
    texts: list[str], secret: str, size: int
) -> None:
    text = secret.join(texts)
    starts = [sum(map(len, texts[:n])) + (n - 1) * len(secret) for n in range(1, len(texts))]
    found = [Finding("d", "Kind of it!", "/a/0", at, at + len(secret)) for at in starts]
    made = redact({"a": [text]}, found, lambda one: NAMES("team", one))
    (said,) = made.body["a"]
    restored = Restoring(Placeholders(made.originals, addresses=True))
    chunks = [TextDelta(said[at : at + size]) for at in range(0, len(said), size)]
    assert words(restored.whole(chunks)) == text
    assert made.replaced.get("Kind of it!", 0) == len(starts)


def test_what_could_be_a_placeholder_is_held_back_and_no_more() -> None:
    made = restoring()
    assert words(made.passes(TextDelta("see [[redacted:em"))) == "see "
    assert words(made.passes(TextDelta("ail:zz"))) == "[[redacted:email:zz"
    assert made.end() == []


def test_thousands_of_placeholders_cost_no_more_than_a_few() -> None:
    known = {f"[[redacted:key:{NAMES('team', str(at))}]]": str(at) for at in range(5_000)}
    made = Restoring(Placeholders(known))
    began = time.perf_counter()
    said = "".join(known) + "[[redacted:" * 20_000 + "[" * 20_000
    assert words(made.whole([TextDelta(said)])) == "".join(known.values()) + said[-240_000:]
    assert time.perf_counter() - began < SECONDS_MAX


def test_what_is_held_back_comes_before_what_is_not_more_of_it() -> None:
    began = ToolCallBegan(0, "c", "look")
    for other in (began, Stopped("end"), ThinkingDelta("hm")):
        made = restoring()
        made.passes(TextDelta("a [["))
        assert made.passes(other) == [TextDelta("[["), other]
    made = restoring(tools=True)
    made.passes(TextDelta("a [["))
    assert made.passes(ToolCallDelta(0, "{")) == [TextDelta("[["), ToolCallDelta(0, "{")]


def test_usage_between_two_chunks_cuts_nothing() -> None:
    made = restoring()
    used = Used(Tokens(1, 1))
    events = [*made.passes(TextDelta(FIRST[:9])), *made.passes(used)]
    events += [*made.passes(TextDelta(FIRST[9:])), *made.end()]
    assert events == [used, TextDelta(KNOWN[FIRST])]


def test_calls_that_are_told_in_turns_are_restored_each() -> None:
    made = restoring(tools=True)
    events: list[Event] = []
    for piece in (FIRST[:20], FIRST[20:]):
        for index in (0, 1):
            events += made.passes(ToolCallDelta(index, piece))
    assert [(one.index, one.fragment) for one in events] == [(0, KNOWN[FIRST]), (1, KNOWN[FIRST])]


@pytest.mark.parametrize("tools", [False, True])
def test_arguments_stay_json_whatever_is_restored_in_them(tools: bool) -> None:
    said = msgspec.json.encode({"q": f"a {SECOND}"}).decode()
    events = restoring(tools=tools).whole(
        [ToolCallDelta(0, said[:12]), ToolCallDelta(0, said[12:])]
    )
    asked = msgspec.json.decode(fragments(events))["q"]
    assert asked == f"a {KNOWN[SECOND] if tools else SECOND}"


def test_what_a_model_thinks_is_never_touched() -> None:
    thought = ThinkingDelta(FIRST)
    assert restoring(tools=True).whole([thought]) == [thought]


def test_a_house_without_a_key_names_nothing() -> None:
    with pytest.raises(ValueError, match="no key"):
        nameless("team", "text")
