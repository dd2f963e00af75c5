"""A request is found by the facts index, and an index that is wrong hides none."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import Struct

from gateway.audit.record import Decided
from gateway.ledger import facts, finding
from gateway.ledger.facts import FactsIndex, Part, parts_of
from gateway.ledger.finding import request_of
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reader import Reader, RequestRecords
from tests.doubles.gateway_folders import ran
from tests.doubles.ledgers import IDS, Pair, a_boot, a_new_ledger, a_request, check_log

MARKED = 8


class Made(Struct, frozen=True):
    """A ledger of two shards: one request of each kind, by what is to be said of it."""

    paths: LedgerPaths
    ids: dict[str, str]


def name_of(pairs: list[Pair]) -> str:
    record = pairs[0][0]
    assert isinstance(record, Decided)
    return record.id


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    paths = a_new_ledger(tmp_path_factory.mktemp("two"))
    ids: dict[str, str] = {}

    async def live() -> None:
        async with a_boot(paths) as ledger:
            for number in range(20):
                before, after = a_request(ledger)
                await ledger.append([*before, *after])
                ids["first" if number == 0 else "old"] = name_of(list(before))
            carried, later = a_request(ledger)
            ids["carried"] = name_of(list(carried))
            await ledger.append(carried)
            await ledger.hand_over()
            for _ in range(20):
                before, after = a_request(ledger)
                await ledger.append([*before, *after])
                ids["new"] = name_of(list(before))
            await ledger.append(later)
            opened, _ = a_request(ledger)
            ids["open"] = name_of(list(opened))
            await ledger.append(opened)

    asyncio.run(live())
    check_log(paths)
    return Made(paths, ids)


@pytest.fixture
def index(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FactsIndex]:
    monkeypatch.setattr(facts, "MARK_EVERY", MARKED)
    with closing(FactsIndex.fresh(tmp_path / "facts.sqlite")) as index:
        index.catch_up(parts_of(made.paths.folder))
        yield index


def parts(made: Made) -> tuple[Part, ...]:
    return parts_of(made.paths.folder)


def by_journal(made: Made, record_id: str) -> RequestRecords | None:
    return Reader(made.paths.folder).record_of(record_id)


@pytest.mark.parametrize("which", ["first", "old", "carried", "new", "open"])
def test_a_request_is_found_without_reading_the_whole_log(
    made: Made, index: FactsIndex, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = by_journal(made, made.ids[which])
    assert expected is not None
    assert (expected.settled is None) == (which == "open")
    monkeypatch.setattr(finding, "Reader", None)
    assert request_of(index, parts(made), made.ids[which]) == expected


def test_what_nobody_asked_is_not_there(
    made: Made, index: FactsIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "Reader", None)
    assert request_of(index, parts(made), IDS.record_id()) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE requests SET ended = 3",
        "UPDATE requests SET position = position + 5, ended = ended + 5 WHERE position > 9",
        "UPDATE requests SET ended = position",
        "UPDATE marks SET offset = offset + 1",
        "UPDATE marks SET segment = 7, offset = 'odd'",
        "DELETE FROM marks",
        "DROP TABLE marks",
    ],
)
@pytest.mark.parametrize("which", ["old", "new"])
def test_an_index_that_is_wrong_hides_no_request(
    made: Made, index: FactsIndex, which: str, statement: str
) -> None:
    index.sql.execute(statement)
    expected = by_journal(made, made.ids[which])
    assert expected is not None
    assert request_of(index, parts(made), made.ids[which]) == expected


@pytest.mark.anyio
async def test_what_follows_the_checkpoint_is_found_too(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger)
        await ledger.append([*before, *after])
        with closing(FactsIndex.fresh(tmp_path / "facts.sqlite")) as index:
            known = parts_of(paths.folder)
            index.catch_up(known)
            late, end = a_request(ledger)
            await ledger.append([*late, *end])
            found = request_of(index, known, name_of(list(late)))
    assert found is not None
    assert found.settled is not None


def test_the_audit_explains_a_request_of_each_shard(made: Made) -> None:
    for which in ("first", "carried", "new"):
        words = ("--copy", "--ledger", str(made.paths.ledger))
        told = ran("audit", "explain", made.ids[which], *words)
        assert told.code == 0, told.err
        assert f"Request {made.ids[which]}" in told.out
