"""Whatever stands where the index stood, the gateway starts, serves and stops."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.ledger import index
from gateway.ledger.index import Index
from gateway.ledger.paths import LedgerPaths
from tests.doubles.ledgers import a_boot, a_new_ledger, a_request, check_log, serve

pytestmark = pytest.mark.anyio
TRAPS = {
    "a trigger that never ends": [
        "CREATE TRIGGER t AFTER INSERT ON entries BEGIN INSERT INTO covered SELECT 1, 1, 1, 1"
        " FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT x FROM c"
        " WHERE x = 0); END",
    ],
    "a view that never ends": [
        "ALTER TABLE entries RENAME TO gone",
        "CREATE VIEW entries AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c)"
        " SELECT x AS position, 'a' AS id, 'b' AS type,"
        " 0 AS segment, 0 AS offset, x'00' AS leaf FROM c WHERE x = 0",
    ],
    "no row": ["DELETE FROM covered"],
    "no table": ["DROP TABLE covered"],
    "one table more": ["CREATE TABLE more (a)"],
    "words for numbers": ["UPDATE covered SET size = 'many', segment = 'x', offset = 'y'"],
    "bytes for numbers": ["UPDATE entries SET segment = x'ff', offset = x'ff'"],
    "numbers beyond files": ["UPDATE entries SET segment = 9223372036854775807, offset = -5"],
    "an end below zero": ["UPDATE covered SET offset = -1"],
    "an end elsewhere": ["UPDATE covered SET offset = offset + 1"],
    "ahead of the log": ["UPDATE covered SET size = size + 1000"],
    "no leaf": ["UPDATE entries SET leaf = 5"],
    "a number that is a fraction": ["UPDATE covered SET size = 2.5"],
}


def trapped(paths: LedgerPaths, statements: list[str]) -> None:
    with sqlite3.connect(paths.folder.index) as sql:
        for statement in statements:
            sql.execute(statement)
    sql.close()


def nonsense(path: Path) -> None:
    path.write_bytes(b"no database" * 500)


def a_link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_bytes(b"precious")
    path.symlink_to(target)


def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "file").write_bytes(b"x")


PLACES: dict[str, Callable[[Path], None]] = {
    "nonsense": nonsense,
    "nothing in it": lambda path: path.write_bytes(b""),
    "a pipe": os.mkfifo,
    "a link": a_link,
    "a folder": a_folder,
}


async def lives(paths: LedgerPaths) -> None:
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger)
        await ledger.append([*before, *after])
        found = ledger.reader.record_of(before[0][0].id)
        assert found is not None
        assert found.settled is not None


@pytest.mark.parametrize("name", TRAPS)
async def test_an_index_with_a_trap_in_it_is_made_anew(tmp_path: Path, name: str) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    trapped(paths, TRAPS[name])
    await lives(paths)
    check_log(paths)
    with sqlite3.connect(paths.folder.index) as sql:
        assert sql.execute("SELECT count(*) FROM sqlite_master").fetchone() == (3,)
        assert sql.execute("SELECT count(*) FROM entries").fetchone()[0] > 5
    sql.close()


@pytest.mark.parametrize("name", PLACES)
async def test_what_is_no_index_does_not_stop_a_start(tmp_path: Path, name: str) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    paths.folder.index.unlink()
    PLACES[name](paths.folder.index)
    await lives(paths)
    if name == "a link":
        assert (paths.ledger / "elsewhere").read_bytes() == b"precious"
    check_log(paths)


async def test_a_trap_laid_beside_a_running_gateway_does_not_hold_its_stop(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(index, "STEPS_MAX", 1_000_000)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        trapped(paths, TRAPS["a trigger that never ends"])
        before, after = a_request(ledger)
        await ledger.append([*before, *after])
        assert ledger.reader.record_of(before[0][0].id) is not None
    check_log(paths)


async def test_a_right_index_is_kept(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    number = paths.folder.index.stat().st_ino
    async with a_boot(paths) as ledger:
        await serve(ledger)
    assert paths.folder.index.stat().st_ino == number
    found = Index.peek(paths.folder)
    assert found is not None
    assert len(list(found.leaves())) == check_log(paths).records
    found.close()
