"""The applications behind the two listeners."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from litestar import Litestar

from gateway.app.bodies import kept_bytes_max
from gateway.app.loading import anonymous_caller
from gateway.app.making import Made
from gateway.app.moment import EPOCH
from gateway.app.node_secret import access_root
from gateway.audit.record import Attempted, Decided, Settled
from gateway.dialects import DIALECTS
from gateway.flow.dry_run import DryRun
from gateway.identity.access_keys import AccessKeys
from gateway.identity.anonymous import Anonymous
from gateway.identity.callers import Callers
from gateway.identity.certificate import told_subject
from gateway.identity.network import Network, client_address, is_listed, networks_of
from gateway.stores.standing import Active
from gateway.surfaces.accept import BodyLimits
from gateway.surfaces.admin import Readiness, admin_application
from gateway.surfaces.api import Api
from gateway.surfaces.front import Door, Front
from gateway.surfaces.knock import Scope
from gateway.surfaces.protocol import SUBJECTS

STALL_MS_MAX = 60_000
FORWARDED = b"x-forwarded-for"


class LedgerRecords:
    """Reads records off the event loop."""

    def __init__(self, made: Made) -> None:
        self._ledger = made.ledger
        self._reader = made.ledger.reader

    async def record_of(
        self, record_id: str
    ) -> tuple[Decided, tuple[Attempted, ...], Settled | None] | None:
        """Return what stands about one request, or None."""
        found = await asyncio.to_thread(self._reader.record_of, record_id)
        return None if found is None else (found.decided, found.attempted, found.settled)

    async def is_of(self, decided: Decided, subject: str) -> bool:
        """Was it this person or service who asked? No, where that is erased."""
        personal = await asyncio.to_thread(self._ledger.personal, decided)
        return personal is not None and personal.subject == subject


def data_application(made: Made) -> Front:
    """Return the hot routes with everything else behind them."""
    data = made.loaded.node.settings.listeners.data
    trusted = networks_of(data.trusted_proxies)

    def address_of(scope: Scope) -> str:
        peer: Any = scope.get("client")
        forwarded = [value for name, value in scope["headers"] if name == FORWARDED]
        told = b",".join(forwarded).decode("latin-1") if forwarded else None
        return client_address(peer[0] if peer else "", told, trusted)

    def subjects_of(scope: Scope) -> tuple[str, ...]:
        # INVARIANT: a listed proxy speaks for others: its own certificate is nobody's here, and a
        # header says whose one it saw. From anybody else that header says nothing.
        peer: Any = scope.get("client")
        if not is_listed(peer[0] if peer else "", trusted):
            shown: tuple[str, ...] = scope.get(SUBJECTS, ())
            return shown
        told = data.subject_header
        if told is None:
            return ()
        name = told.name.encode()
        values = [value for given, value in scope["headers"] if given.lower() == name]
        return told_subject(values, told.kind)

    door = Door(
        callers=callers_of(made, trusted),
        dialects=DIALECTS,
        clock=made.clock,
        ids=made.house.ids,
        doorbell=made.metrics,
        address_of=address_of,
        subjects_of=subjects_of,
        body=BodyLimits(
            data.body_bytes_max, data.body_ms_max, kept_bytes_max(made.loaded.node.settings)
        ),
        in_flight_max=data.in_flight_max,
        stall_ms=STALL_MS_MAX,
    )
    behind: Any = Api(door, made.house.worlds, LedgerRecords(made)).application()
    return Front(door, made.exchange, DryRun(made.house), behind)


def callers_of(made: Made, trusted: tuple[Network, ...]) -> Callers:
    """Return everybody whom the gateway knows."""
    node, keys = made.loaded.node, made.key_file.held
    access = AccessKeys(keys, access_root(node.settings.paths))
    named, caller = node.settings.listeners.data.anonymous, anonymous_caller(node)
    nobody = None
    if named is not None and caller is not None:
        nobody = Anonymous(caller, networks_of(named.networks), trusted)
    return Callers(keys, access, nobody, made.issuers if node.settings.issuers else None)


class AdminDoor:
    """Readiness and metrics."""

    def __init__(self, made: Made, front: Front, stale: Callable[[], list[str]]) -> None:
        self._made = made
        self._front = front
        self._stale = stale
        self._probed = False

    async def first_probes(self) -> None:
        """Probe every backend once, and hear what is where, then be ready, then go on probing."""
        await self._made.probes.once()
        await self._made.residency.looked.wait()
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
        notices = [
            *self._stale(),
            *self._made.validity.notices(),
            *self._made.stewards.shut(),
            *_broken(self._made.stewards.glasses.values()),
        ]
        policy = self._made.worlds.now().documents["policy"]
        return Readiness(not reasons, tuple(reasons), demo, tuple(notices), policy)

    def application(self) -> Litestar:
        """Return the application of the admin listener."""
        metrics = self._made.metrics
        return admin_application(
            self.readiness, lambda: (metrics.render(), str(metrics.content_type))
        )


def _broken(glasses: Iterable[Active]) -> Iterator[str]:
    """Yield a line for all glass that is broken; it names zone, label and end."""
    for one in sorted(glasses, key=lambda glass: glass.until_us):
        until = (EPOCH + timedelta(microseconds=one.until_us)).isoformat(timespec="seconds")
        yield f"glass is broken: {one.scope['label']} may go to {one.scope['zone']} until {until}"
