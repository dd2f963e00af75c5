"""The page says what each loss means."""

import re
from pathlib import Path

import pytest

from gateway.translation import effort, limits
from tests.doubles.dialect_rows import ROWS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "translation.md").read_text()
TOLD = re.compile(r"\.note\(\s*\"([a-z_.]+)\"")
FOLDERS = [ROOT / "gateway" / "translation", *(ROOT / "gateway" / "dialects" / n for n in ROWS)]
WORDS = sorted(
    {
        word
        for folder in FOLDERS
        for module in folder.glob("*.py")
        for word in TOLD.findall(module.read_text())
    }
)


@pytest.mark.parametrize("word", WORDS)
def test_every_loss_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_losses_are_found() -> None:
    assert len(WORDS) > 30


@pytest.mark.parametrize("name", effort.BUDGETS)
def test_every_effort_has_its_bound(name: str) -> None:
    assert f"| `{name}` | {effort.BUDGETS[name]} |" in PAGE


def test_every_bound_is_told() -> None:
    assert f"{limits.HELD_BYTES_MAX // 2**20} MiB" in PAGE
    assert f"{limits.KEPT_BYTES_MAX // 2**20} MiB" in PAGE
    assert f"| {limits.CALLS_MAX} |" in PAGE
