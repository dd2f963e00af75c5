"""Copies that were put back, second writers, and parts that do not belong together."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from gateway.audit.tree import Head, root_of
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.checkpoints import CheckpointStore, OpenChange, Sealed
from gateway.ledger.entry import Opened
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.verify import verify_folder
from tests.doubles.ledgers import (
    ORIGIN,
    a_boot,
    a_new_ledger,
    check_log,
    opened,
    serve,
)

pytestmark = pytest.mark.anyio


def a_copy(paths: LedgerPaths, to: Path) -> LedgerPaths:
    """Copy the folder as another machine has it, which does not see our locks."""
    shutil.copytree(paths.ledger, to)
    paths.writer_lock(ORIGIN).unlink(missing_ok=True)
    return LedgerPaths(to, paths.signing_key, paths.checkpoints, paths.subject_keys)


async def until_refused(ledger: Ledger) -> None:
    while True:
        await serve(ledger)


def put_back(copy: Path, there: Path) -> None:
    if copy.is_dir():
        shutil.rmtree(there)
        shutil.copytree(copy, there)
    else:
        shutil.copy(copy, there)


async def test_adv_78_a_second_gateway_on_one_ledger_is_refused(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        with pytest.raises(LedgerUnavailable, match="another gateway"):
            await opened(paths)
        await serve(ledger)
    async with a_boot(paths):
        pass
    check_log(paths)


async def test_adv_78_an_older_copy_of_the_ledger_is_refused(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    shutil.copytree(paths.ledger, tmp_path / "yesterday")
    async with a_boot(paths) as ledger:
        await serve(ledger)
    put_back(tmp_path / "yesterday", paths.ledger)
    assert verify_folder(paths.ledger).verdict == "whole"
    report = verify_folder(paths.ledger, None, paths.checkpoints)
    assert (report.verdict, report.first_bad) == ("tampered", report.records)
    with pytest.raises(ChainBroken, match=r"damaged|sealed last"):
        await opened(paths)


async def test_an_older_copy_of_the_store_is_refused(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    shutil.copy(paths.checkpoints, tmp_path / "yesterday.sqlite")
    async with a_boot(paths) as ledger:
        await serve(ledger)
    put_back(tmp_path / "yesterday.sqlite", paths.checkpoints)
    with pytest.raises(ChainBroken, match="published"):
        await opened(paths)
    assert verify_folder(paths.ledger, None, paths.checkpoints).verdict == "tampered"


async def test_adv_78_of_two_writers_of_one_log_only_one_can_seal(tmp_path: Path) -> None:
    """The lock stops a second process on one machine; the store stops a cloned folder."""
    paths = a_new_ledger(tmp_path)
    clone = a_copy(paths, tmp_path / "clone")
    first = await opened(paths)
    with pytest.raises(LedgerUnavailable, match="another gateway"):
        await opened(clone)
    paths.writer_lock(ORIGIN).unlink()
    second = await opened(clone)
    await serve(first)
    await serve(second)
    await first.close()
    await second.close()
    assert isinstance(second.failure, ChainBroken)
    check_log(paths)
    with pytest.raises(ChainBroken):
        await serve(second)
    assert verify_folder(clone.ledger, None, paths.checkpoints).verdict == "tampered"
    with pytest.raises(ChainBroken, match="sealed last"):
        await opened(clone)


async def test_a_writer_that_lost_its_place_in_the_store_stops_at_its_next_checkpoint(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    clone = a_copy(paths, tmp_path / "clone")
    async with a_boot(paths) as ledger:
        paths.writer_lock(ORIGIN).unlink()
        async with a_boot(clone) as thief:
            await serve(thief)
        ledger._parts.sealer._due_s = 0.0
        with pytest.raises(ChainBroken):
            await until_refused(ledger)
        assert isinstance(ledger.failure, ChainBroken)


async def test_a_store_that_is_gone_is_never_made_anew(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    paths.checkpoints.unlink()
    with pytest.raises(LedgerUnavailable):
        await opened(paths)
    assert not paths.checkpoints.exists()
    CheckpointStore.make(paths.checkpoints).close()
    with pytest.raises(ChainBroken, match="does not know"):
        await opened(paths)
    with sqlite3.connect(paths.checkpoints) as sql:
        sql.execute("DROP TABLE checkpoints")
    sql.close()
    with pytest.raises(LedgerUnavailable, match="store cannot be read"):
        await opened(paths)
    paths.checkpoints.write_bytes(b"no database" * 500)
    with pytest.raises(LedgerUnavailable):
        await opened(paths)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE checkpoints SET frontier = zeroblob(32)", "contradicts"),
        ("UPDATE checkpoints SET frontier = zeroblob(64)", "does not hold"),
        ("UPDATE checkpoints SET before_frontier = zeroblob(64)", "contradicts"),
        ("UPDATE checkpoints SET before_frontier = zeroblob(32)", "does not hold"),
        ("UPDATE checkpoints SET before_segment = 5", "damaged"),
        ("UPDATE checkpoints SET root = zeroblob(32)", "contradicts"),
        ("UPDATE checkpoints SET size = 99", "contradicts"),
        ("UPDATE checkpoints SET note = 'nonsense'", "not ours"),
        ("UPDATE checkpoints SET offset = 400000", "does not hold"),
        ("UPDATE checkpoints SET segment = 7", "does not hold"),
        ("UPDATE checkpoints SET offset = offset - 1", "does not hold"),
    ],
)
async def test_a_store_that_was_changed_is_refused(tmp_path: Path, change: str, why: str) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    with sqlite3.connect(paths.checkpoints) as sql:
        sql.execute(change)
    sql.close()
    with pytest.raises(ChainBroken, match=why):
        await opened(paths)


async def test_a_published_checkpoint_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    other = a_new_ledger(tmp_path / "other")
    async with a_boot(other) as ledger:
        await serve(ledger)
    note = paths.folder.checkpoint.read_text()
    for text in (other.folder.checkpoint.read_text(), "nonsense"):
        paths.folder.checkpoint.write_text(text)
        with pytest.raises(ChainBroken, match="not ours"):
            await opened(paths)
    paths.folder.checkpoint.write_bytes(b"\xff\xfe")
    with pytest.raises(ChainBroken, match="cannot be read"):
        await opened(paths)
    paths.folder.checkpoint.write_text(note)
    async with a_boot(paths):
        pass


async def test_a_checkpoint_that_was_not_published_is_published_at_the_start(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    paths.folder.checkpoint.unlink()
    async with a_boot(paths):
        pass
    check_log(paths)


async def test_the_key_must_be_that_of_the_log_and_ours_alone(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    other = a_new_ledger(tmp_path / "other")
    key = paths.signing_key.read_bytes()
    paths.signing_key.write_bytes(other.signing_key.read_bytes())
    with pytest.raises(ChainBroken, match="not the one of this log"):
        await opened(paths)
    for damaged in (b"", b"PRIVATE+KEY+a+b+c", key[:-10] + b"\n", key.replace(b"+", b"-")):
        paths.signing_key.write_bytes(damaged)
        with pytest.raises(LedgerUnavailable, match="damaged"):
            await opened(paths)
    paths.signing_key.write_bytes(key)
    paths.signing_key.chmod(0o640)
    with pytest.raises(LedgerUnavailable, match="open to other users"):
        await opened(paths)
    paths.signing_key.unlink()
    with pytest.raises(LedgerUnavailable, match="cannot be read"):
        await opened(paths)


def test_a_checkpoint_never_goes_back(tmp_path: Path) -> None:
    store = CheckpointStore.make(tmp_path / "store.sqlite")
    store.begin(ORIGIN)
    store.begin(ORIGIN)
    first = Head(3, root_of([b"a" * 32]))
    begun = store.latest(ORIGIN)
    assert begun is not None
    store.advance(ORIGIN, begun.head, Sealed(first, "note"), OpenChange({"r": Opened(2)}))
    with pytest.raises(ChainBroken):
        store.advance(ORIGIN, begun.head, Sealed(first, "note"), OpenChange())
    with pytest.raises(ChainBroken):
        store.advance("another", first, Sealed(first, "note"), OpenChange())
    with pytest.raises((ChainBroken, sqlite3.Error)):
        store.advance(ORIGIN, first, Sealed(Head(2, first.root), "note"), OpenChange())
    with pytest.raises(sqlite3.IntegrityError):
        store._sql.execute("DELETE FROM checkpoints")
    with pytest.raises(ChainBroken):
        store.begin(ORIGIN)
    assert store.open_requests(ORIGIN) == {"r": Opened(2)}
    kept = store.latest(ORIGIN)
    assert kept is not None
    assert kept.head == first
    change = OpenChange({"s": Opened(3)}, frozenset({"r"}))
    store.advance(ORIGIN, first, Sealed(Head(4, first.root), "n"), change)
    assert store.open_requests(ORIGIN) == {"s": Opened(3)}
    assert store.latest("another") is None
    store.close()
