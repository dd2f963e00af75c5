"""The memory of conversations on a real disk: kept, bounded, made again, closed when it fails."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.app.recalling import Keeper, open_conversations
from gateway.audit.canonical import decode
from gateway.audit.record import DIGEST_CHARS, Admin, Personal
from gateway.classification.conversation import LOST, standing
from gateway.domain.errors import LedgerUnavailable
from gateway.domain.label import Label
from gateway.flow.background import Background
from gateway.ledger.ledger import Ledger
from gateway.stores.conversations import (
    DAY_US,
    Conversations,
    Keeping,
    Keyed,
)
from gateway.stores.turn_table import Bounds, Owner, TurnTable
from tests.doubles.ledgers import IDS, a_boot, a_new_ledger, check_log
from tests.doubles.records import NOW_US, a_decided, a_settled, an_attempted
from tests.doubles.worlds import demo_policy

pytestmark = pytest.mark.anyio
WORDS = demo_policy().vocabulary
SECRET = b"s" * 32
ADA, BOB = "ada@example.com", "bob@example.com"
PUBLIC, RESTRICTED = WORDS.parse("public"), WORDS.parse("restricted")
INTERNAL, CONFIDENTIAL = WORDS.parse("internal"), WORDS.parse("confidential+pii")


def a_hash(name: object) -> bytes:
    return sha256(str(name).encode()).digest()


class Named:
    """Secrets that are the same in every test."""

    def cached_secret(self, subject: str) -> bytes | None:
        return None

    def known_secret(self, subject: str) -> bytes:
        return sha256(subject.encode()).digest()

    def secret(self, subject: str) -> bytes:
        return self.known_secret(subject)


class Clock:
    def __init__(self) -> None:
        self.us = NOW_US

    def __call__(self) -> int:
        return self.us


def a_keeper(root: Path, clock: Clock | None = None, **changed: object) -> Keeper:
    known: dict = {
        "path": root / "kept" / "conversations.sqlite",
        "secret": SECRET,
        "bounds": Bounds(30, 100_000),
        "vocabulary": WORDS,
        "now_us": clock or Clock(),
    }
    return Keeper(**(known | changed))


@asynccontextmanager
async def a_memory(
    root: Path, ledger: Ledger | None = None, clock: Clock | None = None, **changed: object
) -> AsyncIterator[Conversations]:
    keeper = a_keeper(root, clock, **changed)
    background = Background()
    if ledger is not None:
        memory = await open_conversations(keeper, ledger, background)
    else:
        keyed = Keyed(keeper.secret)
        owner = Owner(keyed.check, "perimeter.example/gw-0")
        table = TurnTable(keeper.path, owner, keeper.bounds, keeper.vocabulary)
        memory = Conversations(table, keyed, Named(), keeper.vocabulary, keeper.now_us)
    for subject in (ADA, BOB):
        await memory.recall(subject, [])
    try:
        yield memory
    finally:
        await memory.close()
        await background.drain(5)


async def told(memory: Conversations, name: object, label: Label, subject: str = ADA) -> Keeping:
    keeping = memory.keep(subject, [a_hash(name)], label, ours=True)
    await memory.kept(keeping)
    return keeping


async def known(memory: Conversations, name: object, subject: str = ADA) -> Label | None:
    seen = await memory.recall(subject, [a_hash(name)])
    return seen[a_hash(name)].label if seen else None


async def test_what_was_told_is_known_at_once_and_after_a_stop(tmp_path: Path) -> None:
    async with a_memory(tmp_path) as memory:
        memory.keep(ADA, [a_hash("a")], RESTRICTED, ours=False)
        assert await known(memory, "a") == RESTRICTED
        assert await known(memory, "b") is None
        assert await memory.recall(ADA, []) == {}
        await told(memory, "c", CONFIDENTIAL)
    async with a_memory(tmp_path) as memory:
        assert await known(memory, "a") == RESTRICTED
        assert (await memory.recall(ADA, [a_hash("c")]))[a_hash("c")].ours
        assert not (await memory.recall(ADA, [a_hash("a")]))[a_hash("a")].ours


async def test_a_label_is_never_lowered(tmp_path: Path) -> None:
    async with a_memory(tmp_path) as memory:
        for label in (INTERNAL, RESTRICTED, PUBLIC):
            await told(memory, "a", label)
        memory.keep(ADA, [a_hash("a")], CONFIDENTIAL, ours=False)
        memory.keep(ADA, [a_hash("a")], PUBLIC, ours=False)
        assert await known(memory, "a") == RESTRICTED.join(CONFIDENTIAL)
    async with a_memory(tmp_path) as memory:
        assert await known(memory, "a") == RESTRICTED.join(CONFIDENTIAL)
        assert (await memory.recall(ADA, [a_hash("a")]))[a_hash("a")].ours


async def test_no_caller_knows_what_another_said(tmp_path: Path) -> None:
    async with a_memory(tmp_path) as memory:
        keeping = await told(memory, "a", RESTRICTED)
        assert await known(memory, "a", BOB) is None
        other = await told(memory, "a", RESTRICTED, BOB)
        assert keeping.turns != other.turns
        assert len(keeping.turns) == DIGEST_CHARS
        assert memory.run(ADA, b"s") == memory.run(ADA, b"s") != memory.run(BOB, b"s")
        assert memory.run(ADA, b"") == ""


async def test_neither_text_nor_name_stands_in_the_file(tmp_path: Path) -> None:
    async with a_memory(tmp_path) as memory:
        for name in range(50):
            await told(memory, name, RESTRICTED)
        for path in (tmp_path / "kept").iterdir():
            data = path.read_bytes()
            assert ADA.encode() not in data
            assert not any(a_hash(name)[:8] in data for name in range(50))
            assert path.stat().st_mode & 0o077 == 0 or path.suffix != ".sqlite"


async def test_a_turn_is_forgotten_some_days_after_its_last_use(tmp_path: Path) -> None:
    clock = Clock()
    async with a_memory(tmp_path, clock=clock) as memory:
        await told(memory, "a", RESTRICTED)
        await told(memory, "b", RESTRICTED)
        clock.us += 20 * DAY_US
        await told(memory, "b", PUBLIC)
        clock.us += 11 * DAY_US
        assert await known(memory, "a") is None
        assert await known(memory, "b") == RESTRICTED
        await told(memory, "c", PUBLIC)
        digests = memory._keyed.digests(Named().secret(ADA), [a_hash("a"), a_hash("b")])
        assert len(memory._table.find(digests)) == 1


async def test_the_lowest_labels_go_first_and_that_is_recorded_once_in_a_while(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    clock = Clock()
    async with a_boot(paths) as ledger:
        async with a_memory(tmp_path, ledger, clock, bounds=Bounds(30, 1_000)) as memory:
            for name in range(600):
                memory.keep(ADA, [a_hash(name)], RESTRICTED, ours=False)
            for name in range(600, 900):
                memory.keep(ADA, [a_hash(name)], PUBLIC, ours=False)
            await told(memory, 900, INTERNAL)
            clock.us += DAY_US
            for name in range(1_000, 1_200):
                await told(memory, name, CONFIDENTIAL)
            labels = [await known(memory, name) for name in range(901)]
            assert labels[:600] == [RESTRICTED] * 600
            assert labels[900] == INTERNAL
            gone = labels[600:900].count(None)
            assert 100 < gone < 200
        records = [decode(stored.entry) for stored in ledger.reader.entries()]
    told_of = [one for one in records if isinstance(one, Admin) and "turns" in one.facts]
    assert [one.what for one in told_of] == ["conversations_forgotten"] * len(told_of)
    assert len(told_of) == 2
    assert sum(one.facts["turns"] for one in told_of) == gone
    assert {one.facts["up_to"] for one in told_of} == {"public"}
    check_log(paths)


async def a_story(ledger: Ledger, memory: Conversations, name: str, label: Label) -> None:
    """Append the records of one request as the flow does, with what it kept."""
    record_id = IDS.record_id()
    sent = memory.keep(ADA, [a_hash(f"{name} asked")], label, ours=False)
    person = Personal(subject=ADA, turns=sent.turns, turns_label=label)
    decided = a_decided(record_id, boot=ledger.boot, documents={})
    await ledger.append([(decided, person), (an_attempted(record_id, boot=ledger.boot), None)])
    said = memory.keep(ADA, [a_hash(f"{name} said")], label, ours=True)
    person = Personal(subject=ADA, turns=said.turns, turns_label=label)
    await ledger.append([(a_settled(record_id, boot=ledger.boot), person)])


async def test_the_memory_is_made_again_from_the_ledger(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        await a_story(ledger, memory, "one", RESTRICTED)
        await a_story(ledger, memory, "two", PUBLIC)
        await a_story(ledger, memory, "two", INTERNAL)
    for damage in (lambda path: path.unlink(), lambda path: path.write_bytes(b"nonsense")):
        damage(tmp_path / "kept" / "conversations.sqlite")
        async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
            assert await known(memory, "one asked") == RESTRICTED
            assert await known(memory, "one said") == RESTRICTED
            assert await known(memory, "two said") == INTERNAL
            hashes = [a_hash("one asked"), a_hash("one said")]
            seen = await memory.recall(ADA, hashes)
            assert [seen[one].ours for one in hashes] == [False, True]
            assert memory.mark == ledger.size
    check_log(paths)


async def test_a_start_reads_only_what_the_memory_has_not_taken_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        async with a_memory(tmp_path, ledger) as memory:
            for name in range(5):
                await a_story(ledger, memory, str(name), RESTRICTED)
        size = ledger.size
    starts: list[int] = []
    whole = Ledger.opened

    def opened(self: Ledger, start: int):
        starts.append(start)
        return whole(self, start)

    monkeypatch.setattr(Ledger, "opened", opened)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        assert await known(memory, "4 said") == RESTRICTED
    assert starts == [size]


async def test_what_only_the_ledger_had_taken_before_a_crash_is_known_again(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        await a_story(ledger, memory, "one", RESTRICTED)
        await memory.kept(memory.keep(ADA, [a_hash("x")], PUBLIC, ours=False))
        before = (tmp_path / "kept" / "conversations.sqlite").read_bytes()
        mark = memory.mark
        await a_story(ledger, memory, "two", RESTRICTED)
    for path in (tmp_path / "kept").iterdir():
        path.unlink()
    (tmp_path / "kept" / "conversations.sqlite").write_bytes(before)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        assert mark <= memory.mark
        assert await known(memory, "two said") == RESTRICTED


async def test_a_person_who_was_erased_is_not_remembered_again(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        await a_story(ledger, memory, "one", RESTRICTED)
        await told(memory, "one", RESTRICTED, BOB)
        memory.keep(ADA, [a_hash("late")], RESTRICTED, ours=False)
        who = ledger.subjects.subject(ADA)
        await memory.forget(memory.owner(who.secret))
        assert await known(memory, "one said") is None
        assert await known(memory, "late") is None
        assert await known(memory, "one", BOB) == RESTRICTED
    with sqlite3.connect(paths.subject_keys) as sql:
        sql.execute("DELETE FROM keys")
    (tmp_path / "kept" / "conversations.sqlite").unlink()
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        assert await known(memory, "one said") is None


async def test_a_reply_that_a_crash_took_leaves_its_label_with_its_caller(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    person = Personal(subject=ADA)
    names = [IDS.record_id() for _ in range(3)]
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger):
        tried, untried, judged = names
        for name in names:
            changed = {"label": None} if name == judged else {}
            decided = a_decided(name, boot=ledger.boot, documents={}, **changed)
            await ledger.append([(decided, person)])
        await ledger.append([(an_attempted(tried, boot=ledger.boot), None)])
        assert untried
    for _ in range(2):
        async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
            seen = await memory.recall(ADA, [LOST])
            assert seen[LOST].label == standing(a_decided("r").label, WORDS)
            assert await memory.recall(BOB, [LOST]) == {}
    with sqlite3.connect(paths.subject_keys) as sql:
        sql.execute("DELETE FROM keys")
    (tmp_path / "kept" / "conversations.sqlite").unlink()
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        assert await memory.recall(ADA, [LOST]) == {}


async def test_what_is_older_than_the_days_is_not_taken_in_again(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        await a_story(ledger, memory, "one", RESTRICTED)
    (tmp_path / "kept" / "conversations.sqlite").unlink()
    clock = Clock()
    clock.us += 31 * DAY_US
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger, clock) as memory:
        assert await known(memory, "one said") is None


async def test_another_secret_knows_nothing_and_that_is_recorded(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        await a_story(ledger, memory, "one", RESTRICTED)
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger, secret=b"t" * 32) as memory:
        assert await known(memory, "one said") is None
        records = [decode(stored.entry) for stored in ledger.reader.entries()]
    facts = [one.facts for one in records if getattr(one, "what", "") == "conversations_forgotten"]
    assert facts == [{"reason": "node secret changed"}]
    check_log(paths)


async def test_a_new_log_is_read_from_its_beginning_and_the_memory_stays(tmp_path: Path) -> None:
    async with a_memory(tmp_path) as memory:
        memory.size = lambda: 999
        await told(memory, "a", RESTRICTED)
    paths = a_new_ledger(tmp_path)
    keeper = a_keeper(tmp_path)
    table = TurnTable(keeper.path, Owner(Keyed(SECRET).check, "another/log"), keeper.bounds, WORDS)
    assert table.mark == 0
    table.close()
    async with a_boot(paths) as ledger, a_memory(tmp_path, ledger) as memory:
        memory._secrets = Named()
        assert await known(memory, "a") == RESTRICTED


async def test_a_file_of_somebody_else_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    path = tmp_path / "kept" / "conversations.sqlite"
    path.write_text("somebody's notes")
    async with a_memory(tmp_path) as memory:
        await told(memory, "a", RESTRICTED)
    assert path.with_name("conversations.sqlite.unusable").read_text() == "somebody's notes"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    async with a_memory(tmp_path) as memory:
        assert await known(memory, "a") is None
    assert not (tmp_path / "elsewhere").exists()


async def test_many_turns_are_looked_up_at_once(tmp_path: Path) -> None:
    async with a_memory(tmp_path) as memory:
        hashes = [a_hash(number) for number in range(3_000)]
        await memory.kept(memory.keep(ADA, hashes[::2], RESTRICTED, ours=False))
        seen = await memory.recall(ADA, hashes)
        assert list(seen) == hashes[::2]


async def test_a_place_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    (tmp_path / "kept").write_text("a file")
    async with a_boot(paths) as ledger:
        with pytest.raises(LedgerUnavailable):
            await open_conversations(a_keeper(tmp_path), ledger, Background())
