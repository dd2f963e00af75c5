"""Kept bodies of a running gateway: each written before the record that names it."""

import asyncio
from collections.abc import Iterator

from gateway.audit.record import Decided, Settled
from gateway.config.node import Node
from gateway.config.settings import Settings
from gateway.domain.errors import LedgerUnavailable, Problem
from gateway.ledger.bodies import BodyStore
from gateway.ledger.ledger import Ledger, field_of
from gateway.ledger.subject_keys import Field

ERASED = "erased"
RETENTION_AT = "/retention/days"


class KeptBodies:
    """Keeps bodies under the key of whoever asked. `bytes_max` is the size of the largest."""

    def __init__(self, ledger: Ledger, store: BodyStore, bytes_max: int) -> None:
        self._ledger = ledger
        self._store = store
        self.bytes_max = bytes_max

    async def keep(self, record: Decided | Settled, subject: str, data: bytes) -> str:
        """Keep what belongs to that record; return its id when it is durable. LedgerUnavailable."""
        key = await self._ledger.key_for(record, subject)
        if key is None:
            return ERASED
        place = body_of(record)
        try:
            return await asyncio.to_thread(self._store.put, data, place, key, record.ts_us)
        except OSError as error:
            hint = error.strerror or ""
            raise LedgerUnavailable("a body cannot be kept", hint=hint) from None


def body_of(record: Decided | Settled) -> Field:
    """Return what the body of a record is bound to."""
    place = field_of(record)
    return Field(place.record_id, f"{place.name}/body")


def store_of(settings: Settings) -> BodyStore:
    """Return where bodies lie."""
    return BodyStore(settings.paths.bodies, settings.origin)


def bodies_of(settings: Settings, ledger: Ledger) -> KeptBodies | None:
    """Return what keeps bodies; None where the node keeps none."""
    if not settings.bodies.keep:
        return None
    return KeptBodies(ledger, store_of(settings), settings.bodies.bytes_max)


def kept_bytes_max(settings: Settings) -> int:
    """Return up to which size a body that comes in is kept."""
    return settings.bodies.bytes_max if settings.bodies.keep else 0


def retention_problems(node: Node, floor_days: int) -> Iterator[Problem]:
    """Yield what is wrong where the node file keeps records for less than policy asks."""
    days = node.settings.retention.days
    if days is not None and days < floor_days:
        yield node.document.problem(
            RETENTION_AT, "records are pruned before the policy lets them be", f"{floor_days} days"
        )
