"""What the ledger acknowledges under load, by `python -m tests.bench.ledger`.

64 callers at once append a request each (Decided with Attempted in one commit, then Settled), with
personal fields, over and over, on a real disk: a folder that lies in memory is refused, and
`PERIMETER_BENCH_FOLDER` names another. The rounds are short, and the median one counts. Exit code 1
when that acknowledges fewer records in a second than promised, or the slowest hundredth of its
appends takes longer.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.record import Personal
from gateway.ledger.ledger import Ledger
from tests.doubles.ledgers import IDS, Pair, a_new_ledger, check_log, opened
from tests.doubles.records import NOW_US, a_decided, a_person, a_settled, an_attempted

CALLERS = 64
ROUNDS = 3
ROUND_S = 3.0
WARM_S = 1.0
RECORDS_PER_S_MIN = 5_000
P99_MS_MAX = 25.0
FOLDER = "PERIMETER_BENCH_FOLDER"
MOUNTS = Path("/proc/self/mountinfo")
IN_MEMORY = frozenset({"tmpfs", "ramfs"})


class Round(Struct, frozen=True):
    """What one round showed."""

    rate: float
    p99_ms: float

    @property
    def holds(self) -> bool:
        """Is it what was promised?"""
        return self.rate >= RECORDS_PER_S_MIN and self.p99_ms < P99_MS_MAX


class _Caller:
    """One caller: the records of his requests are made ahead, but for their ids."""

    def __init__(self, ledger: Ledger, number: int, documents: dict[str, str]) -> None:
        self.took: list[tuple[float, int]] = []
        self._ledger = ledger
        self._person: Personal = a_person(f"subject-{number}")
        self._decided = a_decided("one", boot=ledger.boot, documents=documents, ts_us=NOW_US)
        self._attempted = an_attempted("one", boot=ledger.boot)
        self._settled = a_settled("one", boot=ledger.boot)

    async def ask_until(self, end_s: float) -> None:
        while time.perf_counter() < end_s:
            name = IDS.record_id()
            decided, attempted = replace(self._decided, id=name), replace(self._attempted, id=name)
            await self._append([(decided, self._person), (attempted, self._person)])
            await self._append([(replace(self._settled, id=name), self._person)])

    async def _append(self, records: Sequence[Pair]) -> None:
        began = time.perf_counter()
        await self._ledger.append(records)
        self.took.append((time.perf_counter() - began, len(records)))


async def _round(ledger: Ledger, documents: dict[str, str], seconds: float) -> Round:
    callers = [_Caller(ledger, one, documents) for one in range(CALLERS)]
    began = time.perf_counter()
    await asyncio.gather(*(one.ask_until(began + seconds) for one in callers))
    spent = time.perf_counter() - began
    waits = sorted(wait for one in callers for wait, _ in one.took)
    records = sum(count for one in callers for _, count in one.took)
    return Round(records / spent, 1_000 * waits[len(waits) * 99 // 100])


async def _bench(root: Path) -> list[Round]:
    paths = a_new_ledger(root)
    ledger = await opened(paths)
    documents = {"policy": await ledger.store_document({"version": 1}, "policy")}
    await _round(ledger, documents, WARM_S)
    rounds = [await _round(ledger, documents, ROUND_S) for _ in range(ROUNDS)]
    await ledger.close()
    check_log(paths)
    return rounds


def median(rounds: Sequence[Round]) -> Round:
    """Return the round that as many are better than as are worse; those that hold are better."""
    return sorted(rounds, key=lambda one: (not one.holds, one.p99_ms))[len(rounds) // 2]


def filesystem(device: int, mounts: str) -> str:
    """Return the kind of the filesystem on that device, as the kernel lists them; empty if not."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        place, _, kind = line.partition(" - ")
        if place.split()[2] == number:
            return kind.split()[0]
    return ""


def main() -> int:
    """Print the median round; 1 when it is not what was promised, or is none of a disk."""
    folder = os.environ.get(FOLDER)
    with tempfile.TemporaryDirectory(prefix="perimeter-bench-", dir=folder) as root:
        kind = filesystem(Path(root).stat().st_dev, MOUNTS.read_text())
        if kind in IN_MEMORY:
            print(f"{root} is {kind}, no disk: name a folder in {FOLDER}", file=sys.stderr)
            return 1
        rounds = asyncio.run(_bench(Path(root)))
    found = median(rounds)
    print(
        f"{CALLERS} callers at once: {found.rate:.0f} records/s acknowledged (promised"
        f" {RECORDS_PER_S_MIN}), p99 {found.p99_ms:.1f} ms (promised {P99_MS_MAX:.0f}),"
        f" the median of {len(rounds)} rounds"
    )
    return int(not found.holds)


if __name__ == "__main__":
    sys.exit(main())
