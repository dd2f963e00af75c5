"""Every adversarial case of the page has a test that is found by its number, and the reverse."""

import re
from functools import cache

import pytest

from tests.house.test_house import ROOT

TESTS = ROOT / "tests"
PAGE = ROOT / "docs" / "adversaries.md"
_ROW = re.compile(r"^\| ([0-9]{1,2}[a-d]?) \| ", re.MULTILINE)
_NAMED = re.compile(r"def test_adv_([a-z0-9_]+)\(")
_NUMBERS = re.compile(r"(?:[0-9]{2}[a-d]?_(?:and_)?)+")
ALL = [*map(str, range(1, 49)), "48b", "48c", "48d", *map(str, range(49, 91))]


def _rows() -> list[str]:
    return _ROW.findall(PAGE.read_text())


@cache
def _found() -> frozenset[str]:
    found: set[str] = set()
    for path in sorted(TESTS.rglob("test_*.py")):
        for name in _NAMED.findall(path.read_text()):
            told = _NUMBERS.match(name)
            assert told is not None, f"test_adv_{name} names no case"
            found |= {one.lstrip("0") for one in re.findall(r"[0-9]{2}[a-d]?", told[0])}
    return frozenset(found)


def test_the_page_has_every_case_once_and_in_order() -> None:
    assert _rows() == ALL


@pytest.mark.parametrize("case", ALL)
def test_a_case_has_a_test_of_its_number(case: str) -> None:
    assert case in _found(), f"no test is named test_adv_{case}_..."


def test_a_test_names_a_case_of_the_page() -> None:
    assert _found() <= set(_rows())
