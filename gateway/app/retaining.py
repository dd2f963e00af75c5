"""Retention: what is older than it may be is destroyed, unless a hold keeps it.

INVARIANT: that something goes is durable in the ledger before it goes.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Protocol

from msgspec import Struct

from gateway.app.loading import Loaded
from gateway.app.moment import EPOCH
from gateway.domain.approval import Action
from gateway.domain.errors import GatewayError
from gateway.ledger import pruning
from gateway.ledger.bodies import BodyStore
from gateway.ledger.files import Files
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.pruned import told_in
from gateway.ledger.pruning import Span
from gateway.meters.logs import logger
from gateway.stores.standing import Standing

LOOK_S = 3_600.0
# WHY: a checkpoint is due a second after the first record that has none.
SIGNED_S_MAX = 10.0
SIGNED_POLL_S = 0.1
DAY_US = 86_400_000_000
BODIES_PRUNED = "bodies_pruned"
PRUNED = "pruned"
PRUNE_REFUSED = "prune_refused"
HELD = "legal_hold"
BY_DAYS = "retention.days"

Shards = Callable[[], tuple[LedgerFolder, ...]]


class Clock(Protocol):
    """The time."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""


class Terms(Struct, frozen=True):
    """How long things are kept: bodies, records (None: for ever), and what policy asks at least."""

    bodies_days: int
    record_days: int | None
    floor_days: int


class Due(Struct, frozen=True):
    """A closed shard that is old enough, from when to when it is, and the hold that keeps it."""

    folder: LedgerFolder
    span: Span
    hold: str = ""


class Retention:
    """Looks every hour for bodies and closed shards that are over.

    `every` returns all shards in order; all but the last one are closed.
    """

    def __init__(
        self,
        ledger: Ledger,
        bodies: BodyStore,
        every: Shards,
        terms: Callable[[], Terms],
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._shards = every
        self._terms = terms
        self._clock = clock
        self._refused: set[tuple[str, str]] = set()
        self.standing: Callable[[], Standing] = Standing
        self.files = Files()

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except (GatewayError, OSError) as error:
                logger().error("retention_failed", kind=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Destroy what is over now; GatewayError, OSError."""
        terms = self._terms()
        await self._look_at_bodies(terms.bodies_days)
        if terms.record_days is not None:
            days = max(terms.record_days, terms.floor_days)
            before_us = self._clock.now_us() - days * DAY_US
            await self.prune(await asyncio.to_thread(self.due, before_us), BY_DAYS)

    def is_below_floor(self, before_us: int) -> bool:
        """Would what policy wants kept be pruned?"""
        return before_us > self._clock.now_us() - self._terms().floor_days * DAY_US

    def due(self, before_us: int) -> tuple[Due, ...]:
        """Return the closed shards that ended before; it blocks. OSError, LedgerError."""
        return tuple(self._due(before_us))

    async def prune(self, due: tuple[Due, ...], why: str) -> None:
        """Let each shard keep its hashes and lose its content; what is held stays, and is told."""
        for one in due:
            name = one.folder.root.name
            if not one.hold:
                await self._prune(one, name, why)
            elif (name, one.hold) not in self._refused:
                self._refused.add((name, one.hold))
                await self._ledger.record(PRUNE_REFUSED, {"shard": name, "hold": one.hold})

    async def _prune(self, due: Due, name: str, why: str) -> None:
        files = self.files
        sealed = await asyncio.to_thread(pruning.keep_leaves, due.folder, files)
        first, last = due.span.months
        facts = {
            "shard": name,
            "origin": sealed.origin,
            "size": sealed.size,
            "root": sealed.root.hex(),
            "from": first,
            "to": last,
            "by": why,
        }
        await self._ledger.record(PRUNED, facts)
        if not await self._is_signed(sealed.origin):
            # WHY: what is told under no signature excuses nothing; the next look tries again.
            logger().error("prune_unsigned", size=str(sealed.size))
            return
        await asyncio.to_thread(pruning.drop, due.folder, files, self._ledger.blobs)
        logger().warning(PRUNED, size=str(sealed.size))

    async def _is_signed(self, origin: str) -> bool:
        """Wait until a checkpoint covers the record that says this shard was pruned."""
        for _ in range(round(SIGNED_S_MAX / SIGNED_POLL_S)):
            # WHY: the ledger may have handed over since.
            if origin in await asyncio.to_thread(told_in, self._shards()[-2:]):
                return True
            await asyncio.sleep(SIGNED_POLL_S)
        return False

    async def _look_at_bodies(self, days: int) -> None:
        now = EPOCH + timedelta(microseconds=self._clock.now_us())
        before = (now - timedelta(days=days)).date()
        due = await asyncio.to_thread(self._bodies.due, before, self._is_body_held)
        if due.days:
            facts = {"before": before.isoformat(), "bodies": due.bodies, "held": due.held}
            await self._ledger.record(BODIES_PRUNED, facts)
            await asyncio.to_thread(self._bodies.prune, due)

    def _due(self, before_us: int) -> Iterator[Due]:
        for folder in self._shards()[:-1]:
            span = pruning.span_of(folder)
            if span is not None and span.last_us < before_us:
                yield Due(folder, span, self._hold_of(span))

    def _hold_of(self, span: Span) -> str:
        """Return the digest of a hold that keeps a shard; empty where none does."""
        first, last = span.months
        for digest, scope in self._holds().items():
            if "pseudonym" in scope:
                months = self._ledger.subjects.months(scope["pseudonym"])
                if any(first <= month <= last for month in months):
                    return digest
            elif scope["from"] <= last and first <= scope["to"]:
                return digest
        return ""

    def _is_body_held(self, pseudonym: str, month: str) -> bool:
        return any(holds(scope, pseudonym, (month,)) for scope in self._holds().values())

    def _holds(self) -> dict[str, dict[str, str]]:
        active = self.standing().of(Action.HOLD, self._clock.now_us())
        return {digest: one.scope for digest, one in active.items()}


def holds(scope: Mapping[str, str], pseudonym: str, months: tuple[str, ...]) -> bool:
    """Does a hold of that scope keep what is known of a subject in these months?"""
    if "pseudonym" in scope:
        return scope["pseudonym"] == pseudonym
    return any(scope["from"] <= month <= scope["to"] for month in months)


def terms_of(loaded: Loaded) -> Terms:
    """Return for how long things are kept, by the configuration that is in force."""
    settings = loaded.node.settings
    floor = loaded.compiled.program.retention_floor_days
    return Terms(settings.bodies.days, settings.retention.days, floor)
