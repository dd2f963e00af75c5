"""A chain of shards of which some were pruned: whole, in use, and convicting who does it alone."""

import asyncio
import os
import re
import shutil
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from gateway.app import retaining
from gateway.app.retaining import DAY_US, Retention, Terms
from gateway.audit.canonical import decode
from gateway.audit.record import Admin, Record
from gateway.audit.verify import Verdict
from gateway.cli.verify import lines
from gateway.ledger import pruning, sealer
from gateway.ledger.bodies import BodyStore
from gateway.ledger.files import Files
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.pruning import sealed_of
from gateway.ledger.reader import Reader
from gateway.ledger.shards import shards
from gateway.ledger.verify import verify_folder
from tests.doubles.gateway_folders import ran
from tests.doubles.ledgers import (
    ORIGIN,
    SteadyClock,
    a_boot,
    a_new_ledger,
    a_request,
    check_log,
    ledger_paths,
    serve,
)
from tests.doubles.records import NOW_US, a_person

pytestmark = pytest.mark.anyio


class Chain(Struct):
    """Where the ledger lies, and a request of each of its three shards."""

    paths: LedgerPaths
    records: list[str]


async def asked(ledger: Ledger) -> str:
    before, after = a_request(ledger, a_person())
    await ledger.append([*before, *after])
    return before[0][0].id


def retention(root: Path, ledger: Ledger, paths: LedgerPaths) -> Retention:
    clock = SteadyClock(NOW_US + 500 * DAY_US)
    bodies = BodyStore(root / "bodies", ORIGIN)
    terms = Terms(30, 400, 183)
    return Retention(ledger, bodies, lambda: shards(paths.folder), lambda: terms, clock)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Chain:
    """Three shards, the first two pruned by the third; a request was open at the first end."""
    root = tmp_path_factory.mktemp("made")
    paths, records = a_new_ledger(root), []

    async def live() -> None:
        async with a_boot(paths) as ledger:
            await ledger.store_document({"version": 1}, "policy")
            records.append(await asked(ledger))
            before, after = a_request(ledger, a_person())
            await ledger.append(before)
            await ledger.hand_over()
            await ledger.append(after)
            records.append(await asked(ledger))
            await ledger.hand_over()
            records.append(await asked(ledger))
            check_log(paths)
            await retention(root, ledger, paths).look()

    asyncio.run(live())
    return Chain(paths, records)


@pytest.fixture
def chain(made: Chain, tmp_path: Path) -> Chain:
    shutil.copytree(made.paths.ledger.parent, tmp_path, dirs_exist_ok=True)
    return Chain(ledger_paths(tmp_path), made.records)


async def test_the_chain_is_whole_and_names_the_records_that_tell(chain) -> None:
    first, second, third = shards(chain.paths.folder)
    assert pruning.is_pruned(first)
    assert pruning.is_pruned(second)
    assert not pruning.is_pruned(third)
    report = check_log(chain.paths)
    assert report.shards == 3
    assert report.pruned == sealed_of(first).size + sealed_of(second).size
    assert report.pruned_by.count(f"of {third.root.name}") == 2
    [told] = [line for line in lines(report) if "pruned under retention" in line]
    assert f"record {report.pruned_by.split()[1]} of" in told


async def test_the_gateway_goes_on_over_pruned_shards(chain) -> None:
    async with a_boot(chain.paths) as ledger:
        first, second, third = chain.records
        assert ledger.reader.record_of(first) is None
        assert ledger.reader.record_of(second) is None
        assert ledger.reader.record_of(third) is not None
        sizes = [sealed_of(folder).size for folder in shards(chain.paths.folder)[:-1]]
        indexes = [stored.index for stored in ledger.reader.entries()]
        assert indexes == list(range(sum(sizes), ledger.size))
        await serve(ledger)
    check_log(chain.paths)


def numbers_in(said: str) -> list[int]:
    """Return the numbers of the records that tell of a pruning, as they are named."""
    return list(map(int, re.findall(r"record (\d+)", said.partition("hashes are left")[2])))


@pytest.mark.parametrize("question", ["requests", "completeness", "changes"])
async def test_the_audit_answers_over_pruned_shards_and_says_of_how_many(chain, question) -> None:
    words = ("audit", question, "--copy", "--ledger", str(chain.paths.ledger))
    told = ran(*words)
    assert told.code == 0, told.err
    pruned = sum(sealed_of(folder).size for folder in shards(chain.paths.folder)[:-1])
    assert f"{pruned} of them pruned: only their hashes are left, as record" in told.out
    by = {one: record_at(chain.paths, one) for one in numbers_in(told.out)}
    assert len(by) == 2
    assert all(isinstance(one, Admin) and one.what == "pruned" for one in by.values())
    assert ran(*words, "--prove").code == 0
    index = chain.paths.folder.facts.read_bytes()
    anew = ran("ledger", "reindex", str(chain.paths.ledger))
    assert anew.code == 0, anew.err
    assert f"{pruned} of them pruned: only their hashes are left, as record" in anew.out
    assert numbers_in(anew.out) == list(by)
    assert all(one.encode() not in index for one in chain.records[:1])
    written = msgspec.json.decode(ran(*words, "--as", "json").out)
    sizes = sum(sealed_of(folder).size for folder in shards(chain.paths.folder)[:-1])
    expected = {"shards": 2, "records": sizes, "pruned": pruned, "pruned_by": list(by)}
    assert written["before"] == expected
    assert "only their hashes are left" in ran(*words, "--as", "csv").err


def record_at(paths: LedgerPaths, number: int) -> Record:
    [stored] = islice(Reader(paths.folder).entries(number), 1)
    assert stored.index == number
    return decode(stored.entry)


async def test_facts_that_were_counted_go_with_their_records(tmp_path: Path) -> None:
    paths, records = a_new_ledger(tmp_path), []
    words = ("audit", "requests", "--copy", "--ledger", str(paths.ledger))
    async with a_boot(paths) as ledger:
        records.append(await asked(ledger))
        await ledger.hand_over()
        records.append(await asked(ledger))
    assert all(one in ran(*words).out for one in records)
    async with a_boot(paths) as ledger:
        await retention(tmp_path, ledger, paths).look()
    told = ran(*words)
    assert records[0] not in told.out
    assert records[1] in told.out
    assert "only their hashes are left" in told.out
    for path in paths.ledger.glob("facts*"):
        assert records[0].encode() not in path.read_bytes()


async def test_content_that_is_gone_without_a_record_was_tampered_with(chain) -> None:
    last = shards(chain.paths.folder)[-1]
    async with a_boot(chain.paths) as ledger:
        await ledger.hand_over()
    pruning.keep_leaves(last, Files())
    pruning.drop(last, Files())
    report = verify_folder(chain.paths.ledger)
    assert (report.verdict, "no record says" in report.reason) == (Verdict.TAMPERED, True)


@pytest.mark.parametrize("name", ["leaves", "last", "checkpoint"])
async def test_what_is_left_of_a_pruned_shard_cannot_be_changed(chain, name: str) -> None:
    for folder in shards(chain.paths.folder)[:-1]:
        path = folder.root / name
        whole = path.read_bytes()
        for bent in (whole[:-33], whole[:-5], whole + bytes(32), b""):
            path.write_bytes(bent)
            assert verify_folder(chain.paths.ledger).verdict is not Verdict.WHOLE
        path.write_bytes(whole)
    check_log(chain.paths)


@pytest.mark.parametrize("name", ["leaves", "last", "checkpoint"])
async def test_a_file_without_end_in_a_pruned_shard_stalls_nobody(chain, name: str) -> None:
    os.truncate(shards(chain.paths.folder)[0].root / name, 1 << 42)
    assert verify_folder(chain.paths.ledger).verdict is not Verdict.WHOLE
    words = ("audit", "requests", "--copy", "--ledger", str(chain.paths.ledger))
    assert ran(*words).code != 0
    tiles = ran("ledger", "tiles", str(chain.paths.ledger), f"{chain.paths.ledger}.tiles")
    assert (tiles.code == 0) is (name == "last")


async def test_a_pruned_shard_that_is_taken_away_is_missed(chain) -> None:
    second = shards(chain.paths.folder)[1]
    shutil.rmtree(second.root)
    assert verify_folder(chain.paths.ledger).verdict is Verdict.TAMPERED


async def test_the_shard_that_is_written_is_never_pruned(chain) -> None:
    last = LedgerFolder(shards(chain.paths.folder)[-1].root)
    pruning.keep_leaves(last, Files())
    pruning.drop(last, Files())
    assert verify_folder(chain.paths.ledger).verdict is Verdict.TAMPERED


async def test_a_checkpoint_that_was_kept_still_holds(chain) -> None:
    kept = [(folder.root / "checkpoint").read_text() for folder in shards(chain.paths.folder)]
    assert verify_folder(chain.paths.ledger, kept=kept).verdict is Verdict.WHOLE


async def test_what_no_entry_could_hold_goes_with_its_shard(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    large = replace(a_person(), metadata={"user_id": "x" * 60_000})
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger, large)
        await ledger.append([*before, *after])
        await ledger.hand_over()
        kept, _ = a_request(ledger, large)
        await ledger.append(kept)
        blobs = {path.name for path in ledger.blobs.iterdir()}
        await retention(tmp_path, ledger, paths).look()
        left = {path.name for path in ledger.blobs.iterdir()}
        assert left < blobs
        found = ledger.reader.record_of(kept[0][0].id)
        assert ledger.personal(found.decided) == large
    check_log(paths)


async def test_pruning_that_was_cut_short_behind_the_blobs_is_no_tampering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = a_new_ledger(tmp_path)
    large = replace(a_person(), metadata={"user_id": "x" * 60_000})
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger, large)
        await ledger.append([*before, *after])
        await ledger.hand_over()
        await asked(ledger)
        monkeypatch.setattr(pruning, "drop", drop_blobs_alone)
        await retention(tmp_path, ledger, paths).look()
    assert not pruning.is_pruned(paths.folder)
    assert not any(paths.folder.blobs.iterdir())
    check_log(paths)


def drop_blobs_alone(_folder: LedgerFolder, _files: Files, blobs: Path) -> None:
    for blob in blobs.iterdir():
        blob.unlink()


async def test_a_record_that_no_checkpoint_covers_excuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await asked(ledger)
        await ledger.hand_over()
        await asked(ledger)
    monkeypatch.setattr(sealer, "UNSEALED_S_MAX", 1_000.0)
    async with a_boot(paths) as ledger:
        first = shards(paths.folder)[0]
        sealed, span = sealed_of(first), pruning.span_of(first)
        names = {"shard": first.root.name, "origin": sealed.origin, "root": sealed.root.hex()}
        months = dict(zip(("from", "to"), span.months, strict=True))
        await ledger.record("pruned", {**names, **months, "size": sealed.size, "by": "x"})
        shutil.copytree(paths.ledger, tmp_path / "copy")
    copy = LedgerFolder(tmp_path / "copy")
    pruning.keep_leaves(shards(copy)[0], Files())
    pruning.drop(shards(copy)[0], Files())
    report = verify_folder(copy.root)
    assert (report.verdict, "no record says" in report.reason) == (Verdict.TAMPERED, True)


async def test_nothing_goes_before_it_is_signed_that_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = a_new_ledger(tmp_path)
    monkeypatch.setattr(retaining, "SIGNED_S_MAX", 0.2)
    async with a_boot(paths) as ledger:
        await asked(ledger)
        await ledger.hand_over()
        await asked(ledger)
    monkeypatch.setattr(sealer, "UNSEALED_S_MAX", 1_000.0)
    async with a_boot(paths) as ledger:
        await retention(tmp_path, ledger, paths).look()
        assert not pruning.is_pruned(shards(paths.folder)[0])
    monkeypatch.undo()
    check_log(paths)
    async with a_boot(paths) as ledger:
        await retention(tmp_path, ledger, paths).look()
        assert pruning.is_pruned(shards(paths.folder)[0])
        assert verify_folder(paths.ledger).verdict is Verdict.WHOLE
