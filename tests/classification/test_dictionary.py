import msgspec
import pytest

from gateway.classification.detectors import dictionary as module
from gateway.classification.detectors.dictionary import (
    Dictionary,
    DictionaryError,
    DictionaryScanner,
    make_dictionary,
    read_dictionary,
)
from gateway.classification.texts import Scanned, join_texts

KEY = b"a key of this node, of 32 bytes."
WORDS = ["Bluebird", "# a remark", "", "Project Night-Heron", "db-prod-17.corp", "Zürich Süd"]


def read(*words: str, name: str = "codenames") -> Dictionary:
    return read_dictionary(make_dictionary(name, words or WORDS, KEY), KEY)


def scanned(*texts: str, words: tuple[str, ...] = ()) -> Scanned:
    buffer = join_texts({"x": list(texts)}).buffer
    return DictionaryScanner([read(*words)], KEY).scan(buffer)


def found(*texts: str, words: tuple[str, ...] = ()) -> list[str]:
    buffer = join_texts({"x": list(texts)}).buffer
    return [buffer[hit.start : hit.end].decode() for hit in scanned(*texts, words=words).hits]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("the bluebird flies", "bluebird"),
        ("BLUEBIRD!", "BLUEBIRD"),
        ("x=project_night_heron;", "project_night_heron"),
        ("Project  Night\nHeron", "Project  Night\nHeron"),
        ("ssh db-prod-17.corp", "db-prod-17.corp"),
        ("nach ZÜRICH SÜD fahren", "ZÜRICH SÜD"),
    ],
)
def test_a_word_is_found_in_any_case_and_however_its_parts_are_joined(text: str, word: str) -> None:
    assert found(text) == [word]


@pytest.mark.parametrize(
    "text", ["bluebirds", "blue bird", "project night", "night heron", "db-prod-18.corp", "Zürich"]
)
def test_what_is_another_word_is_not(text: str) -> None:
    assert found(text) == []


def test_a_word_does_not_reach_from_one_text_into_the_next() -> None:
    assert found("project night", "heron") == []


def test_the_longest_word_that_begins_there_counts() -> None:
    assert found("night heron two", words=("night", "night heron")) == ["night heron"]


def test_a_file_holds_no_word_and_is_of_no_use_to_another_key() -> None:
    made = make_dictionary("codenames", WORDS, KEY)
    assert b"bluebird" not in made.lower()
    assert made == make_dictionary("codenames", reversed(WORDS), KEY)
    with pytest.raises(DictionaryError, match="another node"):
        read_dictionary(made, b"another key of another node 32b!")
    assert [read(word).wide for word in ("ärger", "plain")] == [True, False]
    assert repr(read()) == "Dictionary(codenames, 4 words)"
    assert repr(DictionaryScanner([read()], KEY)) == "DictionaryScanner(1 dictionaries)"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "no word"),
        (["# only"], "no word"),
        (["fine", "ab"], "line 2"),
        (["a.-"], "line 1"),
        (["a b c d e f g h i"], "more than 8 parts"),
        (["x" * 257], "line 1"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_by_line(words: list[str], why: str) -> None:
    with pytest.raises(DictionaryError, match=why):
        make_dictionary("x", words, KEY)


def test_a_file_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = msgspec.json.decode(make_dictionary("x", WORDS, KEY))
    later, spoilt = made | {"version": 2}, made | {"words": "zz"}
    for content in (b"{}", b"[", *map(msgspec.json.encode, (later, spoilt))):
        with pytest.raises(DictionaryError, match="no dictionary"):
            read_dictionary(content, KEY)
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 10)
    with pytest.raises(DictionaryError, match="too long"):
        read_dictionary(b"x" * 11, KEY)


@pytest.mark.parametrize(("bound", "most"), [("HASHED_MAX", 1), ("SPOTS_MAX", 2), ("HITS_MAX", 2)])
def test_over_a_bound_the_scan_failed(
    monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(module, bound, most)
    result = scanned("bluebird sparrows feathers bluebird bluebird")
    assert result.truncated
    assert len(result.hits) <= 3


def test_a_word_too_many_at_the_last_place_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HITS_MAX", 2)
    scanner = DictionaryScanner([read(), read("bluebird sings", name="songs")], KEY)
    result = scanner.scan(join_texts({"x": "bluebird, and a bluebird sings"}).buffer)
    assert (len(result.hits), result.truncated) == (2, True)


def test_every_dictionary_reports_under_its_own_name() -> None:
    scanner = DictionaryScanner([read(), read("bluebird", name="birds")], KEY)
    hits = scanner.scan(join_texts({"x": "bluebird"}).buffer).hits
    assert [hit.kind for hit in hits] == ["codenames", "birds"]
