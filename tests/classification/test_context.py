"""Numbers that count beside a word alone: found near it, and never counted where there is none."""

import re
from itertools import product
from random import Random

import pytest

from gateway.classification import context, patterns
from gateway.classification.detectors.personal import cards
from gateway.classification.patterns import PatternRule, RulesError, parse_rules
from gateway.classification.texts import Scanned, join_texts
from tests.bench.detection import ORDINARY, an_input
from tests.classification.test_patterns import a_scanner, scanned
from tests.doubles.compiled_detectors import DATA, a_detector
from tests.doubles.dice import dice

NEAR = "id = 'n'\nregex = '\\b[0-9]{4}\\b'\ncontext = ['number', 'téléphone']\nnear = true"


def shipped(name: str) -> tuple[PatternRule, ...]:
    return parse_rules((DATA / f"{name}.toml").read_text(encoding="utf-8"))


def found(text: str) -> list[int]:
    """Return the bytes of the text at which hits begin."""
    buffer = _joined(text)
    begin = buffer.index(text.encode())
    return [hit.start - begin for hit in a_scanner(NEAR).scan(buffer).hits]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("number 1234", [7]),
        ("1234 NUMBER", [0]),
        ("TéLéPHONE 1234", [12]),
        ("numbers 1234, renumber 1234", []),
        ("number " + "." * 94 + " 1234", []),
        ("number " + "." * 80 + " 1234", [88]),
        ("1234 " + "x" * 400 + " number " + "1235 " + "x" * 400 + " number 1236", [413, 826]),
    ],
)
def test_a_match_counts_near_a_word(text: str, places: list[int]) -> None:
    assert found(text) == places


def test_a_word_of_another_text_is_not_near() -> None:
    assert not scanned(a_scanner(NEAR), "number", "1234").hits


def test_matches_without_a_word_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MATCHES_MAX", 2)
    assert scanned(a_scanner(NEAR), "1000 1001 1002 1003" + " " * 400 + "number") == Scanned()
    assert scanned(a_scanner(NEAR), "number 1000 1001 1002 1003").truncated


def test_behind_too_many_words_all_the_rest_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "number 1000 " + "x" * 500 + " number " + "x" * 500 + " 1001 number"
    before = found(text)
    monkeypatch.setattr(context, "WORDS_MAX", 1)
    assert found(text) == before
    assert len(before) == 2


def test_what_stands_near_words_is_found_as_if_all_were_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = dice("near words")
    texts = [_mixed(chance) for _ in range(150)]
    names = ("personal", "contacts")
    near = [[a_detector(name).scan(_joined(text)) for name in names] for text in texts]
    monkeypatch.setattr(context, "WORDS_MAX", 1)
    assert near == [[a_detector(name).scan(_joined(text)) for name in names] for text in texts]
    assert sum(len(one.hits) for both in near for one in both) > 100


def test_words_and_widths_of_shipped_rules_fit_into_what_is_looked_at() -> None:
    rules = [rule for name in ("personal", "contacts") for rule in shipped(name) if rule.near]
    widths = [re._parser.parse(rule.regex).getwidth()[1] for rule in rules]  # type: ignore[attr-defined]
    assert max(widths) <= context.WIDTH_MAX
    far = patterns.BEFORE_BYTES_MAX + context.WIDTH_MAX + 1
    near = patterns.AFTER_BYTES_MAX + context.WIDTH_MAX + context.WORD_BYTES_MAX + 1
    assert max(far, near) <= context.AROUND_BYTES


@pytest.mark.parametrize("more", ["around = true", "lead = 'x'", "behind = '_'", "context = []"])
def test_a_rule_that_is_looked_for_near_words_has_words_and_no_other_edges(more: str) -> None:
    rule = NEAR.replace("context", "#") if more.startswith("context") else NEAR
    with pytest.raises(RulesError, match="near"):
        a_scanner(f"{rule}\n{more}")


def test_a_word_is_no_longer_than_what_is_looked_at() -> None:
    with pytest.raises(RulesError, match="context"):
        a_scanner(f"id = 'n'\nregex = 'x'\ncontext = ['{'w' * (context.WORD_BYTES_MAX + 1)}']")


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_megabyte_stays_within_the_bounds(name: str) -> None:
    buffer = _joined(an_input(name))
    for detector in ("secrets", "personal", "contacts"):
        assert not a_detector(detector).scan(buffer).truncated


def test_every_number_that_an_issuer_may_use_is_looked_at() -> None:
    plain = [
        rule.regex
        for rule in shipped("personal")
        if rule.check == "card" and not re.search(r"\[ -\]", rule.regex)
    ]
    (regex,) = plain
    for head, length in product(range(10**4), range(12, 20)):
        number = f"{head:04d}".ljust(length, "0")
        issued = length in cards._LENGTHS.get(number[:4], ())
        assert not issued or re.fullmatch(regex, number), number


def _joined(text: str) -> bytes:
    return join_texts({"x": [text]}).buffer


def _mixed(chance: Random) -> str:
    words = "bsn burgerservicenummer tel phone Call PESEL nif dni pnr téléphone hotel callable fax"
    return "".join(
        chance.choice((*words.split(), *(_digits(chance) for _ in range(20)), "x" * 50))
        + chance.choice((" ", ": ", "\n", ", ", "-"))
        for _ in range(60)
    )


def _digits(chance: Random) -> str:
    groups = chance.choice(((9,), (11,), (10,), (3, 3, 3), (4, 2, 3), (3, 8), (3, 3, 4), (8,)))
    said = chance.choice((" ", "/", "-")).join(
        f"{chance.randrange(10**one):0{one}d}" for one in groups
    )
    return chance.choice(("", "0", "")) + said
