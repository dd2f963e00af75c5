"""Change the pure rooms in small ways, and count the changes that a test notices.

`python -m tests.mutants.run --sample N --seed S`. The mutants of a sample are drawn by the seed.
For each, a child of this process takes the changed code into the function and runs those tests that
run the changed line, the most particular first. A mutant whose tests end without a failure, or
take more than SECONDS_MAX of a core, lives.
"""

import argparse
import ast
import importlib
import os
import pickle
import resource
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random
from types import CodeType, FunctionType
from typing import Any

import coverage
import pytest

from tests.mutants.mutate import Mutant, count, mutants

ROOT = Path(__file__).parents[2]
WHAT = ("gateway/policy", "gateway/classification", "gateway/domain/label.py")
TESTS = (
    "tests/policy",
    "tests/classification",
    "tests/domain",
    "tests/flow",
    "tests/shell/test_detector_scanner.py",
)
QUIET = ("-q", "-x", "-p", "no:cacheprovider", "--no-header")
MAP = Path(".cache/mutants/map.pickle")
SAMPLE = 400
SECONDS_MAX = 90
# WHY: a busy machine makes no mutant slow; but one that waits for nothing takes no core at all.
WAITED_MAX = 10 * SECONDS_MAX
TESTS_MAX = 500
SCORE_MIN = 85
# WHY: of fewer the share says little; those of a part that ran so few count with all others.
PART_MIN = 30
SLOW = frozenset({signal.SIGALRM, signal.SIGPROF})
Map = dict[str, dict[int, list[str]]]


def sources() -> list[Path]:
    """Return the modules that are changed, from the root of the repository."""
    paths = [ROOT / one for one in WHAT]
    found = [one for path in paths for one in (path.rglob("*.py") if path.is_dir() else [path])]
    return sorted(one.relative_to(ROOT) for one in found)


def drawn(sample: int, seed: int) -> list[tuple[Mutant, ast.Module]]:
    """Return that many mutants of all; every one where the sample is 0."""
    every = [(str(path), one) for path in sources() for one in range(count(_text(path)))]
    chosen = every
    if sample:
        chosen = Random(seed).sample(every, min(sample, len(every)))  # noqa: S311 - a sample
    print(f"{len(chosen)} of {len(every)} mutants, seed {seed}", flush=True)
    wanted: dict[str, set[int]] = {}
    for path, number in chosen:
        wanted.setdefault(path, set()).add(number)
    return [
        one
        for path, numbers in sorted(wanted.items())
        for one in mutants(path, _text(path), numbers)
    ]


def _text(path: str | Path) -> str:
    return (ROOT / path).read_text()


def map_of() -> Map:
    """Return, by module and line, the tests that run it, the most particular first.

    They are run once for this, in a child; the map is kept as long as no file is newer.
    """
    inputs = [
        *(ROOT / one for one in sources()),
        *(p for t in TESTS for p in (ROOT / t).rglob("*.py")),
    ]
    if MAP.exists() and MAP.stat().st_mtime > max(one.stat().st_mtime for one in inputs):
        return pickle.loads(MAP.read_bytes())  # type: ignore[no-any-return]  # noqa: S301 - our own
    MAP.parent.mkdir(parents=True, exist_ok=True)
    data = MAP.with_suffix(".coverage")
    child = os.fork()
    if child == 0:
        _trace(data)
    if os.waitpid(child, 0)[1]:
        sys.exit("the tests fail without a mutant")
    found = _read(data)
    MAP.write_bytes(pickle.dumps(found))
    return found


def _trace(data: Path) -> None:
    told = coverage.Coverage(
        data_file=str(data),
        branch=False,
        config_file=False,
        include=[str(ROOT / one) for one in sources()],
    )
    told.set_option("run:dynamic_context", "test_function")
    told.start()
    code = pytest.main([*QUIET, *TESTS])
    told.stop()
    told.save()
    os._exit(int(code))


def _read(data: Path) -> Map:
    held = coverage.CoverageData(str(data))
    held.read()
    weight: dict[str, int] = {}
    lines: dict[str, dict[int, set[str]]] = {}
    for path in held.measured_files():
        name = str(Path(path).relative_to(ROOT))
        for line, contexts in held.contexts_by_lineno(path).items():
            tests = {one for one in contexts if one}
            lines.setdefault(name, {})[line] = tests
            for one in tests:
                weight[one] = weight.get(one, 0) + 1
    return {
        name: {
            line: [_node(one) for one in sorted(tests, key=lambda t: (weight[t], t))]
            for line, tests in by_line.items()
        }
        for name, by_line in lines.items()
    }


def _node(context: str) -> str:
    """Return how pytest calls a test that coverage calls `tests.policy.test_x.test_y`."""
    module, _, name = context.rpartition(".")
    return f"{module.replace('.', '/')}.py::{name}"


def take(mutant: Mutant, tree: ast.Module) -> None:
    """Put the changed code into the function, whoever holds it."""
    module = importlib.import_module(mutant.module.removesuffix(".py").replace("/", "."))
    code = compile(tree, str(ROOT / mutant.module), "exec", dont_inherit=True)
    held: Any = module
    for part in mutant.function.split("."):
        inner = [c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == part]
        code = inner[0]
        held = vars(held)[part]
    for unwrapped in (getattr(held, "fget", None), getattr(held, "__func__", None)):
        held = unwrapped or held
    held = getattr(held, "__wrapped__", held)
    if not isinstance(held, FunctionType):
        raise TypeError(f"{mutant.function} is no function")
    held.__code__ = code


def is_killed(mutant: Mutant, tree: ast.Module, tests: Iterable[str]) -> str:
    """Return `killed`, `lives`, or `slow` where the tests did not come to an end in time."""
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, SECONDS_MAX)
        signal.alarm(WAITED_MAX)
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        try:
            take(mutant, tree)
            os._exit(int(pytest.main([*QUIET, *tests])))
        except BaseException:  # noqa: BLE001 - a mutant that cannot be taken in was not noticed
            os._exit(99)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in SLOW:
        return "slow"
    code = os.waitstatus_to_exitcode(status)
    if code == 99:
        return "lives"
    return "killed" if code in (1, 2, 3) or code < 0 else "lives"


def main(arguments: list[str]) -> int:
    """Return 0 when enough mutants were noticed."""
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="how many; 0: every one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=int, default=120, help="stop after that many")
    told = parser.parse_args(arguments)
    os.chdir(ROOT)
    chosen = drawn(told.sample, told.seed)
    known = map_of()
    Random(told.seed).shuffle(chosen)  # noqa: S311 - so that an early end is a sample too
    # WHY: what is imported once need not be imported by each child.
    if pytest.main([*QUIET, "-qq", "--collect-only", *TESTS]):
        sys.exit("the tests cannot be collected")
    end = time.monotonic() + 60 * told.minutes
    counted = {"killed": 0, "lives": 0, "slow": 0}
    rooms: dict[str, list[int]] = {}
    for mutant, tree in chosen:
        if time.monotonic() > end:
            print("the time is over")
            break
        ran = known.get(mutant.module, {}).get(mutant.line, [])
        # WHY: what Hypothesis draws is run by a function of its own, which is no test.
        tests = [one for one in ran if one.startswith("tests/")][:TESTS_MAX]
        found = is_killed(mutant, tree, tests) if tests else "lives"
        counted[found] += 1
        room = rooms.setdefault(mutant.module, [0, 0])
        room[0] += found == "killed"
        room[1] += 1
        if found != "killed":
            print(f"{found}: {mutant}", flush=True)
    return verdict(len(chosen), counted, rooms)


def verdict(chosen: int, counted: dict[str, int], rooms: dict[str, list[int]]) -> int:
    """Print what came of it by module; 0 where all that were chosen ran, and enough were noticed.

    Each part is held to the score on its own, where enough of it ran.
    """
    for room, (killed, seen) in sorted(rooms.items()):
        print(f"{room}: {killed} of {seen}")
    ran = sum(counted.values())
    holds = ran > 0 and _share("all", counted["killed"], ran) >= SCORE_MIN
    for part in WHAT:
        found = [one for room, one in rooms.items() if Path(room).is_relative_to(part)]
        killed, seen = (sum(column) for column in zip([0, 0], *found, strict=True))
        if _share(part, killed, seen) < SCORE_MIN and seen >= PART_MIN:
            print(f"{part}: fewer than {SCORE_MIN} % were noticed")
            holds = False
    print(f"{ran} mutants: {counted}")
    if ran < chosen:
        print(f"{chosen - ran} of {chosen} did not run: that is no answer")
    return 0 if holds and ran == chosen else 1


def _share(part: str, killed: int, seen: int) -> float:
    share = 100 * killed / max(1, seen)
    print(f"{part}: {killed} of {seen}, {share:.1f} %")
    return share


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
