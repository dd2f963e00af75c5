"""The memory of conversations when the disk fails, and what it makes of labels."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from gateway.audit.record import DIGEST_CHARS
from gateway.classification.conversation import KEPT_MAX, Seen, standing
from gateway.domain.errors import ConversationsUnavailable
from gateway.domain.label import Label, Level
from gateway.stores import conversations as store_module
from gateway.stores.conversations import joined, unpacked
from gateway.stores.turn_table import Forgotten, TurnTable, strictness
from tests.doubles.records import a_settled
from tests.shell.test_conversations import (
    ADA,
    CONFIDENTIAL,
    INTERNAL,
    PUBLIC,
    RESTRICTED,
    WORDS,
    a_hash,
    a_memory,
    known,
    told,
)

pytestmark = pytest.mark.anyio


async def test_a_store_that_cannot_be_written_closes_and_opens_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_memory(tmp_path) as memory:
        await told(memory, "a", RESTRICTED)
        with monkeypatch.context() as broken:

            def full(*_: object) -> Forgotten:
                raise sqlite3.OperationalError("disk full")

            broken.setattr(TurnTable, "_write", full)
            with pytest.raises(ConversationsUnavailable):
                await told(memory, "b", CONFIDENTIAL)
            with pytest.raises(ConversationsUnavailable):
                await known(memory, "a")
            with pytest.raises(ConversationsUnavailable):
                await memory.absorb([], 3)
        assert await known(memory, "a") == RESTRICTED
        assert await known(memory, "b") == CONFIDENTIAL
    async with a_memory(tmp_path) as memory:
        assert await known(memory, "b") == CONFIDENTIAL


async def test_a_store_that_hangs_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "RECALL_S_MAX", 0.05)
    monkeypatch.setattr(store_module, "KEEP_S_MAX", 0.05)
    async with a_memory(tmp_path) as memory:
        await told(memory, "a", RESTRICTED)
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang(*_: object) -> Forgotten:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(5)
            return Forgotten()

        with monkeypatch.context() as slow:
            slow.setattr(memory._table, "find", hang, raising=False)
            with pytest.raises(ConversationsUnavailable):
                await known(memory, "a")
            slow.setattr(memory._table, "write", hang, raising=False)
            with pytest.raises(ConversationsUnavailable):
                await told(memory, "b", RESTRICTED)
            gate.set()


async def test_a_backlog_of_what_is_unwritten_holds_up_the_next_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "UNWRITTEN_MAX", 2)
    async with a_memory(tmp_path) as memory:
        for name in range(4):
            memory.keep(ADA, [a_hash(name)], RESTRICTED, ours=False)
        assert await known(memory, 0) == RESTRICTED
        assert memory._waiting == {}


async def test_only_what_was_kept_here_can_be_waited_for(tmp_path: Path) -> None:
    async with a_memory(tmp_path) as memory:
        await memory.kept(memory.keep(ADA, [], RESTRICTED, ours=True))
        with pytest.raises(Exception, match="nothing of ours"):
            await memory.kept(a_settled("r"))  # type: ignore[arg-type]


async def test_a_label_that_cannot_be_read_is_the_strictest(tmp_path: Path) -> None:
    async with a_memory(tmp_path) as memory:
        await told(memory, "a", PUBLIC)
    with sqlite3.connect(tmp_path / "kept" / "conversations.sqlite") as sql:
        sql.execute("UPDATE labels SET label = x'00'")
    async with a_memory(tmp_path) as memory:
        assert await known(memory, "a") == WORDS.top
        await told(memory, "a", PUBLIC)


def test_a_label_of_another_policy_is_ranked_by_this_one() -> None:
    old = Label(Level(0, "restricted"), frozenset({"pii"}), frozenset({"DE"}))
    assert standing(old, WORDS) == Label(RESTRICTED.level, frozenset({"pii"}), frozenset({"DE"}))
    assert standing(Label(Level(0, "cosmic")), WORDS) == WORDS.top
    assert standing(Label(Level(0, "public"), frozenset({"unknown"})), WORDS) == WORDS.top


def test_strictness_follows_dominance() -> None:
    places = [None, frozenset({"DE", "FR"}), frozenset({"DE"}), frozenset()]
    labels = [
        Label(WORDS.level(level), caveats, residency)
        for level in WORDS.levels
        for caveats in (frozenset(), frozenset({"pii"}), frozenset({"pii", "secret"}))
        for residency in places
    ]
    for one in labels:
        for other in labels:
            if one != other and one.dominates(other):
                assert strictness(one) > strictness(other)


def test_two_memories_of_a_turn_are_one() -> None:
    first, second = Seen(INTERNAL, 3), Seen(CONFIDENTIAL, 2, ours=True)
    assert joined(first, second, WORDS) == Seen(CONFIDENTIAL, 3, ours=True)
    assert joined(None, first, WORDS) == joined(first, None, WORDS) == first
    assert joined(None, None, WORDS) is None
    assert unpacked("A" * DIGEST_CHARS + "BC") == [bytes(18)]
    assert unpacked("!" * DIGEST_CHARS) == []
    assert Forgotten(1, "a", 1).plus(Forgotten(2, "b", 3)) == Forgotten(3, "b", 3)
    assert KEPT_MAX * DIGEST_CHARS < 16 * 1024
