"""How well the detectors do, on what was made without looking at their rules."""

import ast
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus.measure import (
    BEGIN,
    CORPUS,
    END,
    PAGE,
    a_scanner,
    all_samples,
    by_detector,
    measured,
    table,
)

POSITIVES_MIN = 50
RECALL_MIN = 0.98
PRECISION_MIN = 0.98
LINES_PER_FINDING_MIN = 20_000
READERS = {"pathlib", "os", "importlib", "tomllib", "linecache", "subprocess", "runpy"}
MAKERS = ("sample", "persons", "plain", "hidden", "words")


@pytest.mark.anyio
async def test_precision_and_recall_are_as_the_page_says() -> None:
    shown = by_detector(await measured(held_out=False))
    held = by_detector(await measured(held_out=True))
    for figures in (shown, held):
        for detector, one in figures.items():
            assert one.recall >= RECALL_MIN, detector
            assert one.precision >= PRECISION_MIN, detector
    page = PAGE.read_text(encoding="utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == table(shown, held)


def test_every_detector_has_enough_to_find_and_enough_to_leave_alone() -> None:
    counted = Counter((one.detector, one.name, one.positive) for one in all_samples())
    for detector, (positive, negative) in CORPUS.items():
        for name in positive:
            assert counted[detector, name, True] >= POSITIVES_MIN
        assert sum(counted[detector, name, False] for name in negative) >= POSITIVES_MIN


def test_a_third_is_held_out_and_the_samples_are_the_same_every_time() -> None:
    once, again = list(all_samples()), list(all_samples())
    assert once == again
    assert sum(one.held_out for one in once) * 3 == len(once)


@pytest.mark.parametrize("name", MAKERS)
def test_who_makes_samples_reads_no_rule(name: str) -> None:
    tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
    imported = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (getattr(node, "module", ""), *(alias.name for alias in node.names))
    ]
    assert [one for one in imported if one.startswith("gateway")] == []
    assert {one.partition(".")[0] for one in imported}.isdisjoint(READERS), "it opens no file"
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert named.isdisjoint({"open", "__import__", "eval", "exec"})


def library() -> Iterator[str]:
    """Every module of the standard library, tests included."""
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if "site-packages" not in file.parts:
            yield file.read_bytes().decode("utf-8", "replace")


@pytest.mark.anyio
async def test_ordinary_source_code_raises_nothing_to_speak_of() -> None:
    scanner = a_scanner()
    lines = raising = 0
    for text in library():
        lines += text.count("\n")
        scan = await scanner.scan({"x": text})
        raising += len(scan.failed) + sum(not one.tag_only for one in scan.findings)
    scanner.close()
    assert lines > 100_000
    assert raising * LINES_PER_FINDING_MIN < lines
