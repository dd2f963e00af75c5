"""The memory of conversations from start to stop: opened, brought up to the ledger, told of."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from msgspec import Struct

from gateway.audit.record import Decided, Personal, Record, Settled
from gateway.classification.conversation import LOST, Seen
from gateway.domain.errors import LedgerUnavailable
from gateway.domain.route import OutcomeKind
from gateway.domain.vocabulary import Vocabulary
from gateway.flow.background import Background
from gateway.ledger.ledger import Ledger
from gateway.meters.logs import logger
from gateway.stores.conversations import DAY_US, Conversations, Keyed
from gateway.stores.turn_table import Bounds, Forgotten, Owner, TurnTable

BATCH_RECORDS_MAX = 1_000
FORGOTTEN = "conversations_forgotten"


class Keeper(Struct, frozen=True):
    """What a memory is made with: where, under which secret, how much, and by which clock."""

    path: Path
    secret: bytes
    bounds: Bounds
    vocabulary: Vocabulary
    now_us: Callable[[], int]


async def open_conversations(
    keeper: Keeper, ledger: Ledger, background: Background
) -> Conversations:
    """Open the memory and take in what the ledger says since; LedgerUnavailable.

    A file that is no use is made again from the ledger; under another secret nothing of the past
    is known again, and that is recorded.
    """
    keyed = Keyed(keeper.secret)
    try:
        table = await asyncio.to_thread(
            TurnTable,
            keeper.path,
            Owner(keyed.check, ledger.origin),
            keeper.bounds,
            keeper.vocabulary,
        )
    except (sqlite3.Error, OSError) as error:
        hint = type(error).__name__
        raise LedgerUnavailable(
            "The memory of conversations cannot be opened.", hint=hint
        ) from None
    found = Conversations(table, keyed, ledger.subjects, keeper.vocabulary, keeper.now_us)
    if table.is_foreign:
        await ledger.record(FORGOTTEN, {"reason": "node secret changed"})
    await _catch_up(found, ledger, keeper)
    found.size = lambda: ledger.size
    found.tell = lambda forgotten: background.spawn(_record(ledger, forgotten))
    return found


async def _catch_up(found: Conversations, ledger: Ledger, keeper: Keeper) -> None:
    since_us = keeper.now_us() - keeper.bounds.days * DAY_US
    start = found.mark if found.mark <= ledger.size else 0
    batches = _batches(_Told(ledger, found), start, since_us)
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        rows, mark = batch
        await found.absorb(rows, mark)


def _batches(
    told: "_Told", start: int, since_us: int
) -> Iterator[tuple[list[tuple[str, Seen]], int]]:
    """Yield what records hold of turns, a batch at a time, with the index after the last."""
    records = told.ledger.opened(start)
    while batch := list(islice(records, BATCH_RECORDS_MAX)):
        young = [one for one in batch if one[1].ts_us >= since_us]
        rows = [told.row(record, personal) for _, record, personal in young]
        yield [row for row in rows if row is not None], batch[-1][0] + 1


class _Told:
    """What records tell of turns."""

    def __init__(self, ledger: Ledger, found: Conversations) -> None:
        self.ledger = ledger
        self._found = found

    def row(self, record: Record, personal: Personal | None) -> tuple[str, Seen] | None:
        """Return the digests of a record and what is to be remembered of them."""
        if isinstance(record, Settled) and record.outcome is OutcomeKind.LOST:
            return self._lost(record)
        if isinstance(record, Decided | Settled) and personal and personal.turns_label:
            ours = isinstance(record, Settled)
            return personal.turns, Seen(personal.turns_label, record.ts_us // DAY_US, ours)
        return None

    def _lost(self, settled: Settled) -> tuple[str, Seen] | None:
        """Return what stands for a reply that a crash took: its label, and whose it was.

        WHY: its client may have got of it what nobody remembered.
        """
        found = self.ledger.reader.record_of(settled.id)
        if found is None or found.decided.label is None or not found.attempted:
            return None
        personal = self.ledger.personal(found.decided)
        if personal is None:
            return None
        turns = self._found.packed(personal.subject, [LOST])
        return turns, Seen(found.decided.label, settled.ts_us // DAY_US)


async def _record(ledger: Ledger, forgotten: Forgotten) -> None:
    facts: dict[str, str | int] = {
        "turns": forgotten.turns,
        "up_to": forgotten.label,
        "reason": "bound reached",
    }
    logger().warning(FORGOTTEN, count=forgotten.turns, up_to=forgotten.label)
    try:
        await ledger.record(FORGOTTEN, facts)
    except Exception as error:  # noqa: BLE001 - it stands in the log
        logger().error("forgetting_unrecorded", kind=type(error).__name__)
