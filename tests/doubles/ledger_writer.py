"""A process that writes a ledger until it is killed; it prints what was acknowledged."""

import asyncio
import os
import sys
from pathlib import Path

from tests.doubles.ledgers import IDS, a_request, ledger_paths, opened
from tests.doubles.records import a_person

CALLERS = 8


async def main(root: Path, life: str) -> None:
    IDS.begin_at(int(life) * 1_000_000)
    ledger = await opened(ledger_paths(root))

    async def caller(number: int) -> None:
        for turn in range(100_000):
            name = f"019aa000-0000-7000-a000-{int(life):04d}{number:02d}{turn:06d}"
            before, after = a_request(ledger, a_person(f"subject-{number}"), name)
            await ledger.append(before)
            os.write(1, f"D {name}\n".encode())
            await ledger.append(after)
            os.write(1, f"S {name}\n".encode())

    await asyncio.gather(*(caller(number) for number in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
