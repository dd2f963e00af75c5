"""The operator owns the folder, the store and the index, and lies with each of them."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.canonical import decode, encode
from gateway.audit.record import Attempted
from gateway.audit.verify import Report, Verdict
from gateway.ledger import frames
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.shards import shards
from gateway.ledger.verify import verify_folder
from tests.doubles.chains import copied, lived, one_in_each
from tests.doubles.flow_logs import a_flow_log
from tests.doubles.gateway_folders import ran
from tests.doubles.ledgers import a_boot, a_new_ledger, check_log, serve
from tests.doubles.records import a_person, an_admin


@pytest.fixture(scope="module")
def chained(tmp_path_factory) -> LedgerPaths:
    return lived(tmp_path_factory.mktemp("chained"), one_in_each)


@pytest.fixture
def paths(chained: LedgerPaths, tmp_path: Path) -> LedgerPaths:
    return copied(chained, tmp_path)


def rows_of(paths: LedgerPaths, statement: str, *values: object) -> list:
    sql = sqlite3.connect(paths.checkpoints)
    found = sql.execute(statement, values).fetchall()
    sql.commit()
    sql.close()
    return found


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_store_that_forgot_one_shard_of_several_is_named(paths: LedgerPaths, number: int) -> None:
    origin = shards(paths.folder)[number].origin.read_text().strip()
    rows_of(paths, "DROP TRIGGER never_gone")
    rows_of(paths, "DELETE FROM checkpoints WHERE origin = ?", origin)
    report = verify_folder(paths.ledger, None, paths.checkpoints)
    assert report.verdict is Verdict.TAMPERED, report
    assert "the checkpoint store is older" in report.reason
    shard = "" if number == 0 else shards(paths.folder)[number].root.name
    assert report.shard == shard


def test_a_store_that_was_put_back_for_the_last_shard_alone_is_named(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)

    async def grow(times: int) -> None:
        async with a_boot(paths) as ledger:
            for _ in range(times):
                await serve(ledger)

    async def close() -> None:
        async with a_boot(paths) as ledger:
            await ledger.hand_over()
            await serve(ledger)

    asyncio.run(close())
    shutil.copytree(paths.checkpoints.parent, tmp_path / "old")
    asyncio.run(grow(3))
    shutil.rmtree(paths.checkpoints.parent)
    shutil.copytree(tmp_path / "old", paths.checkpoints.parent)
    report = verify_folder(paths.ledger, None, paths.checkpoints)
    assert (report.verdict, report.shard) == (Verdict.TAMPERED, "0002-2026-11"), report


FORGED = ("erased", "bodies_pruned", "pruned", "prune_refused", "exported", "approval_used")


@pytest.mark.parametrize("what", FORGED)
def test_an_admin_record_that_was_put_in_is_named(paths: LedgerPaths, what: str) -> None:
    """Without the key it fits no checkpoint; behind the last one it proves nothing."""
    folder = shards(paths.folder)[2]
    entries = [stored.entry for stored in Reading(folder)]
    boot = decode(entries[1]).boot
    forged = encode(
        replace(an_admin(what, f"forged/{what}"), boot=boot, ts_us=decode(entries[1]).ts_us)
    )
    write(folder, [*entries[:2], forged, *entries[2:]])
    assert of(paths) == (Verdict.TAMPERED, 2)
    write(folder, [*entries[:2], forged, *entries[3:]])
    assert of(paths) == (Verdict.TAMPERED, 2)


def write(folder: LedgerFolder, entries: list[bytes]) -> None:
    for first in folder.segments():
        folder.segment(first).unlink()
    data = frames.header(0) + b"".join(frames.frame(entry, 0) for entry in entries)
    folder.segment(0).write_bytes(data)


def of(paths: LedgerPaths) -> tuple[Verdict, int | None]:
    report: Report = verify_folder(paths.ledger)
    return report.verdict, report.first_bad


def asked(paths: LedgerPaths, *words: str) -> tuple[int, dict]:
    told = ran("audit", "boundary", "--copy", "--ledger", str(paths.ledger), "--as", "json", *words)
    return told.code, msgspec.json.decode(told.out)


def sent_to(answer: dict) -> dict[str, int]:
    return {row["zone"]: row["attempts"] for row in answer["rows"] if row["attempts"]}


def test_replacing_the_index_of_facts_changes_nothing_that_is_proven(tmp_path: Path) -> None:
    """An answer without --prove says that it is not verified; `reindex` names the row."""
    paths = a_flow_log(tmp_path)
    _, honest = asked(paths)
    index = sqlite3.connect(paths.folder.facts)
    index.execute("UPDATE attempts SET zone = 'nowhere', attempts = attempts + 7")
    index.commit()
    index.close()
    _, answer = asked(paths, "--prove")
    assert sent_to(answer) == sent_to(honest)
    _, answer = asked(paths)
    assert "NOT VERIFIED" in msgspec.json.encode(answer).decode()
    told = ran("ledger", "reindex", str(paths.ledger))
    assert "nowhere" in told.out + told.err or told.code != 0, told
    _, answer = asked(paths)
    assert sent_to(answer) == sent_to(honest)


def test_destroying_the_keys_of_a_person_hides_no_crossing(tmp_path: Path) -> None:
    """Where a request was sent stands in clear, under no key of anybody."""
    paths = a_new_ledger(tmp_path)

    async def write_all() -> None:
        async with a_boot(paths) as ledger:
            await serve(ledger, a_person())

    asyncio.run(write_all())
    before = [decode(one.entry) for one in Reading(paths.folder)]
    paths.subject_keys.unlink()
    tried = [one for one in before if isinstance(one, Attempted)]
    assert [(one.zone, one.offering) for one in tried] == [("on_prem", "qwen3-coder@on_prem")]
    assert check_log(paths).attempted == 1
    told = ran("audit", "requests", "--copy", "--ledger", str(paths.ledger), "--prove")
    assert (told.code, tried[0].id in told.out) == (0, True), told
