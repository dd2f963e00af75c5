from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.classification import texts
from gateway.classification.parts import EDGE, SEPARATOR
from gateway.classification.texts import Place, TextsExceededError, join_texts


def placed(body: dict[str, Any], needle: str, after: str = "") -> Place:
    joined = join_texts(body)
    start = joined.buffer.index(needle.encode(), joined.buffer.index(after.encode()))
    return joined.place(start, start + len(needle.encode()))


def strings_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from strings_of(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings_of(member)
    elif isinstance(value, str):
        yield value


def test_the_buffer_begins_and_ends_with_an_edge() -> None:
    buffer = join_texts({"a": ["x"]}).buffer
    assert buffer.startswith(SEPARATOR)
    assert buffer.endswith(SEPARATOR)


def test_an_empty_body_has_no_texts() -> None:
    assert join_texts({}).buffer == SEPARATOR


def test_a_string_is_found_in_every_part_of_a_body() -> None:
    body = {
        "model": "needle0",
        "unknown_field": {"deep": [[["needle1"]]]},
        "tools": [{"input_schema": {"properties": {"p": {"enum": ["needle2"]}}}}],
        "messages": [{"content": [{"type": "tool_result", "content": [{"text": "needle3"}]}]}],
        "metadata": {"needle4": 1},
        "stop": ["needle5"],
        "logit_bias": {"needle6": 0.5},
    }
    buffer = join_texts(body).buffer
    assert all(f"needle{number}".encode() in buffer for number in range(7))


def test_numbers_booleans_and_null_are_no_texts() -> None:
    assert join_texts({"a": [1, 2.5, True, None]}).buffer == b"\n\xff\na\n\xff\n"


def test_a_long_number_is_a_text_with_its_key_and_a_place() -> None:
    joined = join_texts({"card": 4012000033330026, "list": [10_000_000, -20_000_001, 9_999_999]})
    for number, path, end in (
        (b"4012000033330026", "/card", 16),
        (b"10000000", "/list/0", 8),
        (b"-20000001", "/list/1", 9),
    ):
        at = joined.buffer.index(number)
        assert joined.place(at, at + len(number)) == Place(path, 0, end)
    assert b'card": "4012' in joined.buffer
    assert b"9999999" not in joined.buffer


def test_a_whole_number_with_a_point_is_one_a_fraction_is_none_and_a_huge_one_stays_short() -> None:
    joined = join_texts({"a": [4e15, 1e300, 1_700_000_000.25]})
    assert b"4000000000000000\n" in joined.buffer
    assert b"1e+300" in joined.buffer
    assert b"1700000000" not in joined.buffer


def test_a_key_and_its_string_read_as_one_assignment() -> None:
    assert b'\n\xff\nAPI_TOKEN": "abc\n\xff\n' in join_texts({"API_TOKEN": "abc"}).buffer


def test_two_strings_are_never_neighbours() -> None:
    assert b"ab" not in join_texts({"x": ["a", "b"], "y": {"c": "a"}, "z": {"b": "d"}}).buffer


def test_a_place_is_a_pointer_and_characters() -> None:
    body = {"messages": [{}, {"content": "äö needle ü"}]}
    assert placed(body, "needle") == Place("/messages/1/content", 3, 9)


def test_a_place_in_a_list_of_strings() -> None:
    assert placed({"stop": ["x", "y needle"]}, "needle") == Place("/stop/1", 2, 8)


def test_a_place_counts_characters_of_several_bytes_as_one() -> None:
    body = {"content": "\N{GRINNING FACE}漢needle"}
    assert placed(body, "needle") == Place("/content", 2, 8)


def test_a_span_that_cuts_a_character_is_widened_to_it() -> None:
    joined = join_texts({"content": "a漢b"})
    start = joined.buffer.index("漢".encode())
    assert joined.place(start + 1, start + 2) == Place("/content", 1, 2)


def test_a_place_in_a_key_is_its_position_and_not_its_text() -> None:
    body = {"metadata": {"plain": "x", "needle-9f8e7d": ["y"]}}
    place = placed(body, "needle-9f8e7d")
    assert place == Place("/metadata/#1#", 0, 13)


def test_a_place_in_a_key_whose_value_is_a_string_means_the_key() -> None:
    assert placed({"needle": "x" * 20}, "needle") == Place("/#0#", 0, 6)


def test_a_value_below_a_key_that_is_no_plain_word_hides_the_key() -> None:
    body = {"people": {"Ann Example <ann@example.com>": {"note": "a needle"}}}
    assert placed(body, "needle") == Place("/people/#0/note", 2, 8)


def test_a_value_of_a_key_that_is_no_plain_word_hides_the_key() -> None:
    assert placed({"K3Y_9F8E": "a needle"}, "needle") == Place("/#0", 2, 8)


@pytest.mark.parametrize("key", ["content", "tool_calls", "inputSchema", "$ref", "max-tokens"])
def test_plain_words_are_shown(key: str) -> None:
    assert placed({key: ["needle"]}, "needle").path == f"/{key}/0"


@pytest.mark.parametrize("key", ["AKIA2OGYBAH6QLOIZK3Z", "a/b", "~", "", "ghp_16C7e42F", "a" * 99])
def test_other_keys_are_numbered(key: str) -> None:
    assert placed({key: ["needle"]}, "needle").path == "/#0/0"


def test_a_span_over_key_and_value_means_the_value() -> None:
    joined = join_texts({"token": "abc"})
    start = joined.buffer.index(b"token")
    assert joined.place(start, start + len('token": "abc')) == Place("/token", 0, 3)


def test_a_span_that_swallowed_the_separator_is_clipped() -> None:
    joined = join_texts({"x": ["abc", "def"]})
    start = joined.buffer.index(b"abc")
    assert joined.place(start, start + len(b"abc" + SEPARATOR)) == Place("/x/0", 0, 3)


def test_the_first_and_the_last_byte_have_places() -> None:
    joined = join_texts({"x": ["abc", "def"]})
    first, last = joined.buffer.index(b"a"), joined.buffer.index(b"f")
    assert joined.place(first, first + 1) == Place("/x/0", 0, 1)
    assert joined.place(last, last + 1) == Place("/x/1", 2, 3)


def test_equal_strings_have_places_of_their_own() -> None:
    body = {"x": ["needle", "needle"]}
    joined = join_texts(body)
    first = joined.buffer.index(b"needle")
    second = joined.buffer.index(b"needle", first + 1)
    paths = [joined.place(start, start + 6).path for start in (first, second)]
    assert paths == ["/x/0", "/x/1"]


def test_a_lone_surrogate_neither_fails_nor_fakes_an_edge() -> None:
    joined = join_texts({"content": "a\udcffb \ud800 needle"})
    assert joined.buffer.count(EDGE) == 2
    start = joined.buffer.index(b"needle")
    assert joined.place(start, start + 6) == Place("/content", 6, 12)


def test_deep_nesting_does_not_recurse() -> None:
    value: Any = "needle"
    for _ in range(50_000):
        value = [value]
    assert placed({"x": value}, "needle").path.count("/0") == 50_000


def test_too_many_strings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "TEXTS_MAX", 3)
    join_texts({"x": ["a", "b"]})
    with pytest.raises(TextsExceededError):
        join_texts({"x": ["a", "b", "c"]})


def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(join_texts({"x": "a" * 50}).buffer)
    monkeypatch.setattr(texts, "JOINED_BYTES_MAX", size)
    join_texts({"x": "a" * 50})
    with pytest.raises(TextsExceededError):
        join_texts({"x": "a" * 51})


def test_joined_texts_do_not_print_the_prompt() -> None:
    joined = join_texts({"content": "a very private prompt"})
    assert "private" not in repr(joined) + str(joined)
    assert "1 texts" in repr(joined)


BODIES = st.dictionaries(
    st.text(max_size=6),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=12,
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(BODIES)
def test_every_string_stands_whole_between_edges(body: dict[str, Any]) -> None:
    parts = join_texts(body).buffer.split(SEPARATOR)
    whole = {part.decode("utf-8", "surrogatepass") for part in parts}
    split = {half for part in whole for half in part.split(texts.ASSIGNS)}
    assert all(text in whole | split or texts.ASSIGNS in text for text in strings_of(body))


@settings(max_examples=60, deadline=None)
@given(BODIES, st.data())
def test_every_span_has_a_place_inside_a_string(body: dict[str, Any], data: st.DataObject) -> None:
    joined = join_texts({"first": "x", **body})
    start = data.draw(st.integers(3, len(joined.buffer) - 4))
    end = data.draw(st.integers(start + 1, len(joined.buffer) - 3))
    place = joined.place(start, end)
    assert place.path.startswith("/")
    assert 0 <= place.start <= place.end <= len(joined.buffer)
