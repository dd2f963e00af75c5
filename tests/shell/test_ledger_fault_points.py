"""Each step of a start, a commit, a checkpoint, a hand-over and a rotation fails:
nothing acknowledged is lost.

`test_ledger_power` kills at each step; here the disk or the store says no,
and the gateway lives on.
"""

import asyncio
import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.domain.errors import LedgerError
from gateway.ledger import checkpoints, writer
from gateway.ledger.ledger import Ledger
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from tests.doubles.fault_points import CODES, FOR_EVER, FaultyFiles, store_that_fails
from tests.doubles.ledger_lives import a_template, records_of
from tests.doubles.ledgers import a_boot, a_request, check_log, ledger_paths, opened, serve
from tests.doubles.records import a_person

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own in it, which saves the disk the work
REQUESTS = 4
Acknowledged = set[tuple[str, str]]


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> Iterator[Path]:
    if not MEMORY.is_dir():
        yield tmp_path_factory.mktemp("disk")
        return
    folder = Path(tempfile.mkdtemp(dir=MEMORY))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def template(disk: Path) -> Path:
    return a_template(disk / "template")


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    """What is due again after a while is due at once."""
    monkeypatch.setattr(writer, "HEAL_WAIT_S", 0.001)


async def _ask(ledger: Ledger, acknowledged: Acknowledged) -> None:
    before, after = a_request(ledger, a_person())
    name = before[0][0].id
    try:
        await ledger.append(before)
        acknowledged |= {("Decided", name), ("Attempted", name)}
        await ledger.append(after)
        acknowledged.add(("Settled", name))
    except LedgerError:
        pass


async def _live(paths: LedgerPaths, files: FaultyFiles, acknowledged: Acknowledged) -> None:
    try:
        ledger = await opened(paths, Options(files=files, segment_bytes_max=3_000))
    except LedgerError:
        return
    with suppress(LedgerError):
        await ledger.store_document({"version": 1, "boot": ledger.boot})
    for number in range(REQUESTS):
        ledger._parts.sealer._due_s = 0.0
        if number == REQUESTS // 2:
            with suppress(LedgerError):
                await ledger.hand_over()
        await _ask(ledger, acknowledged)
    await ledger.close()


async def _healthy(paths: LedgerPaths) -> None:
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person())


def _fail_and_live_again(template: Path, root: Path, files: FaultyFiles) -> Acknowledged:
    shutil.copytree(template, root)
    paths = ledger_paths(root)
    acknowledged: Acknowledged = set()
    asyncio.run(_live(paths, files, acknowledged))
    asyncio.run(_healthy(paths))
    report = check_log(paths)
    found = records_of(paths)
    shutil.rmtree(root)
    assert acknowledged <= found
    assert (report.open, report.unsealed, report.torn) == (0, 0, False)
    return acknowledged


def _steps(template: Path, root: Path) -> int:
    files = FaultyFiles()
    assert len(_fail_and_live_again(template, root, files)) == 3 * REQUESTS
    return files.steps.taken


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from-then-on"])
def test_a_disk_that_fails_at_any_step_loses_nothing_that_was_acknowledged(
    disk: Path, template: Path, *, lasting: bool
) -> None:
    steps = _steps(template, disk / f"whole-{lasting}")
    assert steps > 60
    served = 0
    for step in range(steps):
        files = FaultyFiles(step, CODES[step % len(CODES)], lasting=lasting)
        served += len(_fail_and_live_again(template, disk / f"{step}-{lasting}", files))
    most = 3 * REQUESTS * steps
    assert served > 0.7 * most if not lasting else served < 0.7 * most


@pytest.mark.faults
@pytest.mark.parametrize("code", CODES, ids=[errno.errorcode[code] for code in CODES])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from-then-on"])
def test_whatever_the_disk_says_at_any_step_nothing_acknowledged_is_lost(
    disk: Path, template: Path, code: int, *, lasting: bool
) -> None:
    for step in range(_steps(template, disk / f"whole-{code}-{lasting}")):
        files = FaultyFiles(step, code, lasting=lasting)
        _fail_and_live_again(template, disk / f"{step}-{code}-{lasting}", files)


def _with_a_store_that_fails(template: Path, root: Path, at: int, monkeypatch, after: bool) -> int:
    """Return how many statements there were."""
    connect, steps = store_that_fails(at, after=after)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "_connect", connect)
        shutil.copytree(template, root)
        acknowledged: Acknowledged = set()
        asyncio.run(_live(ledger_paths(root), FaultyFiles(), acknowledged))
    asyncio.run(_healthy(ledger_paths(root)))
    check_log(ledger_paths(root))
    assert acknowledged <= records_of(ledger_paths(root))
    shutil.rmtree(root)
    return steps.taken


@pytest.mark.parametrize("after", [False, True], ids=["before-it-ran", "after-it-ran"])
def test_a_store_that_fails_at_any_statement_loses_nothing(
    disk: Path, template: Path, monkeypatch, *, after: bool
) -> None:
    root = disk / f"store-{after}"
    steps = _with_a_store_that_fails(template, root, FOR_EVER, monkeypatch, after)
    assert steps > 20
    for step in range(steps):
        _with_a_store_that_fails(template, root, step, monkeypatch, after)
