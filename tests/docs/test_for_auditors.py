"""Every command of the page for auditors is run; every command that an obligation names exists."""

import argparse
import importlib
import re
from pathlib import Path

import pytest

from gateway.cli import COMMANDS
from gateway.cli.audit import available
from tests.doubles.pages import followed, shell_blocks

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "for-auditors.md"
OBLIGATIONS = (ROOT / "docs" / "obligations.md").read_text()
NAMED = re.compile(r"`perimeter ([a-z-]+)(?: ([a-z-]+))?[^`]*`")
REGIMES = [
    *(f"EU AI Act, article {number}" for number in (12, 19, 26)),
    *(f"GDPR, article {number}" for number in (5, 17, 28, 30)),
    *("articles 44 to 49", "DORA, article 28", "NIS2", "SOC 2", "HIPAA", "ISO 42001"),
]
DEMO = "/tmp/perimeter-audit"  # noqa: S108 - as the page says it


def test_the_page_can_be_followed_from_top_to_bottom(tmp_path: Path) -> None:
    blocks = shell_blocks(PAGE)
    assert len(blocks) >= 9
    told = followed(blocks, DEMO, tmp_path / "demo", 480)
    assert told.count("zero crossings and none left EU: proven over ") == 2
    assert "2 attempts" in told
    assert "this reading is recorded in the ledger" in told
    assert "recorded nowhere" in told
    assert "claim:label says public (claimed)." in told
    assert "the index was as the log says" in told
    assert "whole: demo/gateway" in told


@pytest.mark.parametrize("name", sorted(available()))
def test_every_question_stands_on_the_page(name: str) -> None:
    assert re.search(rf"\b{name}\b", PAGE.read_text())


@pytest.mark.parametrize("named", sorted(set(NAMED.findall(OBLIGATIONS))), ids=" ".join)
def test_every_command_that_an_obligation_names_exists(named: tuple[str, str]) -> None:
    command, action = named
    assert command in COMMANDS
    if command == "audit":
        assert action in available()
    module = importlib.import_module(f"gateway.cli.{command.replace('-', '_')}")
    module.add_arguments(argparse.ArgumentParser())


def test_every_obligation_names_a_command_and_says_what_it_is() -> None:
    rows = [line for line in OBLIGATIONS.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 17
    assert [row for row in rows if NAMED.search(row) is None] == []
    assert "no legal advice" in OBLIGATIONS
    assert [regime for regime in REGIMES if regime not in OBLIGATIONS] == []
