"""A ledger that is killed at one step, loses its power, and lives again."""

import asyncio
import shutil
from pathlib import Path

from gateway.audit.canonical import decode
from gateway.audit.record import Attempted, Decided, Settled
from gateway.domain.errors import LedgerError
from gateway.ledger.files import Files
from gateway.ledger.ledger import Ledger
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reader import Reader
from gateway.ledger.signers import KeyFiles
from tests.doubles.disks import Killed, MortalFiles
from tests.doubles.ledgers import (
    a_boot,
    a_new_ledger,
    a_request,
    check_log,
    kill,
    ledger_paths,
    opened,
    serve,
)
from tests.doubles.records import a_person

FOR_EVER = 1_000_000
Acknowledged = set[tuple[str, str]]


def a_template(root: Path) -> Path:
    """Return the folder of a ledger that has had one quiet boot, and a key waits for the next."""
    paths = a_new_ledger(root)

    async def quiet() -> None:
        async with a_boot(paths) as ledger:
            await serve(ledger, a_person())

    asyncio.run(quiet())
    KeyFiles(paths.signing_key, Files()).wait()
    return root


async def _live(ledger: Ledger, acknowledged: Acknowledged) -> None:
    async def one() -> None:
        before, after = a_request(ledger, a_person())
        name = before[0][0].id
        await ledger.append(before)
        acknowledged.update({("Decided", name), ("Attempted", name)})
        await ledger.append(after)
        acknowledged.add(("Settled", name))

    await ledger.store_document({"version": 1, "boot": ledger.boot})
    await one()
    await asyncio.gather(one(), one())
    ledger._parts.sealer._due_s = 0.0
    before, after = a_request(ledger, a_person())
    name = before[0][0].id
    await ledger.append(before)
    acknowledged.update({("Decided", name), ("Attempted", name)})
    await ledger.hand_over()
    await ledger.append(after)
    acknowledged.add(("Settled", name))
    await one()


async def a_life(paths: LedgerPaths, files: MortalFiles) -> Acknowledged:
    """Live until the end, or until a step kills; return what was acknowledged."""
    acknowledged: Acknowledged = set()
    try:
        ledger = await opened(paths, Options(files=files, segment_bytes_max=3_000))
    except (Killed, LedgerError):
        return acknowledged
    try:
        await _live(ledger, acknowledged)
    except (Killed, LedgerError):
        await kill(ledger, files)
    else:
        await ledger.close()
    return acknowledged


def steps_of_a_life(template: Path, root: Path) -> int:
    """Return how many steps a whole life has."""
    shutil.copytree(template, root)
    files = MortalFiles(FOR_EVER)
    asyncio.run(a_life(ledger_paths(root), files))
    check_log(ledger_paths(root))
    return files.steps


def records_of(paths: LedgerPaths) -> Acknowledged:
    found: Acknowledged = set()
    for stored in Reader(paths.folder).entries():
        record = decode(stored.entry)
        if isinstance(record, Decided | Attempted | Settled):
            found.add((type(record).__name__, record.id))
    return found


def die_and_live_again(template: Path, root: Path, step: int, survival: str) -> None:
    """Kill at that step, cut the power, kill the next start too, and then look at everything."""
    shutil.copytree(template, root)
    paths = ledger_paths(root)
    first = MortalFiles(step)
    acknowledged = asyncio.run(a_life(paths, first))
    first.lose_power(survival)
    second = MortalFiles(step % 23)
    acknowledged |= asyncio.run(a_life(paths, second))
    second.lose_power(survival)
    third = asyncio.run(a_life(paths, MortalFiles(FOR_EVER)))
    report = check_log(paths)
    assert len(third) == 15, "the third life ended early"
    assert acknowledged | third <= records_of(paths), (step, survival)
    assert (report.open, report.unsealed, report.torn) == (0, 0, False), (step, survival)
    shutil.rmtree(root)
