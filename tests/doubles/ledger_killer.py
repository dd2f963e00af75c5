"""Starts the writer, kills it at a drawn moment, and looks at what it left."""

import random
import subprocess
import sys
from pathlib import Path
from time import sleep

from gateway.audit.canonical import decode
from gateway.audit.record import Attempted, Decided, Settled
from gateway.ledger.reading import Reading
from tests.doubles.ledger_writer import CALLERS
from tests.doubles.ledgers import a_new_ledger, check_log, ledger_paths

ROOT = Path(__file__).resolve().parents[2]
LIFE_S_MAX = 0.25
VERIFIED_EACH = 10


def kill_in_the_middle(root: Path, life: str, after_s: float) -> list[str]:
    """Let the writer begin, wait, kill it; return the lines that it printed whole."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.doubles.ledger_writer", str(root), life],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        sleep(after_s)
        process.kill()
        rest = process.stdout.read()
    text = (first + rest).decode()
    return text[: text.rfind("\n") + 1].splitlines()


def kill_again_and_again(root: Path, times: int, seed: int = 7) -> None:
    """INVARIANT: every record that was acknowledged in any life is in the log, which is whole."""
    draw = random.Random(seed)  # noqa: S311 - a seed, so that a failure can be seen again
    paths = a_new_ledger(root)
    acknowledged: set[str] = set()
    for life in range(1, times + 1):
        lines = kill_in_the_middle(root, str(life), draw.uniform(0, LIFE_S_MAX))
        assert lines, "the writer did not begin"
        acknowledged.update(lines)
        if life <= VERIFIED_EACH or life % VERIFIED_EACH == 0:
            assert check_log(paths).lost <= life * CALLERS
    check_log(paths)
    found: set[str] = set()
    attempted: set[str] = set()
    for stored in Reading(ledger_paths(root).folder):
        record = decode(stored.entry)
        if isinstance(record, Decided):
            found.add(f"D {record.id}")
        elif isinstance(record, Settled):
            found.add(f"S {record.id}")
        elif isinstance(record, Attempted):
            attempted.add(f"D {record.id}")
    assert acknowledged <= found
    assert {line for line in acknowledged if line.startswith("D")} <= attempted
