"""Every adversarial case of the page has tests of its number, on every surface where it is real."""

import os
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from tests.adversaries import CASES, DOORS, EVERYWHERE, NAMES, shown_by
from tests.doubles.goldens import UPDATE
from tests.doubles.surfaces_asked import EVERY
from tests.house.test_house import ROOT

TESTS = ROOT / "tests"
PAGE = ROOT / "docs" / "adversaries.md"
_ROW = re.compile(r"^\| ([0-9]{1,2}[a-d]?) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
_NAMED = re.compile(r"^(?:async )?def test_adv_([a-z0-9_]+)\(", re.MULTILINE)
_NUMBERS = re.compile(r"(?:[0-9]{2}[a-d]?_(?:and_)?)+")
ALL = [*map(str, range(1, 49)), "48b", "48c", "48d", *map(str, range(49, 91))]


@cache
def _found() -> dict[str, tuple[Callable[..., Any], ...]]:
    """Return the tests of each case, as they are collected."""
    found: dict[str, list[Callable[..., Any]]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        names = _NAMED.findall(path.read_text())
        if not names:
            continue
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for name in names:
            told = _NUMBERS.match(name)
            assert told is not None, f"test_adv_{name} names no case"
            for number in re.findall(r"[0-9]{2}[a-d]?", told[0]):
                found.setdefault(number.lstrip("0"), []).append(getattr(module, f"test_adv_{name}"))
    return {number: tuple(tests) for number, tests in found.items()}


def test_the_page_has_every_case_once_and_in_order() -> None:
    assert [number for number, _, _ in _ROW.findall(PAGE.read_text())] == ALL
    assert list(CASES) == ALL


def test_the_page_says_where_each_case_is_real() -> None:
    """With PERIMETER_UPDATE_GOLDENS set, it is written there."""
    page = PAGE.read_text()
    right = _ROW.sub(lambda row: f"| {row[1]} | {row[2]} | {CASES[row[1]].said} |", page)
    if os.environ.get(UPDATE):
        PAGE.write_text(right)
    assert PAGE.read_text() == right


@pytest.mark.parametrize("case", ALL)
def test_a_case_has_a_test_of_its_number_that_goes_over_its_surfaces(case: str) -> None:
    tests = _found().get(case, ())
    assert tests, f"no test is named test_adv_{case}_..."
    wanted = CASES[case].names
    missing = {one: (wanted & NAMES) - shown_by(one) for one in tests}
    nearest = min(tests, key=lambda one: len(missing[one]))
    lacking = sorted(missing[nearest])
    assert not lacking, f"{nearest.__module__}.{nearest.__name__} is not shown on {lacking}"
    # A door is the same before every surface: any test of the case may go through it.
    unseen = (wanted & DOORS).difference(*map(shown_by, tests))
    assert not unseen, f"no test of {case} goes through {sorted(unseen)}"


def test_a_test_names_a_case_of_the_page() -> None:
    assert set(_found()) <= set(ALL)


EVERY_PATH = pytest.mark.parametrize("surface", EVERY)


@EVERY_PATH
def _over_every_path(surface: Any) -> str:
    return surface.name


@EVERY_PATH
def _that_never_reads_it(surface: Any) -> None:
    pass


@pytest.mark.parametrize("surface", EVERY[1:])
def _over_all_but_one(surface: Any) -> str:
    return surface.name


@pytest.mark.parametrize(("dialect", "more"), [pytest.param("gemini", 1), ("openai_chat", 2)])
def _over_two_dialects(dialect: str, more: int) -> str:
    return dialect * more


@pytest.mark.parametrize("dialect", ["klingon"])
def _over_no_dialect(dialect: str) -> str:
    return dialect


@pytest.mark.parametrize("door", ["/l/public", "/v1/route"])
def _through_two_doors(door: str) -> str:
    return door


def test_what_a_test_goes_over_is_what_it_is_given_and_reads() -> None:
    assert EVERYWHERE.names <= shown_by(_over_every_path)
    assert not shown_by(_that_never_reads_it)
    assert NAMES - shown_by(_over_all_but_one) == {EVERY[0].name}
    assert shown_by(_over_two_dialects) == {"generate_content", "chat_completions"}
    assert shown_by(_through_two_doors) == {"/l/", "/v1/route"}
    with pytest.raises(AssertionError, match="klingon"):
        shown_by(_over_no_dialect)
