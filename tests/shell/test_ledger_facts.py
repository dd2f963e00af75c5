"""The facts index is no evidence: it follows the log, and whatever else it holds is found out."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.domain.errors import ChainBroken
from gateway.ledger import facts
from gateway.ledger.facts import FactsIndex, parts_of, tables
from gateway.ledger.facts_anew import difference
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.signed import signed
from tests.doubles.flow_logs import CLOUD, FlowLog, a_flow_log, everyday
from tests.doubles.gateway_folders import Ran, ran
from tests.doubles.ledgers import a_new_ledger, ledger_paths


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_flow_log(tmp_path_factory.mktemp("log")).ledger.parent


@pytest.fixture
def paths(written: Path, tmp_path: Path) -> LedgerPaths:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return ledger_paths(tmp_path)


def an_index(paths: LedgerPaths, name: str = "other.sqlite", size: int | None = None) -> FactsIndex:
    folder = paths.folder
    (part,) = parts_of(folder)
    parts = [
        part if size is None else replace(part, checkpoint=replace(part.checkpoint, size=size))
    ]
    index = FactsIndex.make(paths.ledger / name, parts)
    index.catch_up(parts)
    return index


def reindex(paths: LedgerPaths) -> Ran:
    return ran("ledger", "reindex", str(paths.ledger))


def ask(paths: LedgerPaths, *words: str) -> Ran:
    return ran("audit", "boundary", "--copy", "--ledger", str(paths.ledger), *words)


def forge(paths: LedgerPaths, statement: str) -> None:
    with closing(sqlite3.connect(paths.folder.facts)) as sql, sql:
        sql.execute(statement)


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_read_in_parts_or_at_once_it_has_the_same_rows(paths, monkeypatch, chunk: int) -> None:
    monkeypatch.setattr(facts, "CHUNK_ENTRIES_MAX", chunk)
    size = signed(paths.folder, None).size
    an_index(paths, "parts.sqlite", size // 2).close()
    parts = an_index(paths, "parts.sqlite")
    monkeypatch.setattr(facts, "CHUNK_ENTRIES_MAX", 1000)
    whole = an_index(paths, "whole.sqlite")
    assert difference(parts, whole) == ""
    assert parts.head == whole.head
    assert parts.head.root == signed(paths.folder, None).root


def test_every_table_has_rows_of_the_flow(paths) -> None:
    with closing(an_index(paths)) as index:
        counts = {
            name: index.sql.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]  # noqa: S608
            for name in tables()
        }
    assert min(counts.values()) > 0, counts
    assert counts["requests"] == 8


def test_it_follows_a_log_that_grows(tmp_path: Path) -> None:
    paths = a_flow_log(tmp_path)
    assert ask(paths).code == 0

    async def more() -> None:
        log = await FlowLog.open(paths)
        await everyday(log)
        await log.ledger.close()

    asyncio.run(more())
    assert "14 attempts" in ask(paths).out
    assert reindex(paths).code == 0


def test_made_anew_it_shows_no_difference_where_there_is_none(paths) -> None:
    for _ in range(2):
        told = reindex(paths)
        assert told.code == 0
        assert "the index was as the log says" in told.out
    assert ask(paths).code == 0
    assert not list(paths.ledger.glob("*.new*"))


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("UPDATE attempts SET zone = 'mars' WHERE zone = 'frontier'", "attempts: it had day"),
        ("DELETE FROM requests WHERE position = (SELECT MAX(position) FROM requests)", "requests:"),
        ("UPDATE decisions SET requests = requests + 1", "decisions: it had"),
        ("UPDATE changes SET facts = '{}' WHERE what = 'policy_loaded'", "changes: it had"),
        ("UPDATE covered SET frontier = zeroblob(length(frontier))", "from other records"),
        ("UPDATE covered SET leaf = x'00'", "from other records"),
        ("UPDATE opened SET id = id", "as the log says"),
        ("CREATE TABLE more (one)", "no facts index of this version"),
        ("UPDATE covered SET frontier = 'x', leaf = 'y'", "is damaged: "),
    ],
)
def test_a_row_that_the_log_does_not_give_is_named(paths, statement: str, names: str) -> None:
    assert ask(paths).code == 0
    forge(paths, statement)
    told = reindex(paths)
    assert names in told.out
    assert told.code == (0 if "as the log says" in names else 1)
    assert reindex(paths).code == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE covered SET frontier = zeroblob(length(frontier))",
        "UPDATE covered SET size = size + 7",
        "UPDATE covered SET leaf = x'00'",
        "DELETE FROM covered",
        "CREATE TABLE more (one)",
        "PRAGMA user_version = 99",
    ],
)
def test_an_index_that_does_not_fit_is_made_anew_before_it_answers(paths, statement: str) -> None:
    honest = ask(paths).out
    forge(paths, statement)
    assert ask(paths).out == honest


@pytest.mark.parametrize("what", ["text", "folder", "pipe", "link"])
def test_whatever_lies_in_its_place_the_answer_is_right_or_a_line(paths, what: str) -> None:
    place = paths.folder.facts
    if what == "text":
        place.write_bytes(b"no database at all")
    elif what == "folder":
        place.mkdir()
    elif what == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(paths.signing_key)
    told = ask(paths)
    assert told.code in (0, 2)
    assert told.code == 0 or "cannot be written" in told.err
    assert paths.signing_key.read_bytes().count(b"\n") == 1


def test_it_can_lie_elsewhere_so_that_who_asks_need_not_write_to_the_ledger(
    paths, tmp_path
) -> None:
    place = tmp_path / "elsewhere.sqlite"
    assert ask(paths, "--index", str(place)).code == 0
    assert place.exists()
    assert not paths.folder.facts.exists()
    told = ask(paths, "--index", str(tmp_path / "nowhere" / "facts.sqlite"))
    assert told.code == 2
    assert "--index names another file" in told.err


def test_a_journal_that_ends_early_or_cannot_be_read_is_told(paths) -> None:
    told = pytest.raises(ChainBroken, match="the journal ends before record")
    with closing(an_index(paths)) as index, told:
        (part,) = parts_of(paths.folder)
        longer = replace(part.checkpoint, size=index.head.size + 1)
        index.catch_up([replace(part, checkpoint=longer)])
    segment = max(paths.folder.journal.iterdir())
    segment.unlink()
    told = ask(paths)
    assert told.code == 1
    assert "perimeter" in told.err


def test_of_an_empty_log_there_is_nothing_to_say(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    told = ask(paths)
    assert told.code == 0
    assert "counted over 1 records, tree sizes 0 to 1; 0 attempts" in told.out


def test_it_counts_through_all_shards_and_needs_the_root_of_each(tmp_path: Path) -> None:
    async def write(log: FlowLog) -> None:
        await everyday(log)
        for _ in range(2):
            await log.ledger.hand_over()
            await log.ask(caller=CLOUD)

    paths = a_flow_log(tmp_path, write)
    parts = parts_of(paths.folder)
    assert len(parts) == 3
    told = ask(paths, "--prove")
    assert told.code == 0, told.err
    assert "9 attempts" in told.out
    size = sum(one.checkpoint.size for one in parts)
    assert f"proven over {size} of {size} records, tree sizes 0 to {size}" in told.out
    assert "in 2 closed shards" in told.out
    grown = an_empty(paths)
    grown.catch_up(parts[:1])
    grown.catch_up(parts)
    whole = an_empty(paths, "whole.sqlite")
    whole.catch_up(parts)
    assert difference(grown, whole) == ""
    assert grown.fits(parts)
    assert not grown.fits(parts[:2])
    assert reindex(paths).code == 0
    forged = replace(parts[0].checkpoint, root=bytes(32))
    with pytest.raises(ChainBroken, match="not what its checkpoint signs"):
        an_empty(paths).catch_up([replace(parts[0], checkpoint=forged), *parts[1:]])


def an_empty(paths: LedgerPaths, name: str = "fresh.sqlite") -> FactsIndex:
    return FactsIndex.fresh(paths.ledger / name)


def test_it_is_mapped_so_that_the_kernel_reads_ahead(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    for index in (FactsIndex.fresh(path), FactsIndex.peek(path)):
        assert index is not None
        with closing(index):
            (mapped,) = index.sql.execute("PRAGMA mmap_size").fetchone()
            assert mapped == facts.MAPPED_BYTES_MAX
