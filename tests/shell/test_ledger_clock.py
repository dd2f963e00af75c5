"""A clock that steps back is told where it stepped, whatever else goes wrong meanwhile."""

from pathlib import Path

import pytest

from gateway.audit.canonical import decode
from gateway.audit.record import Admin
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger import writer
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from tests.doubles.disks import FailingFiles
from tests.doubles.ledgers import (
    IDS,
    Pair,
    SteadyClock,
    a_boot,
    a_new_ledger,
    check_log,
    opened,
    serve,
)
from tests.doubles.records import NOW_US, a_decided, a_settled, an_attempted

pytestmark = pytest.mark.anyio
MINUTE_US = 60_000_000


def at(ledger: Ledger, ts_us: int) -> list[Pair]:
    name = IDS.record_id()
    make = (a_decided, an_attempted, a_settled)
    return [(one(name, boot=ledger.boot, ts_us=ts_us), None) for one in make]


def kinds(paths: LedgerPaths) -> list[str]:
    records = [decode(stored.entry) for stored in Reading(paths.folder)]
    return [record.what for record in records if isinstance(record, Admin)]


async def test_adv_79_a_step_whose_group_was_refused_is_told_with_the_next(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    files, clock = FailingFiles(), SteadyClock()
    ledger = await open_ledger(paths, IDS.record_id(), clock, IDS, Options(files=files))
    await ledger.append(at(ledger, clock.now_us()))
    clock.at_us -= 10 * MINUTE_US
    files.failing = {"sync"}
    with pytest.raises(LedgerUnavailable):
        await ledger.append(at(ledger, clock.now_us()))
    files.failing = set()
    await ledger.append(at(ledger, clock.now_us()))
    await ledger.close()
    check_log(paths)
    assert kinds(paths) == ["created", "started", "clock_stepped", "recovered", "stopped"]


async def test_a_recovery_after_a_step_does_not_go_forward_again(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    files, clock = FailingFiles(), SteadyClock()
    ledger = await open_ledger(paths, IDS.record_id(), clock, IDS, Options(files=files))
    await ledger.append(at(ledger, clock.now_us()))
    clock.at_us -= 10 * MINUTE_US
    await ledger.append(at(ledger, clock.now_us()))
    files.failing = {"sync"}
    with pytest.raises(LedgerUnavailable):
        await ledger.append(at(ledger, clock.now_us()))
    files.failing = set()
    await ledger.append(at(ledger, clock.now_us()))
    await ledger.close()
    check_log(paths)
    assert kinds(paths) == ["created", "started", "clock_stepped", "recovered", "stopped"]


async def test_a_step_that_a_full_queue_refused_is_told_later(tmp_path: Path, monkeypatch) -> None:
    paths = a_new_ledger(tmp_path)
    clock = SteadyClock()
    ledger = await open_ledger(paths, IDS.record_id(), clock, IDS)
    await ledger.append(at(ledger, clock.now_us()))
    clock.at_us -= 10 * MINUTE_US
    monkeypatch.setattr(writer, "QUEUE_MAX", 1)
    with pytest.raises(LedgerUnavailable):
        await ledger.append(at(ledger, clock.now_us()))
    monkeypatch.undo()
    await ledger.append(at(ledger, clock.now_us()))
    await ledger.close()
    check_log(paths)
    assert kinds(paths).count("clock_stepped") == 1


async def test_a_step_is_remembered_over_a_checkpoint_and_a_start(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    clock = SteadyClock()
    ledger = await open_ledger(paths, IDS.record_id(), clock, IDS)
    clock.at_us -= 60 * MINUTE_US
    await ledger.append(at(ledger, clock.now_us()))
    await ledger.close()
    assert clock.at_us < NOW_US - MINUTE_US
    again = await open_ledger(paths, IDS.record_id(), clock, IDS)
    assert again._parts.sealer.latest_us < NOW_US - MINUTE_US
    await again.append(at(again, clock.now_us()))
    await again.close()
    check_log(paths)
    assert kinds(paths).count("clock_stepped") == 1


async def test_each_caller_is_told_the_index_of_his_own_last_record(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        receipt = await ledger.append(at(ledger, NOW_US - 10 * MINUTE_US))
        assert receipt.index == ledger.size - 1 == 5


@pytest.mark.parametrize("ts_us", [-1, 2**63, 10**18])
async def test_a_time_that_no_clock_shows_is_refused(tmp_path: Path, ts_us: int) -> None:
    paths = a_new_ledger(tmp_path)
    ledger = await opened(paths)
    with pytest.raises(LedgerUnavailable, match="cannot be written"):
        await ledger.append(at(ledger, ts_us))
    await serve(ledger)
    await ledger.close()
    check_log(paths)
