"""Decoding: every problem with its pointer, and no value that is not of its type."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from gateway.config.decode import decode, value_at
from gateway.config.entries import decode_entries
from gateway.config.files import load_text
from gateway.config.forms import form
from gateway.config.nearest import guess, nearest
from gateway.domain.document import Document


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, form("[a-z]+", "abc")]
    port: Annotated[int, Meta(ge=1, le=9)] = 1


class Outer(Struct, frozen=True, forbid_unknown_fields=True):
    inner: Inner
    inners: Annotated[tuple[Inner, ...], Meta(min_length=1, max_length=2)] = (Inner("a"),)
    by_name: dict[Annotated[str, form("[a-z]+", "abc")], Inner] = {}
    words: frozenset[Literal["x", "y"]] = frozenset()
    colour: Colour = Colour.RED
    day: date | None = None
    ratio: Annotated[float, Meta(ge=0)] = 0.0
    small: Annotated[int, Meta(le=3)] = 0
    flag: bool = False
    file: Path | None = None
    either: str | list[str] | int = ""
    text: Annotated[str, Meta(min_length=1, max_length=3)] = "a"
    anything: Any = None
    entries: Annotated[tuple[int, ...], Meta(min_length=2)] = (1, 2)
    nothing: None = None


def decoded(text: str, kind: type = Outer):
    problems: list = []
    value = decode(load_text(text, "f.yaml"), kind, problems)
    return value, [str(problem) for problem in problems]


def complaint(text: str) -> str:
    """Return the one problem of an Outer whose `inner` is right."""
    value, problems = decoded(f"inner: {{name: a}}\n{text}")
    assert value is None
    (problem,) = problems
    assert problem.startswith("f.yaml:2: ")
    return problem.removeprefix("f.yaml:2: ")


def test_a_right_document_becomes_its_type():
    value, problems = decoded(
        "inner: {name: a, port: 9}\nby_name: {b: {name: c}}\nwords: [x]\ncolour: blue\n"
        "day: 2026-11-20\nratio: 2\nflag: true\nfile: a/b\neither: [p, q]\nanything: {z: [1]}\n"
    )
    assert problems == []
    assert value == Outer(
        inner=Inner("a", 9),
        by_name={"b": Inner("c")},
        words=frozenset({"x"}),
        colour=Colour.BLUE,
        day=date(2026, 11, 20),
        ratio=2.0,
        flag=True,
        file=Path("a/b"),
        either=["p", "q"],
        anything={"z": [1]},
    )


def test_null_stands_where_the_type_says_so():
    value, problems = decoded("inner: {name: a}\nday: null\nfile: ~\nnothing: null\n")
    assert (value.day, value.file, problems) == (None, None, [])


def test_all_problems_are_told_at_once_with_line_and_pointer():
    _, problems = decoded(
        "inner:\n  named: a\n  port: 10\ninners:\n  - {name: A}\n  - {name: b, port: '2'}\n"
        "flag: NO\nday: tomorrow\n"
    )
    assert problems == [
        "f.yaml:2: /inner/named: unknown key `named` (did you mean `name`?)",
        "f.yaml:1: /inner: `name` is missing",
        "f.yaml:3: /inner/port: must be a whole number from 1 to 9",
        "f.yaml:5: /inners/0/name: must be text such as abc",
        "f.yaml:6: /inners/1/port: must be a whole number from 1 to 9, not text "
        "(take off the quotes)",
        "f.yaml:8: /day: must be a date such as 2026-11-20, not text",
        "f.yaml:7: /flag: must be true or false, not text",
    ]


def test_adv_63_a_misspelt_key_is_refused_and_the_known_ones_are_named():
    assert complaint("word: []\n").startswith("/word: unknown key `word` (did you mean `words`?)")
    assert "known: anything, by_name" in complaint("zzzzzzzz: 1\n")


WRONG = {
    "inners: []": "/inners: must not be empty",
    "inners: [{name: a}, {name: a}, {name: a}]": "/inners: must have at most 2 entries",
    "inners: {name: a}": "/inners: must be a list, not a map",
    "inners: null": "/inners: must be a list, not null",
    "entries: [1]": "/entries: needs at least 2 entries",
    "by_name: []": "/by_name: must be a map, not a list",
    "by_name: {B: {name: a}}": "/by_name/B: must be text such as abc",
    "words: [x, x]": "/words/1: stands twice in the list",
    "words: [z]": "/words/0: must be one of x, y",
    "colour: reed": "/colour: must be one of red, blue (did you mean `red`?)",
    "colour: 3": "/colour: must be one of red, blue, not a whole number (put it in quotes)",
    "day: 2026-13-01": "/day: must be a date such as 2026-11-20, not text",
    "day: '20261120'": "/day: must be a date such as 2026-11-20, not text",
    "day: 3": "/day: must be a date such as 2026-11-20, not a whole number",
    "ratio: -0.5": "/ratio: must be a number of at least 0",
    "ratio: true": "/ratio: must be a number of at least 0, not true or false",
    "small: 4": "/small: must be a whole number of at most 3",
    "small: true": "/small: must be a whole number of at most 3, not true or false",
    "small: 1.0": "/small: must be a whole number of at most 3, not a number",
    "flag: 1": "/flag: must be true or false, not a whole number",
    "flag: on": "/flag: must be true or false, not text",
    "file: ''": "/file: must be text",
    "file: 1": "/file: must be text, not a whole number (put it in quotes)",
    "either: {a: 1}": "/either: must be text or a list or a whole number, not a map",
    "either: [1]": "/either/0: must be text, not a whole number (put it in quotes)",
    "either: null": "/either: must be text or a list or a whole number, not null",
    "text: ''": "/text: must be text",
    "text: abcd": "/text: must be text",
    "text: 1.5": "/text: must be text, not a number (put it in quotes)",
    "nothing: 1": "/nothing: must be null, not a whole number",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_value_is_told_in_words(text):
    assert complaint(text) == WRONG[text]


def test_a_line_feed_at_the_end_does_not_fit_a_form():
    assert complaint('by_name: {a: {name: "a\\n"}}').startswith("/by_name/a/name: must be text")


def test_a_document_of_another_shape_is_refused():
    assert decoded("[1]") == (None, ["f.yaml:1: must be a map, not a list"])


def test_what_only_the_conversion_finds_is_a_problem_too():
    class Even(Struct, frozen=True):
        number: int

        def __post_init__(self) -> None:
            if self.number % 2:
                raise ValueError("odd")

    value, problems = decoded("number: 3", Even)
    assert value is None
    assert problems == ["f.yaml:1: odd"]


def test_a_part_of_a_document_can_be_decoded():
    document = load_text("a/b:\n  - {name: x}\n  - {name: Y}\n", "f.yaml")
    problems: list = []
    assert decode(document, Inner, problems, "/a~1b/0") == Inner("x")
    assert decode(document, Inner, problems, "/a~1b/1") is None
    assert [str(problem) for problem in problems] == [
        "f.yaml:3: /a~1b/1/name: must be text such as abc"
    ]
    assert value_at(document.value, "") == document.value


class File(Struct, frozen=True, forbid_unknown_fields=True):
    things: dict[str, Inner]


def test_one_wrong_entry_does_not_hide_the_others():
    problems: list = []
    document = load_text("things: {a: {name: a}, b: {name: 3}, c: {name: c}}\n", "f.yaml")
    found = decode_entries(document, File, "things", Inner, problems)
    assert found == {"a": Inner("a"), "c": Inner("c")}
    assert len(problems) == 1


@pytest.mark.parametrize("text", ["[]", "things: []", "things: null", "{}", "stuff: {}"])
def test_a_file_without_its_map_has_no_entries(text):
    problems: list = []
    assert decode_entries(load_text(text, "f.yaml"), File, "things", Inner, problems) == {}
    assert problems


def test_the_nearest_name_is_found_and_far_ones_are_not():
    assert nearest("claud-opus", ["claude-opus", "qwen"]) == "claude-opus"
    assert nearest("zzz", ["claude-opus"]) is None
    assert nearest("zzz", ["claude-opus"], likeness_min=0.0) == "claude-opus"
    assert nearest("x" * 100_000, ["claude-opus"]) is None


def test_a_guess_lists_few_names_and_says_how_many_more_there_are():
    assert guess("zzz", []) == ""
    assert guess("zzz", [f"name-{n:02}" for n in range(14)]).endswith("name-11 and 2 more")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-20, 20)
    | st.text("abx19-:/", max_size=4)
    | st.floats(-2, 2),
    lambda v: (
        st.lists(v, max_size=3)
        | st.dictionaries(
            st.sampled_from([*Outer.__struct_fields__, "name", "port"]), v, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(Outer.__struct_fields__), PLAIN, max_size=5))
def test_what_is_accepted_converts_and_what_converts_wrongly_is_told(value):
    """The walk is at least as strict as msgspec, and never fails otherwise."""
    problems: list = []
    found = decode(Document("f", value), Outer, problems)
    assert (found is None) == bool(problems)
    if found is not None:
        hook = {"dec_hook": lambda _kind, text: Path(text)}
        assert msgspec.convert(value, Outer, **hook) == found
