import pytest

from gateway.cli.shown import SHOWN_CHARACTERS_MAX, shown, unusable
from gateway.domain.errors import ChainBroken, ConfigError, Problem


@pytest.mark.parametrize("plain", ["", "The label is restricted.", "für Gäste, 東京 €5 — ok"])
def test_what_is_seen_as_it_stands_is_printed_as_it_stands(plain: str) -> None:
    assert shown(plain) == plain


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nwhole: all", r"a\nwhole: all"),
        ("a\r\x9b", r"a\r\x9b"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\u2028\u00a0\u200b", r"\u2028\xa0\u200b"),
        ("\u05d0\u0627", r"\u05d0\u0627"),
        ("\ud800", r"\ud800"),
        (r"\x1b", r"\\x1b"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_would_mislead_is_escaped(text: str, escaped: str) -> None:
    assert shown(text) == escaped


def test_a_long_text_is_cut_and_says_so() -> None:
    assert shown("a" * SHOWN_CHARACTERS_MAX) == "a" * SHOWN_CHARACTERS_MAX
    assert shown("a" * (SHOWN_CHARACTERS_MAX + 1)) == "a" * SHOWN_CHARACTERS_MAX + "..."


def test_the_reason_of_an_error_is_shown_in_plain_lines(capsys) -> None:
    problem = Problem("policy.yaml", 3, "rules", "bad \x1b[2J")
    for error in (ConfigError((problem,)), ChainBroken("broken \x1b[2J", hint="x"), KeyError("a")):
        assert unusable(error) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "policy.yaml" in lines[0]
    assert lines[1] == r"perimeter: broken \x1b[2J (x)"
    assert lines[2] == "perimeter: the ledger cannot be read: KeyError"
    assert "\x1b" not in "".join(lines)
