"""The memory of conversations from start to stop: opened, brought up to the ledger, told of."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from msgspec import Struct

from gateway.audit.record import Decided, Settled
from gateway.classification.conversation import Seen
from gateway.domain.errors import LedgerUnavailable
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
    found = Conversations(table, keyed, keeper.vocabulary, keeper.now_us)
    if table.is_foreign:
        await ledger.record(FORGOTTEN, {"reason": "node secret changed"})
    await _catch_up(found, ledger, keeper)
    found.size = lambda: ledger.size
    found.tell = lambda forgotten: background.spawn(_record(ledger, forgotten))
    return found


async def _catch_up(found: Conversations, ledger: Ledger, keeper: Keeper) -> None:
    since_us = keeper.now_us() - keeper.bounds.days * DAY_US
    batches = _batches(ledger, found.mark, since_us)
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        rows, mark = batch
        await found.absorb(rows, mark)


def _batches(
    ledger: Ledger, start: int, since_us: int
) -> Iterator[tuple[list[tuple[str, Seen]], int]]:
    """Yield what records hold of turns, a batch at a time, with the index after the last."""
    records = ledger.opened(start if start <= ledger.size else 0)
    while batch := list(islice(records, BATCH_RECORDS_MAX)):
        rows = [
            (
                personal.turns,
                Seen(personal.turns_label, record.ts_us // DAY_US, isinstance(record, Settled)),
            )
            for _, record, personal in batch
            if isinstance(record, Decided | Settled)
            and record.ts_us >= since_us
            and personal is not None
            and personal.turns_label is not None
        ]
        yield rows, batch[-1][0] + 1


async def _record(ledger: Ledger, forgotten: Forgotten) -> None:
    facts: dict[str, str | int] = {
        "turns": forgotten.turns,
        "up_to": forgotten.label,
        "reason": "bound reached",
    }
    logger().warning(FORGOTTEN, turns=str(forgotten.turns), up_to=forgotten.label)
    try:
        await ledger.record(FORGOTTEN, facts)
    except Exception as error:  # noqa: BLE001 - it stands in the log
        logger().error("forgetting_unrecorded", kind=type(error).__name__)
