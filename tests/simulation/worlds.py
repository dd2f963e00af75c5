"""Play many random worlds: `python -m tests.simulation.worlds --worlds N [--replay SEED]`."""

import argparse
import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tests.simulation.clockwork import Deadlock, VirtualLoop
from tests.simulation.generate import FULL, generate
from tests.simulation.invariants import Violation, stories, violations
from tests.simulation.scenario import Scenario, Size
from tests.simulation.stage import Stage, forget
from tests.simulation.tally import Tally

SEED = 20_261_121
LEAST = Size(zones=1, rules=0, repos=0, backends=1, models=1, requests=1, faults=0, extras=0)


class Broken(Struct, frozen=True):
    """A world in which a promise was broken, as small as it could be made."""

    seed: int
    number: int
    found: list[Violation]
    small: Scenario
    shrunk: list[Violation]

    def __str__(self) -> str:
        """Return what a person needs to see it again."""
        world = msgspec.json.format(msgspec.json.encode(self.small), indent=1).decode()
        lines = [f"world {self.number}, seed {self.seed}:", *map(str, self.found)]
        size = ",".join(f"{name}={value}" for name, value in _sizes(self.small.size).items())
        again = f"--replay {self.seed} --size {size}"
        return "\n".join([*lines, "shrunk to:", world, *map(str, self.shrunk), again])


@contextmanager
def a_loop() -> Iterator[VirtualLoop]:
    """Give a loop whose time is virtual; one loop serves many worlds."""
    forget()
    loop = VirtualLoop()
    try:
        yield loop
    finally:
        loop.close()


def play(scenario: Scenario, loop: VirtualLoop, tally: Tally | None = None) -> list[Violation]:
    """Play one world and return every broken promise."""
    stage = Stage(scenario, loop)
    try:
        loop.run_until_complete(stage.play())
    except (Deadlock, TimeoutError) as error:
        return [Violation("a_world_comes_to_an_end", type(error).__name__)]
    told = stories(stage)
    if tally is not None:
        tally.count(stage, told)
    return violations(stage, told)


def run(count: int, first: int = SEED, tally: Tally | None = None) -> Broken | None:
    """Play that many worlds; return the first broken one, shrunk, or None."""
    # WHY: what stands already, a whole test suite perhaps, need not be walked through again and
    # again for the garbage of every few worlds.
    gc.freeze()
    try:
        with a_loop() as loop:
            for number in range(count):
                found = play(generate(first + number), loop, tally)
                if found:
                    small = shrink(first + number, found[0].promise)
                    return Broken(first + number, number, found, small, alone(small))
    finally:
        gc.unfreeze()
    return None


def alone(scenario: Scenario) -> list[Violation]:
    """Play one world on a loop of its own: another world may have left that loop unusable."""
    with a_loop() as loop:
        return play(scenario, loop)


def first_breaking(promise: str, count: int, first: int = SEED) -> int | None:
    """Return the number of the first world, from 0, in which that promise is broken."""
    with a_loop() as loop:
        for number in range(count):
            if any(one.promise == promise for one in play(generate(first + number), loop)):
                return number
    return None


def shrink(seed: int, promise: str) -> Scenario:
    """Return the smallest world of that seed in which the same promise is broken."""
    size = FULL
    for name, least in _sizes(LEAST).items():
        for value in range(least, getattr(size, name)):
            smaller = replace(size, **{name: value})
            if any(one.promise == promise for one in alone(generate(seed, smaller))):
                size = smaller
                break
    return generate(seed, size)


def _sizes(size: Size) -> dict[str, int]:
    return {name: getattr(size, name) for name in Size.__struct_fields__}


def _size(text: str) -> Size:
    pairs = (part.partition("=") for part in text.split(","))
    return replace(FULL, **{name: int(value) for name, _, value in pairs})


def _replay(seed: int, size: Size) -> int:
    scenario = generate(seed, size)
    found = alone(scenario)
    print(msgspec.json.format(msgspec.json.encode(scenario), indent=1).decode())
    for violation in found:
        print(violation)
    return 1 if found else 0


def main(arguments: list[str]) -> int:
    """Return 0 when every promise held in every world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--replay", type=int, help="the seed of one world")
    parser.add_argument("--size", type=_size, default=FULL, help="zones=2,rules=1,...")
    given = parser.parse_args(arguments)
    if given.replay is not None:
        return _replay(given.replay, given.size)
    tally = Tally()
    began = time.process_time()
    fault = run(given.worlds, given.seed, tally)
    seconds = time.process_time() - began
    print(tally)
    print(f"{seconds:.1f} s of one core, {tally.worlds / seconds:.0f} worlds a second")
    if fault is not None:
        print(fault, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
