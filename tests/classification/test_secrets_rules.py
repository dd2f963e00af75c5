import re
from collections.abc import Iterator
from functools import partial
from re import _constants as form  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from gateway.classification.detectors.secrets import RulesError, parse_rules
from gateway.classification.detectors.secrets import rules as rules_module
from gateway.classification.detectors.secrets.confirm import UNCONFIRMED, Confirmation
from gateway.classification.detectors.secrets.pattern import (
    ALONE,
    IN_BUFFER,
    PATTERN_CHARS_MAX,
    PatternError,
    translate,
)
from gateway.classification.detectors.secrets.rules import Rule
from gateway.classification.texts import join_texts
from tests.doubles.compiled_secrets import DATA, all_rules, all_secrets
from tests.doubles.vendor_secrets import ALNUM, Draw

PRINTABLE = [code for code in range(32, 127) if chr(code) != "\\"]
SAMPLES = 12
CLASSES = {
    form.CATEGORY_DIGIT: [ord(char) for char in "0123456789"],
    form.CATEGORY_WORD: [ord(char) for char in ALNUM],
    form.CATEGORY_SPACE: [ord(" ")],
}


class Words:
    """Texts that a pattern matches, word boundaries aside."""

    def __init__(self, seed: str) -> None:
        self._draw = Draw(seed)

    def of(self, tree: Any) -> str:
        return "".join(self._one(kind, detail) for kind, detail in tree)

    def _pick(self, size: int) -> int:
        return int(self._draw("0123456789", 3)) % size

    def _one(self, kind: Any, detail: Any) -> str:
        if kind in {form.LITERAL, form.NOT_LITERAL}:
            return chr(detail) if kind is form.LITERAL else "x"
        if kind is form.IN:
            members = self._members(detail)
            return chr(members[self._pick(len(members))])
        if kind in {form.MAX_REPEAT, form.MIN_REPEAT}:
            low, high, inner = detail
            most = low if kind is form.MIN_REPEAT else min(int(high), low + 3)
            return "".join(self.of(inner) for _ in range(low + self._pick(most - low + 1)))
        if kind is form.SUBPATTERN:
            return self.of(detail[3])
        if kind is form.BRANCH:
            return self.of(detail[1][self._pick(len(detail[1]))])
        assert kind is form.AT
        return ""

    def _members(self, parts: Any) -> list[int]:
        found: set[int] = set()
        for kind, detail in parts:
            if kind is form.LITERAL:
                found.add(detail)
            elif kind is form.RANGE:
                found.update(range(detail[0], detail[1] + 1))
            elif kind is form.CATEGORY:
                found.update(CLASSES[detail])
        if parts[0][0] is form.NEGATE:
            return [code for code in PRINTABLE if code not in found]
        return sorted(found)


def samples(rule: Rule) -> Iterator[str]:
    """Yield texts for one rule; the first ones may miss its word boundaries or its entropy."""
    tree = _parser.parse(translate(rule.regex, ALONE))
    words = Words(rule.id)
    for _ in range(SAMPLES):
        text = words.of(tree)
        spoken = not rule.keywords or any(word in text.lower() for word in rule.keywords)
        yield text if spoken else f"{rule.keywords[0]}\n{text}"


def test_the_data_holds_the_rules_that_look_at_content() -> None:
    assert len(all_rules()) == 221
    assert "pkcs12-file" not in {rule.id for rule in all_rules()}


def test_the_notice_stands_beside_the_data() -> None:
    notice = (DATA / "LICENSE.gitleaks").read_text(encoding="utf-8")
    assert "Copyright (c) 2019 Zachary Rice" in notice
    assert "gitleaks/gitleaks" in notice


def test_only_the_guessing_rule_raises_nothing() -> None:
    assert [rule.id for rule in all_rules() if rule.tag_only] == ["generic-api-key"]


def test_every_rule_finds_and_confirms_what_it_describes() -> None:
    missed = [rule.id for rule in all_rules() if not any(map(partial(found, rule), samples(rule)))]
    assert missed == []


def found(rule: Rule, text: str) -> bool:
    """Does the scanner find the rule in its own sample, and `re` too where it must?"""
    buffer = join_texts({"x": [text]}).buffer
    if rule.id not in {hit.kind for hit in all_secrets().scan(buffer).hits}:
        return False
    pattern = Confirmation(rule)._pattern
    if pattern is None:
        return rule.id in UNCONFIRMED
    return pattern.search(buffer) is not None


def test_no_rule_can_match_the_byte_of_an_edge() -> None:
    for rule in all_rules():
        pattern = translate(rule.regex, IN_BUFFER)
        pattern = pattern.replace(IN_BUFFER.begin, "").replace(IN_BUFFER.end, "")
        bare = re.sub(r"\[\^[^]]*\\xff[^]]*\]|\[\^\\xff[^]]*\]", "", pattern)
        assert "\\xff" not in bare, rule.id
        assert not re.search(r"(?<!\\)\.(?![^\[]*\])|\\[SWD]", bare), rule.id


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a.b", r"a[^\n\xff]b"),
        ("(?s:.)x", r"(?:[^\xff])x"),
        ("(?s:(a.))", r"(?:(a[^\xff]))"),
        ("a(?i)b|c", "a(?i:b)|(?i:c)"),
        ("(a(?i)b|c)d", "(a(?i:b)|(?i:c))d"),
        ("(?i)a(?-i:b)", "(?i:a(?-i:b))"),
        ("(?i)a(?-i)b", "(?i:a(?-i:b))"),
        ("[[:alnum:]]{2}", "[0-9A-Za-z]{2}"),
        (r"[^a-z]", r"[^\xffa-z]"),
        (r"[^]]", r"[^\xff\]]"),
        (r"[\s\S]", r"[^\xff]"),
        (r"[\S]", r"[^\s\xff]"),
        (r"\S\W\D", r"[^\s\xff][^\w\xff][^\d\xff]"),
        (r"(?P<name>a)", r"(?P<name>a)"),
        (r"^a$\z", r"(?:\xff\n|\\[nrtbf])a(?:\n\xff)(?:\n\xff)"),
        (r"\.\[\]\{\x60", r"\.\[\]\{\x60"),
        ("[)(|.^$]", "[)(|.^$]"),
        (r"\b(a)\b", r"(?:\b|\\[nrtbf])(a)\b"),
        (r"a|\bb\b", r"a|(?:\b|\\[nrtbf])b\b"),
        (r"a\|\bb", r"a\|\bb"),
        (r"(?i)\b(a)", r"(?i:(?:\b|\\[nrtbf])(a))"),
    ],
)
def test_a_pattern_is_said_to_both_engines(written: str, read: str) -> None:
    assert translate(written, IN_BUFFER) == read
    re.compile(read.encode())


def test_anchors_of_a_lone_text_stay_anchors() -> None:
    assert translate(r"^a$|b\z", ALONE) == r"^a\Z|b\Z"
    assert translate(r"\ba", ALONE) == r"\ba"


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a", "a)", "[a", "(?m)a", "(?im:a)", "[[:punct:]]", "(?<n>a)"),
        *(r"\pN", r"\Qa\E", r"[\W\d]", r"[\D\s]", r"[\Sa]", r"[\S\W\s]"),
    ],
)
def test_a_form_that_cannot_be_said_to_both_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        translate(pattern, IN_BUFFER)


def test_a_pattern_has_a_bound() -> None:
    with pytest.raises(PatternError):
        translate("a" * (PATTERN_CHARS_MAX + 1), IN_BUFFER)


@pytest.mark.parametrize(
    "toml",
    [
        "",
        "rules = 'x",
        "[[rules]]\nid = 'a'\npath = 'x'",
        "[[rules]]\nid = 'a'\nregex = 'x'\nsurprise = 1",
        "[[rules]]\nid = 'a'\nregex = 'x'\n[[rules]]\nid = 'a'\nregex = 'y'",
        "[[rules]]\nid = 'a'\nregex = 'x'\n[[rules.allowlists]]\nsurprise = 1",
    ],
)
def test_rules_that_cannot_be_used_are_refused(toml: str) -> None:
    with pytest.raises(RulesError):
        parse_rules(toml)


def test_rules_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    toml = "".join(f"[[rules]]\nid = 'r{n}'\nregex = 'x'\n" for n in range(3))
    assert len(parse_rules(toml)) == 3
    monkeypatch.setattr(rules_module, "RULES_MAX", 2)
    with pytest.raises(RulesError):
        parse_rules(toml)
    monkeypatch.setattr(rules_module, "RULES_CHARS_MAX", 10)
    with pytest.raises(RulesError):
        parse_rules(toml)


def test_an_allow_list_that_needs_a_path_or_commit_excuses_nothing() -> None:
    toml = """
[[rules]]
id = "a"
regex = "x"
[[rules.allowlists]]
paths = ["a"]
[[rules.allowlists]]
condition = "AND"
commits = ["a"]
regexes = ["x"]
[[rules.allowlists]]
condition = "AND"
paths = ["a"]
regexes = ["x"]
[[rules.allowlists]]
paths = ["a"]
stopwords = ["Word"]
"""
    (rule,) = parse_rules(toml)
    assert [allow.stopwords for allow in rule.allows] == [("word",)]
