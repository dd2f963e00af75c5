import pytest

from gateway.classification import matching, patterns, room
from gateway.classification.patterns import (
    PatternScanner,
    RulesError,
    compile_database,
    parse_rules,
)
from gateway.classification.texts import Scanned, join_texts


def even(text: str) -> bool:
    return int(text) % 2 == 0


def a_scanner(*entries: str) -> PatternScanner:
    rules = parse_rules("version = 1\n" + "".join(f"[[rules]]\n{entry}\n" for entry in entries))
    return PatternScanner("numbers", rules, compile_database(rules), {"even": even})


def scanned(scanner: PatternScanner, *texts: str) -> Scanned:
    return scanner.scan(join_texts({"x": list(texts)}).buffer)


NUMBERS = "id = 'number'\nregex = '\\b[0-9]{4,6}\\b'\ncheck = 'even'"
TAG = "id = 'tag'\nregex = '\\bt[0-9]\\b'\ntag_only = true"


def test_only_what_its_check_confirms_is_a_hit() -> None:
    hits = scanned(a_scanner(NUMBERS), "1234 and 1235").hits
    assert [(hit.kind, hit.start, hit.end) for hit in hits] == [("number", 7, 11)]


def test_of_two_readings_the_widest_that_holds_counts() -> None:
    scanner = a_scanner("id = 'n'\nregex = '\\b[0-9]{2}[0-9 ]{0,6}[0-9]{2}\\b'\ncheck = 'even'")
    with pytest.raises(ValueError, match="literal"):
        scanned(scanner, "1234 5679")
    hits = scanned(a_scanner(NUMBERS, "id = 'w'\nregex = '\\b[0-9]{4}x?\\b'"), "1235").hits
    assert [hit.kind for hit in hits] == ["w"]


def test_a_text_beyond_the_bound_is_not_looked_at_and_the_scan_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patterns, "LOOKS_MAX", 2)
    scanner = a_scanner(NUMBERS)
    assert not scanned(scanner, "1000 1000 1000 1002").truncated
    result = scanned(scanner, "1000 1002 1004 1000")
    assert result.truncated
    assert len(result.hits) == 2


def test_too_many_hits_are_a_failure_and_too_many_tags_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patterns, "HITS_MAX", 1)
    monkeypatch.setattr(room, "TAGS_MAX", 1)
    scanner = a_scanner(NUMBERS, TAG)
    assert scanned(scanner, "1000 1002").truncated
    assert len(scanned(scanner, "1000 1002").hits) == 1
    assert not scanned(scanner, "t1 t2 1000").truncated
    assert [hit.kind for hit in scanned(scanner, "t1 t2 1000").hits] == ["tag", "number"]


def test_of_a_kind_of_which_there_are_enough_no_further_texts_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patterns, "LOOKS_MAX", 4)
    text = " ".join(f"t{number}" for number in range(9)) + " t0" * 9
    assert scanned(a_scanner(TAG), text).truncated
    monkeypatch.setattr(room, "TAGS_MAX", 4)
    result = scanned(a_scanner(TAG), text)
    assert (len(result.hits), result.truncated) == (4, False)


@pytest.mark.parametrize("many", [4, 9])
def test_however_many_tags_of_one_kind_there_are_those_of_another_are_kept(
    monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(room, "TAGS_MAX", 3)
    monkeypatch.setattr(patterns, "COUNTED_MAX", 3)
    monkeypatch.setattr(patterns, "MATCHES_MAX", 8)
    monkeypatch.setattr(matching, "EARLY_MATCHES", (6,))
    other = TAG.replace("t[0-9]", "u[0-9]").replace("'tag'", "'other'")
    for rules in ((TAG, other), (other, TAG)):
        text = " ".join(f"t{number}" for number in range(many)) + " u1"
        result = scanned(a_scanner(*rules), text)
        assert [hit.kind for hit in result.hits] == ["tag"] * 3 + ["other"]
        assert not result.truncated


@pytest.mark.parametrize(("counted", "failed"), [(4, False), (5, True)])
def test_where_tags_say_all_that_tags_can_say_no_further_matches_are_looked_for(
    monkeypatch: pytest.MonkeyPatch, counted: int, *, failed: bool
) -> None:
    monkeypatch.setattr(matching, "EARLY_MATCHES", (4,))
    monkeypatch.setattr(patterns, "MATCHES_MAX", 6)
    monkeypatch.setattr(patterns, "COUNTED_MAX", counted)
    result = scanned(a_scanner(TAG), "t0 t1 t2 t3 t4 t5 t6 t7")
    assert (len(result.hits), result.truncated) == ((6, True) if failed else (4, False))


def test_where_the_first_matches_are_a_failure_no_further_ones_are_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matching, "EARLY_MATCHES", (2, 4))
    monkeypatch.setattr(patterns, "HITS_MAX", 3)
    tag = f"{TAG}\ngroup = 1"
    result = scanned(a_scanner(NUMBERS, tag), "t1 1000 1001 1002 1004 t2 1006 1008 t3")
    assert (len(result.hits), result.truncated) == (5, True)
    assert not scanned(a_scanner(NUMBERS, tag), "t1 1001 1003 1005 1007 t2 1000").truncated


def test_what_ends_a_match_and_belongs_to_nothing_is_left_out() -> None:
    scanner = a_scanner("id = 'n'\nregex = '[0-9]{4}_'\nbehind = '_'\ncheck = 'even'")
    assert [(hit.start, hit.end) for hit in scanned(scanner, "1234_x 1236").hits] == [(7, 11)]


def test_many_tags_of_one_text_leave_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "TAGS_FREE", 2)
    monkeypatch.setattr(room, "REPEATS_MAX", 3)
    hits = scanned(a_scanner(TAG), "t1 " * 9 + "t2 t2 t3").hits
    assert len(hits) == 6


def test_what_is_said_again_takes_no_room_from_what_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "TAGS_MAX", 6)
    monkeypatch.setattr(room, "TAGS_FREE", 3)
    text = "t0 " * 4 + " ".join(f"t{number} " * 2 for number in range(1, 9))
    buffer = join_texts({"x": text}).buffer
    said = [buffer[hit.start : hit.end].decode() for hit in a_scanner(TAG).scan(buffer).hits]
    assert sorted({*said}) == ["t0", "t1", "t2", "t3", "t4", "t5"]
    assert len(said) == 6 + 4


@pytest.mark.parametrize(
    ("other", "kinds", "beside_a_tag"),
    [
        (r"\b[0-9]{4}\b", ["number", "other"], ["number"]),
        (r"4 [0-9]\b", ["number", "other"], ["number"]),
        (r"\b[0-9]{4} [0-9]\b", ["other"], ["other"]),
        (r"34\b", ["number"], ["number"]),
    ],
)
def test_a_hit_hides_no_other_kind_but_what_is_a_part_of_it(
    other: str, kinds: list[str], beside_a_tag: list[str]
) -> None:
    rule = f"id = 'other'\nregex = '{other}'\nglued = true"
    hits = scanned(a_scanner(NUMBERS, rule), "1234 5").hits
    assert [hit.kind for hit in hits] == kinds
    hits = scanned(a_scanner(NUMBERS, f"{rule}\ntag_only = true"), "1234 5").hits
    assert [hit.kind for hit in hits] == beside_a_tag


def test_too_many_matches_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MATCHES_MAX", 2)
    assert scanned(a_scanner(NUMBERS), "1001 1003 1005").truncated


def test_a_match_of_no_credible_width_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SPAN_BYTES_MAX", 4)
    assert scanned(a_scanner(NUMBERS), "123456").hits == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "cannot be read"),
        ("version = 1\n[[rules]]\nid = 'a'\nregexp = 'b'", "cannot be read"),
        ("version = 1\nrules = []", "no rule"),
        ("#" * (patterns.RULES_CHARS_MAX + 1), "too long"),
    ],
)
def test_rules_that_cannot_be_used_are_refused(text: str, why: str) -> None:
    with pytest.raises(RulesError, match=why):
        parse_rules(text)


def test_a_rule_names_a_check_that_there_is() -> None:
    with pytest.raises(RulesError, match="odd"):
        a_scanner("id = 'a'\nregex = 'b'\ncheck = 'odd'")


def test_a_scanner_shows_no_text() -> None:
    assert repr(a_scanner(NUMBERS)) == "PatternScanner(numbers, 1 rules)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("12-1234", False),
        ("1.1234", False),
        ("1234/12", False),
        ("1234+1", False),
        ("a-1234", True),
        ("1,1234", True),
        ("1234:1", True),
        ("1234-a", True),
        ("-1234-", True),
    ],
)
def test_what_touches_other_digits_through_a_sign_is_a_part_of_something_else(
    text: str, *, found: bool
) -> None:
    assert bool(scanned(a_scanner(NUMBERS), text).hits) is found


@pytest.mark.parametrize(("before", "failed"), [("", False), ("x", True)])
def test_what_seemed_enough_and_is_a_part_of_others_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, before: str, *, failed: bool
) -> None:
    monkeypatch.setattr(patterns, "COUNTED_MAX", 3)
    monkeypatch.setattr(matching, "EARLY_MATCHES", (3,))
    wide = "id = 'wide'\nregex = 'x-t[0-9]\\b'\ntag_only = true"
    text = " ".join(f"{before}-t{number}" for number in range(6))
    result = scanned(a_scanner(TAG, wide), text)
    assert result.truncated is failed
    assert {hit.kind for hit in result.hits} == {"wide" if failed else "tag"}
