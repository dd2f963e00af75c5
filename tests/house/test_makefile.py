"""What the Makefile promises to every test, and that the whole gate leaves no test out."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
GATE = (ROOT / ".ci" / "run").read_text()
TARGET = re.compile(r"^([a-z-]+):.*?\n((?:\t.*\n)*)", re.MULTILINE)
RECIPES = {name: recipe.replace("\\\n", "") for name, recipe in TARGET.findall(MAKEFILE)}
STEPS = re.findall(r"^(?:[A-Z_]+=\S+ )*make ([a-z-]+)", GATE, re.MULTILINE)
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
MARKERS = {line.partition(":")[0] for line in SETTINGS["markers"]}
NEITHER = set(re.findall(r"not (\w+)", MAKEFILE.partition("NEITHER := ")[2].partition("\n")[0]))


def test_a_process_of_the_tests_keeps_the_bytecode_of_what_it_imports() -> None:
    told = subprocess.run(
        ["make", "--silent", "--eval=told: ; @env", "told"],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert f"PYTHONPYCACHEPREFIX={ROOT / '.cache' / 'bytecode'}" in told
    assert [line for line in told if line.startswith("PYTHONDONTWRITEBYTECODE=")] == []


@pytest.mark.parametrize("marker", sorted(NEITHER))
def test_what_most_targets_leave_out_the_whole_gate_runs_by_its_marker(marker: str) -> None:
    assert any(re.search(rf"-m {marker}\b", RECIPES[step]) for step in STEPS)


def test_the_whole_gate_runs_all_that_is_left_and_every_cell_of_it() -> None:
    assert NEITHER < MARKERS
    assert {"exhaustive"} == MARKERS - NEITHER
    assert '-m "$(NEITHER)" ' in RECIPES["coverage"]
    assert '-m "$(NEITHER)" ' in RECIPES["whole"]
    left_out = re.findall(r"--ignore (\S+)", RECIPES["coverage"])
    assert left_out
    assert "make coverage\n" in GATE
    assert re.findall(r"^make whole TESTS=(\S+)$", GATE, re.MULTILINE) == left_out


def test_what_make_test_leaves_out_is_what_make_whole_runs() -> None:
    assert RECIPES["test"].replace(" and not exhaustive", "") == RECIPES["whole"]


def test_the_gateway_is_killed_sixty_times_by_the_gate_and_five_hundred_by_make_faults() -> None:
    assert "PERIMETER_KILLS=60 make faults-gateway" in GATE
    assert "PERIMETER_KILLS" not in RECIPES["faults"]
    loop = (ROOT / "tests" / "faults" / "test_gateway_kill.py").read_text()
    assert 'os.environ.get("PERIMETER_KILLS", "500")' in loop
