"""An error told after the act: a checkpoint that stands all the same, a key nobody told of."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from msgspec import structs

from gateway.audit.record import Decided
from gateway.domain.errors import ChainBroken, LedgerUnavailable, TooLarge
from gateway.ledger import sealer, subject_keys
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.subject_keys import KeyGone
from tests.doubles.ledgers import a_boot, a_new_ledger, a_request, check_log, opened, serve
from tests.doubles.records import a_person

pytestmark = pytest.mark.anyio


class LateError:
    """A store that writes the checkpoint and then says that it did not."""

    def __init__(self, store) -> None:
        self.store = store
        self.times = 0
        self.real = store.advance
        store.advance = self

    def __call__(self, *asked) -> None:
        self.real(*asked)
        self.times += 1
        raise sqlite3.OperationalError("disk I/O error")

    def mend(self) -> None:
        self.store.advance = self.real


async def until_doubtful(ledger: Ledger, late: LateError) -> None:
    for _ in range(500):
        if late.times:
            return
        ledger._parts.sealer._due_s = 0.0
        await ledger.record("quarantined", {"backend": "vllm"})
        await asyncio.sleep(0.01)
    pytest.fail("no checkpoint was tried")


async def test_a_checkpoint_that_was_written_in_spite_of_an_error_is_ours(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(sealer, "UNSEALED_S_MAX", 1_000.0)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        late = LateError(ledger._parts.sealer._store)
        await until_doubtful(ledger, late)
        late.mend()
        await serve(ledger)
        await serve(ledger)
        assert ledger.failure is None
    assert check_log(paths).unsealed == 0
    async with a_boot(paths):
        pass
    assert check_log(paths).open == 0


async def test_a_checkpoint_of_somebody_else_is_a_second_writer_after_an_error_too(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(sealer, "UNSEALED_S_MAX", 1_000.0)
    paths = a_new_ledger(tmp_path)
    ledger = await opened(paths)
    store = ledger._parts.sealer._store
    late = LateError(store)
    await until_doubtful(ledger, late)
    late.mend()
    kept = store.latest(ledger.origin)
    assert kept is not None
    other = structs.replace(kept, head=structs.replace(kept.head, size=kept.head.size + 50))
    store._sql.execute("UPDATE checkpoints SET size = ?", (other.head.size,))
    with pytest.raises(ChainBroken):
        await until_refused(ledger)
    await ledger.close()


async def until_refused(ledger: Ledger) -> None:
    for _ in range(500):
        ledger._parts.sealer._due_s = 0.0
        await serve(ledger)
        await asyncio.sleep(0.01)


def made_records(paths: LedgerPaths) -> int:
    return sum(b"subject_key_made" in stored.entry for stored in Reading(paths.folder))


async def test_a_key_whose_first_record_was_refused_is_told_with_the_next(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        before, _ = a_request(ledger)
        large = structs.replace(before[0][0], key_id="k" * 70_000)
        with pytest.raises(TooLarge):
            await ledger.append([(large, a_person("zoe"))])
        await serve(ledger, a_person("zoe"))
        await serve(ledger, a_person("zoe"))
    assert made_records(paths) == 1
    check_log(paths)


async def test_a_key_that_no_record_told_of_is_told_by_a_later_boot(
    tmp_path: Path, monkeypatch
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        monkeypatch.setattr("gateway.ledger.writer.QUEUE_MAX", 1)
        with pytest.raises(LedgerUnavailable):
            await ledger.append(a_request(ledger, a_person("zoe"))[0])
        monkeypatch.undo()
    assert made_records(paths) == 0
    for _ in range(2):
        async with a_boot(paths) as ledger:
            await serve(ledger, a_person("zoe"))
    assert made_records(paths) == 1
    check_log(paths)


async def test_a_key_store_that_forgets_that_it_was_told_has_it_told_again(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        ledger._parts.keys.key("zoe", "2026-11")
        ledger._parts.keys._sql.execute("PRAGMA query_only = ON")
        await serve(ledger, a_person("zoe"))
        await serve(ledger, a_person("zoe"))
        ledger._parts.keys._sql.execute("PRAGMA query_only = OFF")
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person("zoe"))
        await serve(ledger, a_person("zoe"))
    assert made_records(paths) == 2
    check_log(paths)


async def test_a_destroyed_key_is_used_no_longer_than_it_is_kept_in_memory(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person("zoe"))
        with sqlite3.connect(paths.subject_keys) as sql:
            sql.execute("DELETE FROM keys")
            sql.execute("DELETE FROM subjects")
        sql.close()
        kept = await decided_of(ledger)
        with pytest.raises(KeyGone):
            await ledger.personal_of(kept)
        later_s = ledger._parts.keys._now_s() + subject_keys.KEY_CACHED_S_MAX + 1
        ledger._parts.keys._now_s = lambda: later_s
        fresh = await decided_of(ledger)
        found = await ledger.personal_of(fresh)
        assert found is not None
        assert found.subject == "zoe"
    assert made_records(paths) == 2
    check_log(paths)


async def decided_of(ledger: Ledger) -> Decided:
    before, after = a_request(ledger, a_person("zoe"))
    await ledger.append([*before, *after])
    found = ledger.reader.record_of(before[0][0].id)
    assert found is not None
    return found.decided
