from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.classification import escapes, texts
from gateway.classification.escapes import plain
from gateway.classification.texts import LAYERS_MAX, Place, TextsExceededError, join_texts
from tests.doubles.compiled_secrets import all_secrets
from tests.doubles.vendor_secrets import FORMATS, Draw

GITLAB = FORMATS["gitlab-pat"](Draw("escaped"))
SLACK = FORMATS["slack-webhook"](Draw("escaped"))


def coded(text: str) -> str:
    """The same text to whoever reads JSON, with its first letter spelled by its code."""
    return f"\\u{ord(text[0]):04x}{text[1:]}"


def written(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def calling(arguments: str) -> dict[str, Any]:
    function = {"name": "put", "arguments": arguments}
    call = {"id": "call_a", "type": "function", "function": function}
    return {"messages": [{"role": "assistant", "tool_calls": [call]}]}


ARGUMENTS = "/messages/0/tool_calls/0/function/arguments"


def found(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Kind and pointer of everything that raises."""
    joined = join_texts(body)
    hits = all_secrets().scan(joined.buffer).hits
    return sorted(
        {(hit.kind, joined.place(hit.start, hit.end).path) for hit in hits if not hit.tag_only}
    )


@pytest.mark.parametrize(
    "arguments",
    [
        '{"token":"' + coded(GITLAB) + '"}',
        ' \n[["' + coded(GITLAB) + '"]]',
        '"' + coded(GITLAB) + '"',
        '{"' + coded(GITLAB) + '":1}',
        '{"a":"' + coded(GITLAB) + '","a":"x"}',
        '{"a":"' + coded(GITLAB),
        '{"a":"' + coded(GITLAB) + '"} and more',
        '{"a":"\\ud800 ' + coded(GITLAB) + '"}',
        "Result: " + coded(GITLAB),
        written({"inner": '{"token":"' + coded(GITLAB) + '"}'}),
        written('{"token":"' + coded(GITLAB) + '"}'),
        '{"a":"' + GITLAB.replace("l", "\\u006C", 1) + '"}',
    ],
)
def test_a_token_spelled_by_codes_is_found_in_the_arguments_of_a_call(arguments: str) -> None:
    assert found(calling(arguments)) == [("gitlab-pat", ARGUMENTS)]


def test_a_webhook_with_escaped_slashes_is_found_in_the_arguments_of_a_call() -> None:
    url = SLACK.replace("/", "\\/")
    expected = [("slack-webhook-url", ARGUMENTS)]

    assert found(calling('{"url":"' + url + '"}')) == expected
    assert found(calling("post to " + url)) == expected


def test_a_token_is_found_in_escapes_wherever_a_string_may_stand() -> None:
    token = coded(GITLAB)

    assert found({"stop": [token]}) == [("gitlab-pat", "/stop/0")]
    assert found({"metadata": {token: 1}}) == [("gitlab-pat", "/metadata/#0#")]
    assert found({"metadata": {token: '{"a":"\\n"}'}}) == [("gitlab-pat", "/metadata/#0")]


def test_an_assignment_with_escaped_quotation_marks_is_read() -> None:
    line = 'api_token = "abc"'
    buffer = join_texts(calling(written({"content": line}))).buffer

    assert line.encode() in buffer
    assert b'content": "' + line.encode() in buffer


def test_strings_inside_of_a_string_have_edges_of_their_own() -> None:
    buffer = join_texts({"x": ['["\\u0061b","cd"]']}).buffer

    assert b"\n\xff\nab\n\xff\ncd\n\xff\n" in buffer


def test_the_place_of_what_was_hidden_is_the_whole_string() -> None:
    arguments = '{"ü":"\\u0061bcdef"}'
    joined = join_texts(calling(arguments))
    start = joined.buffer.index(b"abcdef")

    assert joined.place(start, start + 6) == Place(ARGUMENTS, 0, len(arguments))


def test_the_place_of_what_a_key_hid_is_the_whole_key() -> None:
    joined = join_texts({"x": {"\\u0061bcdef": []}})
    start = joined.buffer.index(b"abcdef")

    assert joined.place(start, start + 6) == Place("/x/#0#", 0, 11)


def test_what_hides_nothing_is_joined_once() -> None:
    body = {"a": ["C:\\new", "{}", '{"x": 1}', "a \\n b", "[no escapes]"]}

    assert join_texts(body).buffer.count(b"\xff") == 7


def nested(layers: int) -> str:
    text = '{"x":"' + coded(GITLAB) + '"}'
    for _ in range(layers - 1):
        text = written({"x": text})
    return text


@pytest.mark.parametrize("layers", range(1, LAYERS_MAX + 1))
def test_json_inside_of_json_is_read(layers: int) -> None:
    assert found({"y": nested(layers)}) == [("gitlab-pat", "/y")]


def test_json_that_is_nested_deeper_is_refused() -> None:
    with pytest.raises(TextsExceededError, match="layers"):
        join_texts({"y": nested(LAYERS_MAX + 1)})


def test_what_looks_like_escapes_and_is_none_is_joined_once() -> None:
    body = {"x": ["[\\d+]", '"\\u4e2d', "{\\s"]}

    assert join_texts(body).buffer.count(b"\xff") == 5


@pytest.mark.parametrize(
    ("bound", "most", "body"),
    [
        ("CODES_MAX", 4, {"x": "\\u0061" * 4}),
        ("CODES_MAX", 4, {"x": ["\\u0061"] * 4}),
        ("PLAIN_CHARACTERS_MAX", 9, {"x": "\\/\\/"}),
        ("TEXTS_MAX", 5, {"x": ['["a","b","\\n"]']}),
    ],
)
def test_more_than_is_ever_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, bound: str, most: int, body: dict[str, Any]
) -> None:
    monkeypatch.setattr(texts, bound, most)
    join_texts(body)
    monkeypatch.setattr(texts, bound, most - 1)
    with pytest.raises(TextsExceededError):
        join_texts(body)


def test_json_of_very_many_values_is_read_without_building_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(escapes, "MARKS_MAX", 3)

    assert b'\n\xff\n["ab",1,1,1]\n\xff\n' in join_texts({"x": ['["\\u0061b",1,1,1]']}).buffer


def test_very_deep_json_is_read_as_text() -> None:
    assert b"[ab" in join_texts({"x": ["[" * 10_000 + "\\u0061b"]}).buffer


@pytest.mark.parametrize(
    ("escaped", "read"),
    [
        ("\\u0067\\u006C", "gl"),
        ('\\"\\/\\n\\t\\r\\b\\f', '"/\n\t\r\b\f'),
        ("\\\\n", "\\n"),
        ("\\u005cn", "\\n"),
        ("\\\\u0067", "\\u0067"),
        ("\\u4e2d \\d \\", "\\u4e2d \\d \\"),
    ],
)
def test_one_layer_of_escapes_is_read(escaped: str, read: str) -> None:
    assert plain(escaped) == read


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
def test_every_string_of_json_is_read_as_it_was_written(text: str) -> None:
    joined = join_texts({"x": written([text, "\n"])}).buffer

    assert b"\n\xff\n" + text.encode() + b"\n\xff\n" in joined


def test_of_a_long_text_that_is_no_json_only_what_stands_around_codes_is_read() -> None:
    filling = "words of no weight, " * 2_000
    text = f"{filling}\\u0067lpat-{'x' * 20}{filling}https:\\/\\/hooks{filling}"
    buffer = join_texts({"x": text}).buffer
    assert b"glpat-" + b"x" * 20 in buffer
    assert b"https://hooks" in buffer
    assert len(buffer) < 1.1 * len(text)


def test_three_quotes_begin_a_text_of_python_and_no_json() -> None:
    text = '"""A module."""\nx = "\\n"'
    assert join_texts({"x": [text]}).buffer.count(b"A module") == 1


@pytest.mark.parametrize(("marks", "is_read"), [(49, True), (50, True), (51, False)])
def test_so_many_marks_of_json_are_read(
    monkeypatch: pytest.MonkeyPatch, marks: int, is_read: bool
) -> None:
    monkeypatch.setattr(escapes, "MARKS_MAX", 50)
    text = "[" + ",".join(['"\\u0041"'] * marks) + "]"
    assert text.count("[") + text.count(",") == marks
    assert escapes.container(text, 0) == (["A"] * marks if is_read else None)


@pytest.mark.parametrize(
    "backslashes", [0, 1, escapes.FEW_BACKSLASHES, escapes.FEW_BACKSLASHES + 1]
)
@pytest.mark.parametrize(
    ("code", "hides"),
    [("\\u0067", True), ("\\/", True), ("u0067/", False), ("\\u0167", False), ("\\x", False)],
)
def test_codes_are_noticed_among_few_backslashes_and_many(
    backslashes: int, code: str, *, hides: bool
) -> None:
    assert escapes.hides("a path: " + "\\d" * backslashes + code, 0) is hides
