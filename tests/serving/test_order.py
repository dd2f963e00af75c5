"""Durable before sent: the order in this process, and mutants that the test must notice."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from gateway.audit.record import Personal, Receipt, Record
from gateway.domain.errors import TooLarge
from gateway.flow.docket import Docket
from gateway.flow.exchange import Exchange
from tests.doubles import engine_bytes
from tests.doubles.houses import Stage, an_envelope, chat
from tests.doubles.memory_ledger import MemoryLedger
from tests.doubles.scripted_sender import ScriptedReply

pytestmark = pytest.mark.anyio
TURNS = 5
Records = Sequence[tuple[Record, Personal | None]]


class SlowLedger(MemoryLedger):
    """Takes a few turns of the loop until records are durable, as a disk does."""

    async def append(self, records: Records) -> Receipt:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return await super().append(records)


class HastyLedger(SlowLedger):
    """A mutant: returns at once, and makes the records durable when it comes to it."""

    def __init__(self, trace: list[str]) -> None:
        super().__init__(trace)
        self.late: list[asyncio.Task[Receipt]] = []

    async def append(self, records: Records) -> Receipt:
        self.late.append(asyncio.ensure_future(super().append(records)))
        return Receipt(0)


class FullEntryLedger(MemoryLedger):
    """Finds each Decided too large for an entry."""

    async def append(self, records: Records) -> Receipt:
        if any(type(record).__name__ == "Decided" for record, _ in records):
            raise TooLarge("the record of this request would be larger than a record may be")
        return await super().append(records)


def staged(make: type[MemoryLedger]) -> Stage:
    stage = Stage(cloud=[ScriptedReply(engine_bytes.chat_whole())])
    stage.ledger = make(stage.trace)
    stage.house = msgspec.structs.replace(stage.house, ledger=stage.ledger)
    stage.exchange = Exchange(stage.house)
    return stage


def assert_durable_before_sent(trace: list[str]) -> None:
    """Each byte that left stands behind a Decided and an Attempted of its own."""
    sent = [at for at, event in enumerate(trace) if event.startswith("sent")]
    assert sent, trace
    for number, at in enumerate(sent, start=1):
        durable = [event for event in trace[:at] if event.startswith("durable")]
        assert any("Decided" in event for event in durable), trace
        assert sum("Attempted" in event for event in durable) >= number, trace


async def test_the_decision_is_durable_before_anything_is_sent() -> None:
    for make in (MemoryLedger, SlowLedger):
        stage = staged(make)
        status, _, _ = await stage.ask(an_envelope())
        assert status == 200
        assert_durable_before_sent(stage.trace)


async def test_the_test_notices_a_ledger_that_does_not_wait_for_the_disk() -> None:
    stage = staged(HastyLedger)
    await stage.ask(an_envelope())
    with pytest.raises(AssertionError):
        assert_durable_before_sent(stage.trace)
    assert isinstance(stage.ledger, HastyLedger)
    await asyncio.gather(*stage.ledger.late)


async def test_the_test_notices_a_docket_that_does_not_wait_for_the_ledger(monkeypatch) -> None:
    whole_append = Docket._append
    late: list[asyncio.Task[None]] = []

    async def mutant(self: Docket, records: list[tuple[Record, Personal | None]]) -> None:
        late.append(asyncio.ensure_future(whole_append(self, records)))
        await asyncio.sleep(0)

    monkeypatch.setattr(Docket, "_append", mutant)
    stage = staged(SlowLedger)
    await stage.ask(an_envelope())
    with pytest.raises(AssertionError):
        assert_durable_before_sent(stage.trace)
    await asyncio.gather(*late)


async def test_a_decision_that_is_too_large_leaves_no_end_without_its_beginning() -> None:
    stage = staged(FullEntryLedger)
    status, headers, _ = await stage.ask(an_envelope(chat()))
    assert status == 413
    assert stage.sender.sent == []
    assert stage.ledger.records == []
    assert "x-perimeter-record" not in headers
