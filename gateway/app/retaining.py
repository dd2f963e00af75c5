"""Retention: what is older than the node file says is destroyed, unless a hold keeps it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from gateway.app.bodies import store_of
from gateway.app.erasing import Clock, holds
from gateway.app.making import Made
from gateway.app.moment import EPOCH
from gateway.domain.approval import Action
from gateway.domain.errors import GatewayError
from gateway.ledger.bodies import BodyStore
from gateway.ledger.ledger import Ledger
from gateway.meters.logs import logger
from gateway.stores.standing import Standing

LOOK_S = 3_600.0
BODIES_PRUNED = "bodies_pruned"


class Retention:
    """Looks every hour for bodies that are over.

    INVARIANT: that they go is durable in the ledger before they go.
    """

    def __init__(
        self,
        ledger: Ledger,
        bodies: BodyStore,
        days: int,
        standing: Callable[[], Standing],
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._bodies = bodies
        self._days = days
        self._standing = standing
        self._clock = clock

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except (GatewayError, OSError) as error:
                logger().error("retention_failed", kind=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Destroy the bodies that are over now; GatewayError, OSError."""
        now = EPOCH + timedelta(microseconds=self._clock.now_us())
        before = (now - timedelta(days=self._days)).date()
        due = await asyncio.to_thread(self._bodies.due, before, self._is_held)
        if due.days:
            facts = {"before": before.isoformat(), "bodies": due.bodies, "held": due.held}
            await self._ledger.record(BODIES_PRUNED, facts)
            await asyncio.to_thread(self._bodies.prune, due)

    def _is_held(self, pseudonym: str, month: str) -> bool:
        active = self._standing().of(Action.HOLD, self._clock.now_us()).values()
        return any(holds(hold.scope, pseudonym, (month,)) for hold in active)


def retention_of(made: Made) -> Retention:
    """Return the retention of a running gateway."""
    settings = made.loaded.node.settings
    return Retention(
        made.ledger,
        store_of(settings),
        settings.bodies.days,
        lambda: made.stewards.standing,
        made.clock,
    )
