"""Every adversarial case of routing and the network has a test that is found by its number."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CASES = (*(str(number) for number in range(31, 60)), "48b", "48c", "48d")
_NAMED = re.compile(r"def (test_adv_([0-9]{2}[a-d]?)_[a-z0-9_]+)\(")


def _found() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, number in _NAMED.findall(path.read_text()):
            found.setdefault(number, []).append(f"{path.relative_to(TESTS)}::{name}")
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_case_has_a_test_of_its_number(case: str) -> None:
    assert _found().get(case), f"no test is named test_adv_{case}_..."
