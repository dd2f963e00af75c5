"""Records are found by id, with the index, without it, and with one that lies."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger import follower, frames, index
from gateway.ledger.index import Index
from gateway.ledger.ledger import Ledger
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.reader import Reader, RequestRecords
from gateway.ledger.reading import Reading
from tests.doubles.ledgers import a_boot, a_new_ledger, a_request, check_log, opened, serve

pytestmark = pytest.mark.anyio


async def some_requests(ledger: Ledger, count: int = 5) -> list[str]:
    names = []
    for _ in range(count):
        before, after = a_request(ledger)
        await ledger.append(before)
        await ledger.append(after)
        names.append(before[0][0].id)
    return names


def is_whole(found: RequestRecords | None, name: str) -> bool:
    return (
        found is not None
        and found.decided.id == name
        and [one.number for one in found.attempted] == [1]
        and found.settled is not None
        and len(found.indexes) == 3
    )


async def test_a_request_is_found_at_once_and_later(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        names = await some_requests(ledger)
        assert all(is_whole(ledger.reader.record_of(name), name) for name in names)
        assert ledger.reader.record_of("nobody") is None
        assert ledger.reader.record_of(names[0][:-1]) is None
        open_one, _ = a_request(ledger)
        await ledger.append(open_one)
        found = ledger.reader.record_of(open_one[0][0].id)
        assert found is not None
        assert found.settled is None
        assert found.decided.key_id == "key-7"
    reader = Reader(paths.folder)
    assert all(is_whole(reader.record_of(name), name) for name in names)
    assert reader.record_of("nobody") is None
    reader.close()


async def test_an_admin_record_is_no_request(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        started = list(ledger.reader.entries())[1]
        name = started.entry.split(b'"id":"')[1].split(b'"')[0].decode()
        assert ledger.reader.record_of(name) is None


async def test_the_index_can_be_deleted_at_any_time(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(index, "CHUNK_ENTRIES_MAX", 4)
    monkeypatch.setattr(follower, "FOLLOW_S", 0.001)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        names = await some_requests(ledger)
        paths.folder.index.unlink()
        assert is_whole(ledger.reader.record_of(names[0]), names[0])
    for path in paths.ledger.glob("index.sqlite*"):
        path.unlink()
    reader = Reader(paths.folder)
    assert is_whole(reader.record_of(names[2]), names[2])
    reader.close()
    async with a_boot(paths) as ledger:
        assert is_whole(ledger.reader.record_of(names[2]), names[2])
        await asyncio.sleep(0.05)
    assert leaves(paths) == check_log(paths).records


def leaves(paths: LedgerPaths) -> int:
    found = Index.peek(paths.folder)
    assert found is not None
    count = len(list(found.leaves()))
    found.close()
    return count


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM entries",
        "UPDATE entries SET leaf = zeroblob(32)",
        "UPDATE covered SET size = 1000",
        "UPDATE covered SET size = 3",
        "PRAGMA user_version = 9",
        "DROP TABLE covered",
        "DELETE FROM entries WHERE position > 2",
    ],
)
async def test_an_index_that_does_not_fit_is_made_anew(tmp_path: Path, change: str) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        names = await some_requests(ledger)
    with sqlite3.connect(paths.folder.index) as sql:
        sql.execute(change)
    sql.close()
    async with a_boot(paths) as ledger:
        assert is_whole(ledger.reader.record_of(names[0]), names[0])
    assert leaves(paths) == check_log(paths).records


async def test_an_index_that_points_elsewhere_is_not_believed(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        names = await some_requests(ledger)
    for change in (
        "UPDATE entries SET offset = 16 WHERE position = 4",
        "UPDATE entries SET offset = 7 WHERE position = 4",
        "UPDATE entries SET segment = 99 WHERE position = 4",
    ):
        with sqlite3.connect(paths.folder.index) as sql:
            sql.execute(change)
        sql.close()
        reader = Reader(paths.folder)
        assert all(is_whole(reader.record_of(name), name) for name in names)
        reader.close()


async def test_a_broken_index_holds_up_nobody(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(follower, "FOLLOW_S", 0.001)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        held = ledger._parts.reader._live.reader._index
        assert held is not None
        held._sql.execute("DROP TABLE covered")
        names = await some_requests(ledger)
        assert all(is_whole(ledger.reader.record_of(name), name) for name in names)
    check_log(paths)
    paths.folder.index.unlink()
    paths.folder.index.mkdir()
    async with a_boot(paths) as ledger:
        names = await some_requests(ledger)
        assert all(is_whole(ledger.reader.record_of(name), name) for name in names)
    check_log(paths)


async def test_what_is_not_durable_is_not_read(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
        size = ledger.size
        ledger._parts.writer._size = size - 1
        assert [stored.index for stored in ledger.reader.entries()][-1] == size - 2
        ledger._parts.writer._size = 0
        assert list(ledger.reader.entries()) == []
        ledger._parts.writer._size = size


async def test_a_record_that_cannot_be_read_is_said_to_be_broken(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        names = await some_requests(ledger, 1)
    entries = [stored.entry for stored in Reading(paths.folder)]
    data = frames.header(0)
    for entry in entries:
        bent = entry.replace(b'"v":1', b'"v":7')
        data += frames.frame(bent, 0)
    for first in paths.folder.segments():
        paths.folder.segment(first).unlink()
    paths.folder.segment(0).write_bytes(data)
    paths.folder.index.unlink()
    reader = Reader(paths.folder)
    with pytest.raises(ChainBroken, match="cannot be read"):
        reader.record_of(names[0])
    reader.close()


async def test_a_reader_beside_a_running_gateway_sees_what_is_there(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    ledger = await opened(paths)
    names = await some_requests(ledger)
    reader = Reader(paths.folder)
    assert all(is_whole(reader.record_of(name), name) for name in names)
    reader.close()
    await ledger.close()


def test_a_ledger_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    reader = Reader(LedgerFolder(tmp_path / "nothing"))
    with pytest.raises(LedgerUnavailable, match="cannot be read"):
        reader.record_of("anything")
    with pytest.raises(LedgerUnavailable, match="cannot be read"):
        list(reader.entries())
    reader.close()


async def test_entries_are_read_from_any_index_on_over_all_segments(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths, Options(segment_bytes_max=4_000)) as ledger:
        await some_requests(ledger, 8)
        whole = list(ledger.reader.entries())
        assert len(paths.folder.segments()) > 3
        for start in range(len(whole) + 2):
            assert list(ledger.reader.entries(start)) == whole[start:]
