"""A shard closes and hands over to the next: nothing is lost, and both verify."""

import asyncio
from pathlib import Path

import pytest

from gateway.audit.canonical import decode
from gateway.audit.record import Admin, Decided
from gateway.cli import main
from gateway.domain.errors import ChainBroken
from gateway.ledger import documents
from gateway.ledger.files import Files
from gateway.ledger.ledger import Ledger
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reader import Reader
from gateway.ledger.reading import Reading
from gateway.ledger.relay import MONTH, NEVER, YEAR
from gateway.ledger.shards import shards
from tests.doubles.ledgers import a_boot, a_new_ledger, a_request, check_log, serve
from tests.doubles.records import a_person

pytestmark = pytest.mark.anyio
DAY_US = 86_400_000_000


def told(paths: LedgerPaths) -> list[list[str]]:
    """What the Admin records of each shard say, in order."""
    return [
        [one.what for one in map(_record, Reading(folder)) if isinstance(one, Admin)]
        for folder in shards(paths.folder)
    ]


def _record(stored):
    return decode(stored.entry)


def names(paths: LedgerPaths) -> list[str]:
    return [one.root.name for one in shards(paths.folder)[1:]]


def later(ledger: Ledger, days: int) -> None:
    ledger._clock.at_us += days * DAY_US
    ledger._parts.writer.now_us = ledger._clock.now_us


async def serve_now(ledger: Ledger) -> str:
    """Serve a request at the time of the ledger's clock."""
    before, after = a_request(ledger, a_person())
    now = ledger._clock.now_us()
    await ledger.append([(_at(one, now), personal) for one, personal in before])
    await ledger.append([(_at(one, now), personal) for one, personal in after])
    return before[0][0].id


def _at(record, now_us: int):
    from msgspec.structs import replace

    return replace(record, ts_us=now_us)


async def test_at_the_end_of_a_month_the_next_shard_begins(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths, Options(period=MONTH)) as ledger:
        await ledger.store_document({"version": 1}, "policy")
        first = await serve_now(ledger)
        assert names(paths) == []
        later(ledger, 15)
        second = await serve_now(ledger)
        assert names(paths) == ["0002-2026-12"]
        later(ledger, 31)
        third = await serve_now(ledger)
        for name in (first, second, third):
            found = ledger.reader.record_of(name)
            assert found is not None
            assert found.settled is not None
    assert names(paths) == ["0002-2026-12", "0003-2027-01"]
    one, two, three = told(paths)
    assert one[-1] == two[-1] == "shard_closed"
    assert two[:3] == ["created", "started", "document_stored"]
    assert three[-1] == "stopped"
    report = check_log(paths)
    assert (report.decided, report.settled, report.open, report.unsealed) == (3, 3, 0, 0)


@pytest.mark.parametrize(("period", "count"), [(NEVER, 0), (YEAR, 1)])
async def test_another_period_closes_at_another_time(tmp_path: Path, period, count) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths, Options(period=period)) as ledger:
        await serve_now(ledger)
        later(ledger, 15)
        await serve_now(ledger)
        assert names(paths) == []
        later(ledger, 31)
        await serve_now(ledger)
    assert len(names(paths)) == count
    check_log(paths)


async def test_a_request_that_is_open_is_carried_over_and_settled_in_the_next(tmp_path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger, a_person())
        await ledger.append(before)
        await ledger.hand_over()
        await ledger.append(after)
        found = ledger.reader.record_of(before[0][0].id)
        assert found is not None
        assert found.settled is not None
        assert len(found.attempted) == 1
        assert found.indexes == (3, 4, 11)
    assert told(paths)[1][:3] == ["created", "carried", "started"]
    report = check_log(paths)
    assert (report.open, report.lost, report.settled) == (0, 0, 1)


async def test_a_request_that_a_crash_left_open_is_lost_in_the_shard_that_follows(tmp_path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await ledger.append(a_request(ledger, a_person())[0])
        await ledger.hand_over()
    async with a_boot(paths):
        pass
    report = check_log(paths)
    assert (report.open, report.lost) == (0, 1)


async def test_a_document_lies_beside_the_record_of_it_whenever_the_shard_is_closed(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await ledger.hand_over()
        digest = await ledger.store_document({"version": 1}, "late")
        await serve(ledger)
        stored = documents.store(shards(paths.folder)[0], {"version": 2}, Files())
        await ledger.hand_over()
        (shards(paths.folder)[1].documents / f"{stored.removeprefix('sha256:')}.json").write_bytes(
            documents.place_of(paths.folder, stored).read_bytes()
        )
        await ledger.record("document_stored", {"digest": stored, "name": "between"})
        await serve(ledger)
    assert set(check_log(paths).documents) == {digest, stored}


async def test_what_one_shard_has_is_found_by_every_command_over_them_all(
    tmp_path: Path, capsys
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        digest = await ledger.store_document({"version": 1}, "policy")
        first = await serve_now(ledger)
        await ledger.hand_over()
        last = await serve_now(ledger)
    assert documents.load(paths.folder, digest) == {"version": 1}
    place = documents.place_of(shards(paths.folder)[1], digest)
    place.unlink()
    assert documents.load(paths.folder, digest) == {"version": 1}
    with pytest.raises(ChainBroken, match="missing"):
        documents.load(paths.folder, f"sha256:{0:064x}")
    for name in (first, last):
        assert main(["explain", name, "--ledger", str(paths.ledger)]) == 0
        assert "It ended: completed" in capsys.readouterr().out
    assert main(["audit", "completeness", "--copy", "--ledger", str(paths.ledger)]) == 0


async def test_records_are_counted_through_all_shards(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        for _ in range(3):
            await serve(ledger)
            await ledger.hand_over()
        receipt = await serve(ledger)
        assert receipt.index == ledger.size - 1
        everything = list(ledger.reader.entries())
        assert [one.index for one in everything] == list(range(ledger.size))
        for start in range(ledger.size + 1):
            assert list(ledger.reader.entries(start)) == everything[start:]
    whole = list(Reader(paths.folder).entries())
    assert whole[: len(everything)] == everything
    assert sum(isinstance(_record(one), Decided) for one in whole) == 4
    async with a_boot(paths) as ledger:
        assert ledger.size == len(whole) + 1


async def test_the_indexes_of_all_shards_are_filled(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    asked = []
    async with a_boot(paths) as ledger:
        for _ in range(3):
            asked.append(await serve_now(ledger))
            await ledger.hand_over()
        await asyncio.sleep(0)
    for folder in shards(paths.folder):
        assert folder.index.exists()
    async with a_boot(paths) as ledger:
        assert all(ledger.reader.record_of(name) is not None for name in asked)
        assert ledger.reader.record_of("019aa000-0000-7000-9000-ffffffffffff") is None
