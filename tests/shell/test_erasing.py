"""An erasure that is cut off: what was destroyed is told, in this life of the gateway or later."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.app import erasing as erasing_module
from gateway.app.erasing import Erasing, Memory, open_erasing
from gateway.app.retaining import Retention, Terms
from gateway.audit.canonical import decode
from gateway.audit.record import Admin
from gateway.domain.approval import Action, Approved
from gateway.domain.errors import ConversationsUnavailable, LedgerUnavailable
from gateway.ledger.bodies import BodyStore
from gateway.ledger.ledger import Ledger
from gateway.ledger.subject_keys import Field
from gateway.stores.conversations import Conversations
from gateway.stores.standing import ERASED, Standing, folded
from tests.doubles.ledgers import ORIGIN, SteadyClock, a_boot, a_new_ledger, check_log, serve
from tests.doubles.records import NOW_US, a_person
from tests.doubles.signatories import a_statement
from tests.shell.test_conversations import ADA, RESTRICTED, a_hash, a_memory

pytestmark = pytest.mark.anyio


class Book:
    """Tells the ledger, or fails as often as it is told to."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.standing = Standing()
        self.fails = 0

    async def tell(self, what: str, facts: Mapping[str, object]) -> None:
        if self.fails:
            self.fails -= 1
            raise LedgerUnavailable("the disk is full")
        record = self.ledger.admin(what, facts)
        await self.ledger.append([(record, None)])
        self.standing = folded(self.standing, [record])


def an_erasing(root: Path, ledger: Ledger, memory: Conversations) -> tuple[Erasing, Book]:
    bodies, clock = BodyStore(root / "bodies", ORIGIN), SteadyClock()
    terms = Terms(30, None, 183)
    retention = Retention(ledger, bodies, lambda: (), lambda: terms, clock)
    book = Book(ledger)
    return Erasing(ledger, Memory(memory, bodies), retention, book, clock), book


def approved(pseudonym: str) -> Approved:
    statement = a_statement(Action.ERASE, scope={"pseudonym": pseudonym})
    return Approved(statement, "sha256:aa", "ada", ())


def told(ledger: Ledger) -> list[dict]:
    records = (decode(stored.entry) for stored in ledger.reader.entries())
    return [one.facts for one in records if isinstance(one, Admin) and one.what == ERASED]


async def test_what_could_not_be_told_at_once_is_told_later_and_by_the_next_life(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        await serve(ledger, a_person(ADA))
        who = ledger.subjects.subject(ADA).pseudonym
        body = ledger.subjects.key(ADA, "2026-11")
        erasing, book = an_erasing(tmp_path, ledger, memory)
        BodyStore(tmp_path / "bodies", ORIGIN).put(b"text", Field("r"), body, NOW_US)
        book.fails = 2
        with pytest.raises(LedgerUnavailable):
            await erasing.act(approved(who))
        assert ledger.subjects.known(ADA) is None
        assert ledger.subjects.secret_of(who) is None
        assert told(ledger) == []
        assert not list((tmp_path / "bodies").rglob("*"))
        with pytest.raises(LedgerUnavailable):
            await erasing.finish()
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        erasing, _ = an_erasing(tmp_path, ledger, memory)
        await open_erasing(erasing)
        [facts] = told(ledger)
        assert (facts["pseudonym"], facts["approval"]) == (who, "sha256:aa")
        assert facts["keys"] == [body.id]
        assert ledger.subjects.untold() == ()
        # The same statement, taken once more after a crash, destroys nothing and tells nothing new.
        assert (await erasing.why_not(approved(who), Standing())).why == "unknown_subject"
    check_log(paths)


async def test_a_start_goes_on_where_it_cannot_be_told_and_watching_tells_it(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(erasing_module, "AGAIN_S", 0.01)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        who = ledger.subjects.subject(ADA).pseudonym
        ledger.subjects.erase(who, b"", "sha256:aa")
        erasing, book = an_erasing(tmp_path, ledger, memory)
        book.fails = 2
        await open_erasing(erasing)
        assert told(ledger) == []
        watching = asyncio.create_task(erasing.watch())
        for _ in range(500):
            await asyncio.sleep(0.01)
            if told(ledger):
                break
        watching.cancel()
        assert [one["pseudonym"] for one in told(ledger)] == [who]


async def test_nothing_is_told_before_the_memory_has_forgotten(tmp_path: Path, monkeypatch) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        await memory.kept(memory.keep(ADA, [a_hash("a")], RESTRICTED, ours=True))
        who = ledger.subjects.subject(ADA).pseudonym
        erasing, _ = an_erasing(tmp_path, ledger, memory)
        whole = memory.forget

        async def unable(owner: bytes) -> None:
            raise ConversationsUnavailable("the disk is full")

        monkeypatch.setattr(memory, "forget", unable)
        with pytest.raises(ConversationsUnavailable):
            await erasing.act(approved(who))
        assert told(ledger) == []
        monkeypatch.setattr(memory, "forget", whole)
        await erasing.finish()
        assert len(told(ledger)) == 1
        assert memory._table.find([]) == {}
        assert memory._table._count == 0


async def test_nobody_is_erased_while_the_ledger_cannot_be_written(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        who = ledger.subjects.subject(ADA).pseudonym
        erasing, _ = an_erasing(tmp_path, ledger, memory)

        class Failed:
            failure = LedgerUnavailable("the disk is full")
            subjects = ledger.subjects

        erasing._ledger = Failed()  # type: ignore[assignment]
        with pytest.raises(LedgerUnavailable):
            await erasing.act(approved(who))
        assert ledger.subjects.secret_of(who) is not None


async def test_many_keys_are_told_in_records_of_bounded_size(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(erasing_module, "KEYS_TOLD_MAX", 2)
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        keys = {ledger.subjects.key(ADA, f"2026-{month:02d}").id for month in range(1, 6)}
        who = ledger.subjects.subject(ADA).pseudonym
        erasing, _ = an_erasing(tmp_path, ledger, memory)
        await erasing.act(approved(who))
        facts = told(ledger)
        assert [len(one["keys"]) for one in facts] == [2, 2, 1]
        assert {key for one in facts for key in one["keys"]} == keys


async def test_an_erasure_that_is_finished_by_two_at_once_is_told_of_once(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        await serve(ledger, a_person(ADA))
        who = ledger.subjects.subject(ADA).pseudonym
        erasing, _ = an_erasing(tmp_path, ledger, memory)
        await asyncio.gather(erasing.act(approved(who)), *(erasing.finish() for _ in range(3)))
        await asyncio.gather(*(erasing.finish() for _ in range(3)))
        assert [one["pseudonym"] for one in told(ledger)] == [who]
