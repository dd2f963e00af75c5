"""Values that stand exactly where a bound is."""

from collections import Counter

import pytest

from gateway.classification.detectors.contacts import (
    PHONE_DIGITS_MAX,
    PHONE_DIGITS_MIN,
    is_ipv6,
    is_phone,
)
from gateway.classification.detectors.personal.national import (
    _is_belgian_day,
    is_french,
    is_italian,
)
from gateway.classification.detectors.secrets.scanner import _add
from gateway.classification.escapes import AROUND_CHARACTERS, spelled
from gateway.classification.label_files import READ_CHARS_MAX, _opened
from gateway.classification.parts import Part
from gateway.classification.patterns import _line
from gateway.classification.texts import Hit, Place, _spanned, join_texts
from gateway.classification.tool_calls import calls_in, results_in
from gateway.classification.unfolding import reading
from gateway.classification.unfolding.decoding import base64_bytes
from gateway.classification.unfolding.reading import media_kind, words_of_xml
from gateway.domain.decision import Finding
from gateway.policy.cases import Given

DIGITS = "4930123456789012345678"


@pytest.mark.parametrize(
    ("count", "is_one"),
    [
        (PHONE_DIGITS_MIN - 1, False),
        (PHONE_DIGITS_MIN, True),
        (PHONE_DIGITS_MAX, True),
        (PHONE_DIGITS_MAX + 1, False),
    ],
)
def test_a_telephone_number_is_neither_shorter_nor_longer(count: int, is_one: bool) -> None:
    assert is_phone(f"+{DIGITS[:count]}") is is_one


def test_an_address_has_so_many_groups_and_digits_at_least() -> None:
    assert is_ipv6("2a02:8071:b:c") is False
    assert is_ipv6("2a02:8071:0b70:7400::1")


@pytest.mark.parametrize("apart", ["", " ", ".", "-"])
def test_a_french_number_may_be_written_with_any_mark_between(apart: str) -> None:
    parts = ("2", "55", "08", "14", "168", "025", "38")
    assert is_french(apart.join(parts))


@pytest.mark.parametrize(
    ("run", "said"), [(b"YWJj", b"abc"), (b"YWJjZ", b"abc"), (b"YWI", b"ab"), (b"YQ", b"a")]
)
def test_base64_is_read_whole_whatever_is_left_at_its_end(run: bytes, said: bytes) -> None:
    assert base64_bytes(run) == said


@pytest.mark.parametrize(
    ("brand", "kind"),
    [(b"heic", "image"), (b"mif1", "image"), (b"avif", "image"), (b"mp42", "video")],
)
def test_a_container_of_pictures_is_no_film(brand: bytes, kind: str) -> None:
    assert media_kind(b"\0\0\0\x18ftyp" + brand + b"\0" * 12) == kind


def test_so_many_tags_are_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "TAGS_MAX", 3)
    assert words_of_xml(b"<a>x<b>y<c>z") == b"xyz"
    assert words_of_xml(b"<a>x<b>y<c>z<d>") is None


def test_what_a_case_finds_stands_at_no_place() -> None:
    given = Given(findings=["secrets/aws"])
    assert given.found == (Finding("secrets", "aws", "", 0, 0),)


@pytest.mark.parametrize(
    ("digits", "is_one"),
    [
        ("850132", False),
        ("850131", True),
        ("850431", False),
        ("850015", True),
        ("850032", False),
        ("850100", True),
        ("851200", True),
        ("851300", False),
        ("850000", True),
        ("852131", True),
        ("854015", True),
        ("000229", True),
        ("010229", False),
    ],
)
def test_a_belgian_birthday_may_lack_month_or_day(digits: str, is_one: bool) -> None:
    assert _is_belgian_day(digits) is is_one


def test_what_stands_around_codes_is_read_also_at_the_beginning() -> None:
    apart = "x" * (3 * AROUND_CHARACTERS)
    text = f"\\u0041{apart}\\u0042{apart}"
    second = text.index("\\u0042")
    assert list(spelled(text)) == [
        (0, AROUND_CHARACTERS),
        (second - AROUND_CHARACTERS, second + AROUND_CHARACTERS),
    ]
    touching = "\\u0041" + "x" * (2 * AROUND_CHARACTERS - len("\\u0041")) + "\\/"
    assert list(spelled(touching)) == [(0, 3 * AROUND_CHARACTERS)]
    assert len(list(spelled("x" + touching.replace("xx", "xxx", 1)))) == 2
    assert list(spelled("no codes")) == []


def test_a_long_answer_of_a_tool_is_read_as_it_is() -> None:
    told = '["restricted", "{}"]'
    room = READ_CHARS_MAX - len(told.format(""))
    assert _opened(told.format("x" * room)) == "restricted"
    assert _opened(told.format("x" * (room + 1))).startswith("[")
    assert _opened('{"text": "restricted"}') == "restricted"
    assert _opened('"restricted"') == '"restricted"'


@pytest.mark.parametrize(
    ("buffer", "line"),
    [
        (b"above\nsome words", b"some words"),
        (b"above\n  some words: ", b"some words"),
        (b'the key": "some words"', b"some words"),
        (b'the key": "above\nsome words', b"some words"),
        (b'above\nthe key": "some words', b"some words"),
    ],
)
def test_a_mark_speaks_of_the_line_or_the_value_that_it_ends(buffer: bytes, line: bytes) -> None:
    start, stop = _line(buffer, len(buffer))
    assert buffer[start:stop] == line


def test_a_span_is_widened_to_whole_characters_and_may_end_a_text() -> None:
    part = Part(0, 0, "aäb".encode())
    assert _spanned("/x", part, (2, 3), (0, 4)) == Place("/x", 1, 2)
    assert _spanned("/x", part, (1, 3), (0, 4)) == Place("/x", 1, 2)
    assert _spanned("/x", part, (0, 4), (0, 4)) == Place("/x", 0, 3)
    assert _spanned("/x", part, (4, 4), (0, 4)) == Place("/x", 3, 3)
    assert _spanned("/x", part, (2, 3), (1, 3)) == Place("/x", 0, 1)


def test_places_that_are_asked_for_out_of_order_are_the_same() -> None:
    body = {"a": "xä" * 30, "b": ["ß" * 9, "plain"]}
    asked = [(start, start + 2) for start in range(3, len(join_texts(body).buffer) - 4)]
    joined = join_texts(body)
    places = [joined.place(*span) for span in asked]
    assert places == [join_texts(body).place(*span) for span in asked]
    assert [joined.place(*span) for span in reversed(asked)] == places[::-1]


@pytest.mark.parametrize("role", ["tool", "function"])
def test_a_tool_answers_in_a_role_of_its_own(role: str) -> None:
    told = {"role": role, "name": "read", "content": "42"}
    assert list(results_in(told, Counter())) == [(("name read", 1), "42")]
    assert list(results_in(told | {"role": "user"}, Counter())) == []


@pytest.mark.parametrize("spelt", [("functionCall", "args"), ("function_call", "arguments")])
def test_a_call_has_the_key_of_its_id_where_it_has_one(spelt: tuple[str, str]) -> None:
    name, arguments = spelt
    called = {name: {"id": "7", "name": "read", arguments: {"path": "x"}}}
    assert list(calls_in(called, Counter())) == [(("id 7", 0), {"path": "x"})]
    del called[name]["id"]
    assert list(calls_in(called, Counter())) == [(("name read", 1), {"path": "x"})]


@pytest.mark.parametrize(("year", "letters"), [("92", 1), ("93", 0), ("84", 1), ("00", 1)])
def test_an_italian_birthday_is_one_of_its_year(year: str, letters: int) -> None:
    codes = [f"RSSMRA{year}B29H501{chr(one)}" for one in range(ord("A"), ord("Z") + 1)]
    assert sum(map(is_italian, codes)) == letters


def test_hits_that_overlap_are_one_and_those_that_touch_are_two() -> None:
    hits: list[Hit] = []
    for start, end in ((0, 4), (3, 9), (9, 12), (10, 11)):
        _add(hits, Hit("key", start, end))
    _add(hits, Hit("other", 11, 13))
    assert [(hit.kind, hit.start, hit.end) for hit in hits] == [
        ("key", 0, 9),
        ("key", 9, 12),
        ("other", 11, 13),
    ]
