"""An idle log says so and is sealed: the absence of records becomes evidence."""

import asyncio
from pathlib import Path

import pytest

from gateway.audit.canonical import decode
from gateway.audit.record import Admin
from gateway.cli import main
from gateway.ledger import beats, sealer, writer
from gateway.ledger.beats import Beats
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from tests.doubles.disks import FailingFiles
from tests.doubles.ledgers import a_boot, a_new_ledger, check_log, opened, serve

pytestmark = pytest.mark.anyio
OFTEN = 0.01


def told(paths: LedgerPaths) -> list[str]:
    found = (decode(stored.entry) for stored in Reading(paths.folder))
    return [one.what for one in found if isinstance(one, Admin)]


async def until_told(paths: LedgerPaths, count: int) -> None:
    for _ in range(1_000):
        if told(paths).count("heartbeat") >= count:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the log stayed silent")


async def test_an_idle_log_grows_and_is_sealed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sealer, "UNSEALED_S_MAX", OFTEN)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths, Options(heartbeat_s=OFTEN)) as ledger:
        await serve(ledger)
        await until_told(paths, 3)
        # WHY: a busy machine makes a checkpoint later; only that it is made is promised here.
        async with asyncio.timeout(10):
            while check_log(paths).size <= 8:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.05)
    report = check_log(paths)
    assert (report.gaps, report.unsealed) == (0, 0)
    assert told(paths)[-1] == "stopped"


async def test_a_busy_log_needs_no_heartbeat(tmp_path: Path) -> None:
    clock = [100.0]
    made = Beats(60)
    made.now_s = lambda: clock[0]
    assert made.wait_s is None
    for _ in range(10):
        made.heard()
        clock[0] += 59
        assert not made.is_due
    clock[0] += 1
    assert made.is_due


async def test_a_log_that_never_began_says_nothing(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    files = FailingFiles()
    files.failing = {"create"}
    with pytest.raises(Exception, match="cannot be written"):
        await opened(paths, Options(files=files, heartbeat_s=OFTEN))
    assert told(paths) == ["created"]


async def test_a_heartbeat_that_fails_is_tried_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(writer, "HEAL_WAIT_S", OFTEN)
    monkeypatch.setattr(beats, "RETRY_S", OFTEN)
    paths = a_new_ledger(tmp_path)
    files = FailingFiles()
    async with a_boot(paths, Options(files=files, heartbeat_s=OFTEN)) as ledger:
        files.failing = {"sync"}
        while ledger.failure is None:  # noqa: ASYNC110 - the writer's thread decides when
            await asyncio.sleep(0.01)
        files.failing = set()
        await until_told(paths, 2)
        assert ledger.failure is None
    assert "recovered" in told(paths)
    check_log(paths)


async def test_verify_says_how_long_the_log_was_silent(tmp_path: Path, capsys) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
        ledger._clock.at_us += 61_000_000
        await serve(ledger)
    assert main(["verify", str(paths.ledger)]) == 0
    assert "silence of a running gateway was 61 s, as its heart" in capsys.readouterr().out
    async with a_boot(paths) as ledger:
        ledger._clock.at_us += 500_000_000
        await ledger.record("heartbeat", {})
    assert main(["verify", str(paths.ledger)]) == 0
    assert "was 500 s; 1 were longer than its heartbeats allow" in capsys.readouterr().out
