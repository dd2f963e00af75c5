"""The applications behind the two listeners."""

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import Litestar

from gateway.app.loading import Loaded, anonymous_caller
from gateway.app.making import Made
from gateway.app.node_secret import access_root
from gateway.audit.record import Attempted, Decided, Settled
from gateway.dialects import DIALECTS
from gateway.identity.access_keys import AccessKeys
from gateway.identity.anonymous import Anonymous
from gateway.identity.callers import Callers, CurrentCallers
from gateway.identity.network import client_address, networks_of
from gateway.surfaces.accept import BodyLimits
from gateway.surfaces.admin import Readiness, admin_application
from gateway.surfaces.api import Api
from gateway.surfaces.front import Door, Front
from gateway.surfaces.knock import Scope

STALL_MS_MAX = 60_000
FORWARDED = b"x-forwarded-for"


class LedgerRecords:
    """Reads records off the event loop."""

    def __init__(self, made: Made) -> None:
        self._reader = made.ledger.reader

    async def record_of(
        self, record_id: str
    ) -> tuple[Decided, tuple[Attempted, ...], Settled | None] | None:
        """Return what stands about one request, or None."""
        found = await asyncio.to_thread(self._reader.record_of, record_id)
        return None if found is None else (found.decided, found.attempted, found.settled)


def data_application(made: Made, callers: CurrentCallers) -> Front:
    """Return the hot routes with everything else behind them."""
    data = made.loaded.node.settings.listeners.data
    trusted = networks_of(data.trusted_proxies)

    def address_of(scope: Scope) -> str:
        peer: Any = scope.get("client")
        forwarded = [value for name, value in scope["headers"] if name == FORWARDED]
        told = b",".join(forwarded).decode("latin-1") if forwarded else None
        return client_address(peer[0] if peer else "", told, trusted)

    door = Door(
        callers=callers,
        dialects=DIALECTS,
        clock=made.clock,
        ids=made.house.ids,
        doorbell=made.metrics,
        address_of=address_of,
        body=BodyLimits(data.body_bytes_max, data.body_ms_max),
        in_flight_max=data.in_flight_max,
        stall_ms=STALL_MS_MAX,
    )
    behind: Any = Api(door, made.house.worlds, LedgerRecords(made)).application()
    return Front(door, made.exchange, behind)


def callers_of(loaded: Loaded) -> Callers:
    """Return everybody whom the gateway knows."""
    settings = loaded.node.settings
    trusted = networks_of(settings.listeners.data.trusted_proxies)
    access = AccessKeys(loaded.keys, access_root(settings.paths))
    named, caller = settings.listeners.data.anonymous, anonymous_caller(loaded.node)
    if named is None or caller is None:
        return Callers(loaded.keys, access)
    return Callers(loaded.keys, access, Anonymous(caller, networks_of(named.networks), trusted))


class AdminDoor:
    """Readiness and metrics."""

    def __init__(self, made: Made, front: Front, fault: Callable[[], str]) -> None:
        self._made = made
        self._front = front
        self._fault = fault
        self._probed = False

    async def first_probes(self) -> None:
        """Probe every backend once, then say that the gateway is ready, then go on probing."""
        await self._made.probes.once()
        self._probed = True
        await self._made.probes.run()

    def readiness(self) -> Readiness:
        """May traffic come, and if not, why."""
        failure = self._made.ledger.failure
        reasons = [
            *(["draining"] if self._front.draining else []),
            *([] if self._probed else ["backends are being probed"]),
            *([] if failure is None else [f"ledger: {failure.code}"]),
            *(f"{name}: {why}" for name, why in self._made.health.quarantined.items()),
        ]
        demo = self._made.loaded.node.settings.demo
        fault = self._fault()
        notices = [
            *([f"the last good policy stays: {fault}"] if fault else []),
            *(f"zone {zone} is closed" for zone in sorted(self._made.stewards.closed)),
        ]
        return Readiness(not reasons, tuple(reasons), demo, tuple(notices))

    def application(self) -> Litestar:
        """Return the application of the admin listener."""
        metrics = self._made.metrics
        return admin_application(
            self.readiness, lambda: (metrics.render(), str(metrics.content_type))
        )
