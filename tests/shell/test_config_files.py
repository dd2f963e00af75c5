"""The strict loader: one reading of every file, or every problem of it at once."""

import os
import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import files
from gateway.config.files import load, load_bytes, load_text
from gateway.domain.errors import ConfigError


def problems_of(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError) as caught:
        load_bytes(data, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


def value_of(text: str):
    return load_text(text, "f.yaml").value


def test_adv_60_norway_stays_a_country():
    assert value_of("regions: [SE, NO, DK]") == {"regions": ["SE", "NO", "DK"]}
    assert value_of("NO: 1\non: 2\nyes: 3") == {"NO": 1, "on": 2, "yes": 3}


@pytest.mark.parametrize(
    "word", ["NO", "no", "No", "on", "On", "OFF", "off", "yes", "Yes", "y", "n"]
)
def test_adv_60_the_booleans_of_yaml_1_1_are_text(word):
    assert value_of(f"a: {word}") == {"a": word}


def test_true_false_and_null_are_what_they_say():
    assert value_of("[true, false, null, ~]") == [True, False, None, None]
    assert value_of("['true', \"null\", '~', '1']") == ["true", "null", "~", "1"]


@pytest.mark.parametrize("word", ["True", "TRUE", "False", "FALSE", "Null", "NULL", "nuLL", "tRue"])
def test_adv_60_other_spellings_of_true_false_and_null_are_refused(word):
    (problem,) = problems_of(f"version: 1\na: {word}\n")
    assert problem == f"f.yaml:2: /a: write {word.lower()}, or put the word in quotes"


@pytest.mark.parametrize("number", [0, 7, -3, 12, 9007199254740991])
def test_plain_decimal_integers_are_numbers(number):
    assert value_of(f"a: {number}") == {"a": number}
    assert type(value_of(f"a: {number}")["a"]) is int


def test_plain_decimal_fractions_are_numbers():
    assert value_of("[0.5, -12.25, 3.0]") == [0.5, -12.25, 3.0]


@pytest.mark.parametrize(
    "word",
    ["012", "0o14", "0x1f", "0b1", "1_000", "+1", "-0", "12:30:45", "1:30", "1e3", "1.5e3", ".5",
     "1.", "1_0.5", ".inf", "-.INF", ".nan", "00", "-012", "9007199254740992", "1" * 33,
     "1" * 5000, "1" * 400 + ".0"],
)  # fmt: skip
def test_adv_60_what_another_reader_takes_for_a_number_is_refused(word):
    (problem,) = problems_of(f"a: 1\nb: {word}\n")
    assert problem.startswith("f.yaml:2: /b: ")


DATES_AND_ADDRESSES = [
    "2026-11-20",
    "2026-11-20T10:00:00Z",
    "10.0.0.0/8",
    "127.0.1.1",
    "v1",
    "1.2.3",
    "::1",
    "14b",
    "qwen:14b",
    "a=b",
    "=",
    "1,5",
]


@pytest.mark.parametrize("word", DATES_AND_ADDRESSES)
def test_adv_60_dates_and_addresses_are_text(word):
    assert value_of(f"a: {word}") == {"a": word}


def test_numbers_in_quotes_are_text():
    assert value_of("['012', \"1_000\", '1e3']") == ["012", "1_000", "1e3"]


def test_an_empty_value_is_refused():
    found = problems_of("a:\nb: [1, ]\nc:\n  - \n")
    assert [problem.partition(": ")[0] for problem in found] == ["f.yaml:1", "f.yaml:4"]
    assert "write null" in found[0]


def test_adv_61_the_second_of_two_equal_keys_is_refused():
    (problem,) = problems_of("rules:\n  - effect: deny\n    id: x\n    effect: permit\n")
    assert problem == "f.yaml:4: /rules/0/effect: the key stands twice (first on line 2)"


def test_adv_61_equal_keys_are_found_whatever_their_quotes():
    assert "stands twice" in problems_of("a: 1\n'a': 2\n")[0]
    assert "stands twice" in problems_of('{"a": 1, "\\x61": 2}')[0]


def test_the_same_key_in_two_maps_is_no_problem():
    assert value_of("a: {b: 1}\nc: {b: 2}") == {"a": {"b": 1}, "c": {"b": 2}}


def test_adv_62_anchors_aliases_and_merge_keys_are_refused():
    found = problems_of("base: &b {x: 1}\ncopy: *b\nmerged:\n  <<: {y: 1}\n")
    assert found == [
        "f.yaml:1: /base: an anchor (write the value out where it is needed)",
        "f.yaml:2: /copy: an alias (write the value out)",
        "f.yaml:4: /merged: a merge key",
    ]


def test_adv_62_an_alias_bomb_is_refused_without_being_unfolded():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    found = problems_of("\n".join(lines))
    assert len(found) <= files.PROBLEMS_MAX + 1
    assert any("an alias" in problem for problem in found)


TAGGED = (
    "a: !!str 1",
    "a: !x 1",
    "a: ! 1",
    "!!map {a: 1}",
    "a: !!python/object/apply:os.system ['true']",
    "!<tag:x> a: 1",
    "a: !!binary aGk=",
)


@pytest.mark.parametrize("text", TAGGED)
def test_adv_62_tags_are_refused(text):
    assert any("a tag" in problem or "tag" in problem for problem in problems_of(text))


def test_adv_62_a_tag_or_an_anchor_on_a_key_is_refused():
    assert problems_of("&k a: 1") == [
        "f.yaml:1: an anchor (write the value out where it is needed)"
    ]
    assert problems_of("!!str a: 1") == ["f.yaml:1: a tag (types come from the schema)"]


def test_adv_62_a_second_document_is_refused():
    assert problems_of("a: 1\n---\nb: 2\n") == ["f.yaml:2: a second document in one file"]
    assert value_of("---\na: 1\n...\n") == {"a": 1}


@pytest.mark.parametrize("directive", ["%YAML 1.1", "%YAML 1.2", "%TAG ! tag:x,2000:"])
def test_directives_are_refused(directive):
    assert "directive" in problems_of(f"{directive}\n---\na: 1\n")[0]


@pytest.mark.parametrize(
    "key", ["1", "true", "null", "~", "1.5", "012", "? [a]\n", "? {a: 1}\n", "''"]
)
def test_a_key_that_is_not_text_is_refused(key):
    found = problems_of(f"{key} : 1\n" if not key.startswith("?") else f"{key}: 1\n")
    assert "key" in found[0]


def test_a_key_in_quotes_is_text():
    assert value_of("'1': a\n\"true\": b") == {"1": "a", "true": "b"}


@pytest.mark.parametrize(
    "key", ["\u0441onfidential", "\uff50ublic", "naïve", '"a\\u200bb"', '"a\\tb"']
)
def test_a_key_must_be_printable_ascii_and_is_not_repeated(key):
    (problem,) = problems_of(f"{key}: 1\n")
    assert problem == "f.yaml:1: a key that is not printable ASCII"


def test_a_key_may_not_be_longer_than_the_limit():
    assert "longer" in problems_of(f"? {'k' * (files.KEY_CHARS_MAX + 1)}\n: 1\n")[0]


def test_a_byte_order_mark_is_refused():
    for bom in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        assert problems_of(bom + b"a: 1") == ["f.yaml:1: the file starts with a byte order mark"]


def test_bytes_that_are_not_utf_8_are_refused_with_their_line():
    assert problems_of(b"a: 1\nb: \xff\n") == ["f.yaml:2: the file is not UTF-8"]
    assert "U+0000" in problems_of("a: 1".encode("utf-16-le"))[0]


def test_a_tab_is_refused_wherever_it_stands():
    assert problems_of("a: 1 # x\ty\nb:\n\t- 1\n") == [
        "f.yaml:1: a tab (write spaces)",
        "f.yaml:3: a tab (write spaces)",
    ]


UNSEEN = (0x01, 0x0D, 0x7F, 0x85, 0xAD, 0x200B, 0x200D, 0x200E, 0x202E, 0x2028, 0x2066, 0xFEFF)


@pytest.mark.parametrize("code_point", [*UNSEEN, 0xE000, 0xE0041])
def test_unseen_characters_are_refused_raw_and_escaped(code_point):
    name = f"U+{code_point:04X}"
    assert any(name in problem for problem in problems_of(f"a: 1\nb: 'x{chr(code_point)}y'\n"))
    escaped = problems_of(f'a: 1\nb: "x\\U{code_point:08X}y"\n')
    assert escaped == [f"f.yaml:2: /b: an escaped unseen character {name}"]


def test_letters_of_any_script_may_stand_in_values():
    assert value_of("reason: får inte lämna huset, 社外秘 🔒") == {
        "reason": "får inte lämna huset, 社外秘 🔒"
    }


def test_line_ends_of_windows_are_read():
    document = load_bytes(b"a: 1\r\nb: 2\r\n", "f.yaml")
    assert (document.value, document.line("/b")) == ({"a": 1, "b": 2}, 2)


def test_an_empty_file_is_refused():
    for text in ("", "\n\n", "# nothing\n", "---\n"):
        assert problems_of(text)


def test_a_file_over_the_limit_is_refused_and_one_at_the_limit_is_read():
    text = "a: '" + "x" * (files.FILE_BYTES_MAX - 5) + "'"
    assert len(value_of(text)["a"]) == files.FILE_BYTES_MAX - 5
    assert problems_of(text + " ") == [f"f.yaml:1: larger than {files.FILE_BYTES_MAX} bytes"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_is_bounded(opening):
    found = problems_of(opening * 5000)
    # The parser has a bound of its own, which some openings reach before ours.
    assert any("nested deeper than 16" in one or "nesting depth" in one for one in found)


def test_sixteen_levels_are_read():
    value = value_of("[" * 16 + "]" * 16)
    depth = 0
    while isinstance(value, list):
        value, depth = (value[0] if value else None), depth + 1
    assert depth == files.DEPTH_MAX


def test_the_number_of_values_is_bounded():
    assert "values" in problems_of("[" + "1," * (files.NODES_MAX + 1) + "]")[0]


def test_the_number_of_problems_is_bounded():
    found = problems_of("1: x\n" * 5000)
    assert len(found) == files.PROBLEMS_MAX + 1
    assert "and more" in found[-1]


def test_broken_yaml_has_a_line_and_repeats_nothing_of_the_file():
    (problem,) = problems_of("a: 1\npassword: hunter2: x\n")
    assert problem.startswith("f.yaml:2: ")
    assert "hunter2" not in problem


def test_all_problems_of_a_file_are_told_at_once_in_order_of_lines():
    found = problems_of("a: 012\nb: &x NO\nc: !t 1\na: 2\nd:\t5\ne:\n1: f\ng: *x\n")
    lines = [int(problem.split(":")[1]) for problem in found]
    assert lines == sorted(lines)
    assert set(lines) >= {1, 2, 3, 4, 5}


def test_problems_before_broken_yaml_are_told_with_it():
    assert len(problems_of("a: 012\nb: [1\nc: 2\n")) == 2


def test_every_value_has_its_line():
    document = load_text(
        "version: 1\nrules:\n  - id: a\n    when:\n      x/y: [1,\n        2]\n", "f"
    )
    assert document.line("/rules") == 2
    assert document.line("/rules/0/id") == 3
    assert document.line("/rules/0/when/x~1y") == 5
    assert document.line("/rules/0/when/x~1y/1") == 6
    assert document.line("/rules/0/when/missing") == 4


def test_a_file_is_read_from_disk_under_the_name_it_is_given(tmp_path: Path):
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n")
    assert load(path).file == str(path)
    assert load(path, "policy.yaml").file == "policy.yaml"
    assert load(path).value == {"a": 1}


def test_a_missing_file_a_folder_and_a_pipe_are_problems(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing.yaml", "", "pipe"):
        with pytest.raises(ConfigError, match="no such file"):
            load(tmp_path / name)


def test_a_file_that_cannot_be_opened_is_a_problem(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        load(tmp_path / ("x" * 300))


def test_a_lone_surrogate_is_refused():
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_text("a: \ud800", "f.yaml")


KEYS = st.text(string.ascii_letters, min_size=1, max_size=8)
WORDS = st.text(string.ascii_letters + string.digits + " .:/-_@#'\"{}[],&*!|>%?~\n", max_size=20)
LEAVES = WORDS | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | st.none()
VALUES = st.recursive(
    LEAVES, lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v, max_size=4), max_leaves=12
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_what_a_careful_writer_writes_is_read_back(value):
    text = (
        yaml.safe_dump(value, default_style='"', allow_unicode=True)
        if isinstance(value, str)
        else yaml.safe_dump(_quoted(value))
    )
    assert value_of(text) == value


@settings(max_examples=150, deadline=None)
@given(st.text(string.ascii_lowercase + string.digits + ":-[]{}#&*!|>'\"%@,?._~ \n\t", max_size=60))
def test_what_two_readers_accept_they_read_alike(text):
    """PyYAML's own parser, which shares no code with libyaml, is the other reader."""
    try:
        ours = value_of(text)
        theirs = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # it builds text only
    except (ConfigError, yaml.YAMLError):
        return
    assert _as_text(ours) == theirs


def _as_text(value):
    if isinstance(value, dict):
        return {key: _as_text(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_text(member) for member in value]
    if isinstance(value, str):
        return value
    return _Loose(value)


class _Loose:
    """A number, boolean or null that equals any text that it may have been written as."""

    def __init__(self, value) -> None:
        self.value = value

    def __eq__(self, text) -> bool:
        if self.value is None:
            return text in ("null", "~")
        if isinstance(self.value, bool):
            return text == str(self.value).lower()
        return isinstance(text, str) and float(text) == self.value

    __hash__ = None


class _Word(str):
    __slots__ = ()


yaml.SafeDumper.add_representer(
    _Word,
    lambda dumper, word: dumper.represent_scalar("tag:yaml.org,2002:str", str(word), style='"'),
)


def _quoted(value):
    if isinstance(value, dict):
        return {_Word(key): _quoted(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_quoted(member) for member in value]
    return _Word(value) if isinstance(value, str) else value
