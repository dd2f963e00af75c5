"""Disks that are full, read-only or failing: nothing is acknowledged, nothing is lost."""

import asyncio
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.domain.errors import LedgerUnavailable
from gateway.ledger import sealer, writer
from gateway.ledger.ledger import Ledger
from gateway.ledger.parts import Options
from gateway.ledger.reading import Reading
from tests.doubles.disks import FailingFiles
from tests.doubles.ledgers import (
    a_boot,
    a_new_ledger,
    a_request,
    check_log,
    ledger_paths,
    opened,
    serve,
)
from tests.doubles.records import a_person

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]


async def refused(ledger: Ledger, record_id: str) -> None:
    before, _ = a_request(ledger, record_id=record_id)
    with pytest.raises(LedgerUnavailable) as failure:
        await ledger.append(before)
    assert failure.value.status == 503
    assert isinstance(ledger.failure, LedgerUnavailable)


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never became so")


async def fill_until_refused(ledger: Ledger) -> int:
    for number in range(10_000):
        before, _ = a_request(ledger, record_id=f"squeezed/{number}")
        try:
            await ledger.append(before)
        except LedgerUnavailable:
            return number
    pytest.fail("the disk never became full")


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4_096))
            except OSError:
                return


def remounted(mount: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(mount)], check=True)


def text_of(root: Path) -> bytes:
    return b"".join(stored.entry for stored in Reading(ledger_paths(root).folder))


@pytest.mark.parametrize("operation", ["write", "sync", "create", "sync_folder"])
@pytest.mark.parametrize("in_use", [True, False])
async def test_adv_75_an_error_of_the_disk_refuses_and_heals_in_a_fresh_segment(
    tmp_path: Path, operation: str, in_use: bool
) -> None:
    paths = a_new_ledger(tmp_path)
    files = FailingFiles()
    bytes_max = 1_000_000 if in_use else 1
    async with a_boot(paths, Options(files=files, segment_bytes_max=bytes_max)) as ledger:
        await serve(ledger)
        segments = len(paths.folder.segments())
        if in_use and operation in ("create", "sync_folder"):
            return
        files.failing = {operation}
        for number in range(3):
            await refused(ledger, f"refused/{number}")
        assert ledger.size == 5
        files.failing = set()
        await serve(ledger)
        assert ledger.failure is None
        assert len(paths.folder.segments()) > segments
    report = check_log(paths)
    assert (report.decided, report.settled, report.open) == (2, 2, 0)
    text = text_of(tmp_path)
    assert b"refused/" not in text
    assert text.count(b'"recovered"') == 1
    assert b'"error":"EIO"' in text


@pytest.mark.parametrize("stuck", ["reopen", "truncate", "sync", "remove", "sync_folder"])
async def test_what_cannot_be_healed_stays_closed(tmp_path: Path, stuck: str) -> None:
    paths = a_new_ledger(tmp_path)
    files = FailingFiles()
    fresh = stuck in ("remove", "sync_folder")
    options = Options(files=files, segment_bytes_max=1 if fresh else 1_000_000)
    async with a_boot(paths, options) as ledger:
        await serve(ledger)
        files.failing = {"write", stuck}
        await refused(ledger, "refused/0")
        files.failing = {stuck}
        for number in range(1, 4):
            await refused(ledger, f"refused/{number}")
        files.failing = set()
        await serve(ledger)
    assert check_log(paths).decided == 2
    assert b"refused/" not in text_of(tmp_path)


async def test_a_descriptor_is_never_used_again_after_a_failed_sync(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    files = FailingFiles()
    async with a_boot(paths, Options(files=files)) as ledger:
        await serve(ledger)
        used = ledger._parts.writer._journal._descriptor
        files.failing = {"sync", "close"}
        await refused(ledger, "refused/0")
        assert used is not None
        assert ledger._parts.writer._journal._descriptor is None
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(used)
        files.failing = set()
        await serve(ledger)
    check_log(paths)


async def test_a_ledger_heals_without_being_asked(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(writer, "HEAL_WAIT_S", 0.01)
    paths = a_new_ledger(tmp_path)
    files = FailingFiles()
    async with a_boot(paths, Options(files=files)) as ledger:
        files.failing = {"sync"}
        await refused(ledger, "refused/0")
        await asyncio.sleep(0.05)
        assert ledger.failure is not None
        files.failing = set()
        await until(lambda: ledger.failure is None)
    assert check_log(paths).decided == 0


@pytest.mark.parametrize("operation", ["rename", "remove"])
async def test_without_a_checkpoint_nothing_more_is_acknowledged(
    tmp_path: Path, monkeypatch, operation: str
) -> None:
    monkeypatch.setattr(sealer, "UNSEALED_S_MAX", 0.3)
    paths = a_new_ledger(tmp_path)
    files = FailingFiles()
    async with a_boot(paths, Options(files=files)) as ledger:
        files.failing = {operation}
        await serve(ledger)
        await until(lambda: ledger.failure is not None)
        await refused(ledger, "refused/0")
        files.failing = set()
        await serve(ledger)
        assert ledger.failure is None
    assert check_log(paths).decided == 2


async def test_without_the_checkpoint_store_nothing_more_is_acknowledged(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(sealer, "UNSEALED_S_MAX", 0.3)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        store = ledger._parts.sealer._store
        store._sql.execute("PRAGMA query_only = ON")
        await serve(ledger)
        await until(lambda: ledger.failure is not None)
        await refused(ledger, "refused/0")
        store._sql.execute("PRAGMA query_only = OFF")
        await serve(ledger)
    assert check_log(paths).decided == 2


async def test_a_subject_key_that_cannot_be_kept_refuses(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        ledger._parts.keys._sql.execute("PRAGMA query_only = ON")
        before, _ = a_request(ledger, a_person())
        with pytest.raises(LedgerUnavailable, match="key store"):
            await ledger.append(before)
        ledger._parts.keys._sql.execute("PRAGMA query_only = OFF")
        await serve(ledger, a_person())
    assert check_log(paths).decided == 1


@pytest.mark.parametrize("operation", ["create", "sync", "rename"])
async def test_a_document_that_cannot_be_kept_refuses(tmp_path: Path, operation: str) -> None:
    paths = a_new_ledger(tmp_path)
    files = FailingFiles()
    async with a_boot(paths, Options(files=files)) as ledger:
        files.failing = {operation}
        with pytest.raises(LedgerUnavailable, match="document"):
            await ledger.store_document({"version": 1})
        files.failing = set()
        await ledger.store_document({"version": 1})
    assert len(check_log(paths).documents) == 1


async def test_a_ledger_that_cannot_write_its_start_is_let_go(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    files = FailingFiles(errno.EROFS)
    files.failing = {"create"}
    with pytest.raises(LedgerUnavailable):
        await opened(paths, Options(files=files))
    async with a_boot(paths):
        pass
    check_log(paths)


async def test_a_ledger_that_fails_can_still_be_closed(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    files = FailingFiles()
    ledger = await opened(paths, Options(files=files))
    await serve(ledger)
    files.failing = {"write", "rename", "truncate"}
    await refused(ledger, "refused/0")
    await ledger.close()
    async with a_boot(paths) as ledger:
        await serve(ledger)
    report = check_log(paths)
    assert report.settled >= 2
    assert report.open == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("a tmpfs of a few pages cannot be mounted here (not root)")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


async def test_adv_75_a_full_disk_refuses_and_an_emptied_one_goes_on(small_disk: Path) -> None:
    paths = a_new_ledger(small_disk)
    ballast = small_disk / "ballast"
    async with a_boot(paths) as ledger:
        await serve(ledger)
        fill(ballast)
        acknowledged = await fill_until_refused(ledger)
        await refused(ledger, "refused/0")
        ballast.unlink()
        await serve(ledger)
        assert ledger.failure is None
    report = check_log(paths)
    assert report.open == acknowledged
    assert b"refused/" not in text_of(small_disk)
    assert b'"error":"ENOSPC"' in text_of(small_disk)


async def test_adv_75_a_ledger_on_a_read_only_disk_refuses(small_disk: Path) -> None:
    paths = a_new_ledger(small_disk)
    remounted(small_disk, "ro")
    with pytest.raises(LedgerUnavailable):
        await opened(paths)
    remounted(small_disk, "rw")
    async with a_boot(paths) as ledger:
        await serve(ledger)
    check_log(paths)


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_file_that_may_not_grow_refuses(tmp_path: Path) -> None:
    """The limit of the operating system, in a process of its own."""
    paths = a_new_ledger(tmp_path)
    script = (
        "import asyncio, signal, sys; from pathlib import Path\n"
        "from tests.doubles.ledgers import ledger_paths, a_request, opened\n"
        "from gateway.domain.errors import LedgerUnavailable\n"
        "async def main():\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    ledger = await opened(ledger_paths(Path(sys.argv[1])))\n"
        "    for number in range(1000):\n"
        "        try: await ledger.append(a_request(ledger)[0])\n"
        "        except LedgerUnavailable as error:\n"
        "            print(number, error.hint); break\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        preexec_fn=limited,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    acknowledged, hint = done.stdout.split()
    assert hint == "EFBIG"

    async def again() -> None:
        async with a_boot(paths):
            pass

    asyncio.run(again())
    report = check_log(paths)
    assert report.lost >= int(acknowledged) > 3
