"""The stop is the last record of a boot, and one origin has one writer until then."""

import asyncio
import inspect
import threading
from pathlib import Path

import pytest

from gateway.app import serving
from gateway.audit.canonical import decode
from gateway.audit.record import Admin, Settled
from gateway.domain.errors import LedgerUnavailable
from gateway.domain.route import OutcomeKind
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from tests.doubles.disks import TracedFiles
from tests.doubles.ledgers import (
    ORIGIN,
    a_boot,
    a_new_ledger,
    a_request,
    check_log,
    opened,
    serve,
)

pytestmark = pytest.mark.anyio


def last_of(paths: LedgerPaths) -> str:
    record = [decode(stored.entry) for stored in Reading(paths.folder)][-1]
    return record.what if isinstance(record, Admin) else type(record).__name__


async def test_a_record_that_comes_after_the_stop_was_queued_is_refused(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    ledger = await opened(paths)
    before, after = a_request(ledger)
    await ledger.append(before)
    closing = asyncio.create_task(ledger.close())
    await asyncio.sleep(0)
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.append(after)
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.record("quarantined", {"backend": "vllm"})
    await closing
    assert last_of(paths) == "stopped"
    assert check_log(paths).open == 1


async def test_a_stop_behind_a_stalled_disk_stays_the_last_record(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    files = TracedFiles()
    ledger = await opened(paths, Options(files=files))
    release = threading.Event()
    files.before_sync = lambda: release.wait(10) and None
    before, after = a_request(ledger)
    first = asyncio.create_task(ledger.append(before))
    late = asyncio.create_task(settle_later(ledger.append, first, after))
    await asyncio.sleep(0.02)
    closing = asyncio.create_task(ledger.close())
    await asyncio.sleep(0.02)
    release.set()
    await closing
    with pytest.raises(LedgerUnavailable):
        await late
    assert last_of(paths) == "stopped"
    check_log(paths)
    async with a_boot(paths):
        pass
    records = [decode(stored.entry) for stored in Reading(paths.folder)]
    lost = [one for one in records if isinstance(one, Settled)]
    assert [one.outcome for one in lost] == [OutcomeKind.LOST]
    check_log(paths)


async def settle_later(append, first, after) -> None:
    await asyncio.wait([first])
    await append(after)


async def test_what_was_queued_before_the_stop_is_written_before_it(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    ledger = await opened(paths)
    waiting = [asyncio.create_task(ledger.append(a_request(ledger)[0])) for _ in range(50)]
    await asyncio.sleep(0)
    await ledger.close()
    await asyncio.gather(*waiting)
    assert last_of(paths) == "stopped"
    assert check_log(paths).decided == 50


async def test_a_ledger_closed_twice_has_one_stop(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    ledger = await opened(paths)
    await ledger.close()
    await ledger.close()
    text = b"".join(stored.entry for stored in Reading(paths.folder))
    assert text.count(b'"stopped"') == 1


async def test_a_lock_that_was_deleted_lets_no_second_gateway_in(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
        paths.folder.lock.unlink()
        with pytest.raises(LedgerUnavailable, match="another gateway"):
            await opened(paths)
        await serve(ledger)
    assert check_log(paths).decided == 2
    async with a_boot(paths) as ledger:
        await serve(ledger)
    assert check_log(paths).decided == 3


async def test_a_second_log_in_the_same_store_has_a_lock_of_its_own(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    assert paths.writer_lock(ORIGIN) != paths.writer_lock("another.example/log")
    assert paths.writer_lock(ORIGIN).parent == paths.checkpoints.parent
    assert not paths.writer_lock(ORIGIN).is_relative_to(paths.ledger)


async def test_what_watches_writes_its_last_record_before_the_ledger_closes(tmp_path: Path) -> None:
    """A probe that ends tells what it found; `serve` waits for it while the ledger is open."""
    paths = a_new_ledger(tmp_path)
    ledger = await opened(paths)

    async def watch() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await ledger.record("quarantined", {"backend": "vllm"})

    watching = [asyncio.create_task(watch())]
    await asyncio.sleep(0)
    await serving._no_longer(watching)
    assert watching[0].done()
    await ledger.close()
    kinds = [one.what for one in admin_records(paths)]
    assert kinds[-2:] == ["quarantined", "stopped"]
    order = inspect.getsource(serving.serve)
    assert order.index("_no_longer(watching)") < order.index("_stop(made")


def admin_records(paths: LedgerPaths) -> list[Admin]:
    records = [decode(stored.entry) for stored in Reading(paths.folder)]
    return [record for record in records if isinstance(record, Admin)]
