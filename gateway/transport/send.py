"""The one way out: the boundary is asserted here, right before the bytes go."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor

import msgspec
from msgspec import Struct

from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import Candidate, Failure, FailureKind, Route
from gateway.transport.call import Address, Connector, HttpCall, HttpReply, Timeouts
from gateway.transport.credentials import Fields, Unsigned
from gateway.transport.failure import Mispinned, TransportFailure, failed
from gateway.transport.guard import Guard
from gateway.transport.health import Health
from gateway.transport.target import Target, connector_for
from gateway.transport.unrepeated import unrepeated
from gateway.transport.wires import Access, Wires, access_of, wired

DIALLED_MAX = 3
CLOSED = "zone_closed"
CHANGED = "fleet_changed"
QUARANTINED = "quarantined"
MS = 1_000
FETCHES_MAX = 4
PROBE_BYTES_MAX = 4 * 1024 * 1024
PROBE_TIMEOUTS = Timeouts(connect_ms=1_000, first_byte_ms=2_000, idle_ms=2_000, total_ms=5_000)
# INVARIANT: what is not named here does not leave; credentials are added by the sender alone.
SENT_FIELDS = frozenset(
    {
        "accept",
        "anthropic-beta",
        "anthropic-version",
        "content-type",
        "x-amzn-bedrock-accept",
        "x-amzn-bedrock-request-metadata",
        "x-goog-user-project",
        "x-request-id",
    }
)
OWN_FIELDS: Fields = (("user-agent", "perimeter"), ("accept-encoding", "identity"))
_REDIRECTS = range(300, 400)
_UNBELIEVED = frozenset({401, 403})
_UNTOUCHED = frozenset({FailureKind.UNREACHABLE, FailureKind.TIMED_OUT})


class Probed(Struct, frozen=True):
    """What a backend answered to a probe."""

    status: int
    headers: dict[str, str]
    body: bytes


class Sender:
    """Sends what the route allows, to hosts that lie in its zones, and nothing else.

    The health is told of every breach, and rings the alarm. Raises ValueError when a target is not
    where the guard knows it, has no secret and needs one, or the reverse; OSError when a CA file
    cannot be used.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        guard: Guard,
        health: Health,
        connect: Callable[[Target], Connector] = connector_for,
    ) -> None:
        self._health = health
        self._connect = connect
        # WHY: threads of their own. A token service that hangs must not keep the ledger waiting.
        self._threads = ThreadPoolExecutor(FETCHES_MAX, "credential")
        self._wires = wired(targets, guard, connect, self._threads)
        self._retiring: dict[asyncio.Task[None], Connector] = {}
        self._last_good: dict[str, Address] = {}
        # The zones that a person has closed; asked once more right before a prompt goes.
        self.closed: Callable[[], Collection[str]] = frozenset

    async def send(self, candidate: Candidate, route: Route, call: HttpCall) -> HttpReply:
        """Assert the boundary, then send; BoundaryBreach or TransportFailure.

        A reply of any status but 3xx is returned as it is.
        """
        wires = self._wires
        addresses = await self._checked(wires, call.backend, candidate, route)
        timeouts = wires.targets[call.backend].timeouts
        reply = await self._dial(wires, call, addresses, timeouts, zone=candidate.zone)
        if reply.status in _UNBELIEVED and call.backend in wires.keepers:
            wires.keepers[call.backend].doubt()
        return _taken(reply)

    async def probe(self, backend: str, path: str, model: str = "") -> Probed:
        """Ask a backend how it is, or about one of its models; BoundaryBreach, TransportFailure.

        INVARIANT: a path and a model's name are all that a probe can say.
        """
        wires = self._wires
        addresses = await self._checked(wires, backend)
        target = wires.targets[backend]
        headers = (("accept", "application/json"), *target.kind.headers)
        call = HttpCall(backend, "GET", path, headers, b"")
        if model:
            body = msgspec.json.encode({"model": model})
            headers = (("content-type", "application/json"), *headers)
            call = HttpCall(backend, "POST", path, headers, body)
        reply = _taken(await self._dial(wires, call, addresses, PROBE_TIMEOUTS))
        return Probed(reply.status, reply.headers, await reply.read(PROBE_BYTES_MAX))

    def host(self, backend: str) -> str:
        """Return the host and port of the backend, for the record."""
        return self._wires.guard.place(backend).origin

    def via_proxy(self, backend: str) -> str:
        """Return the host and port of the proxy before the backend; empty where there is none."""
        proxy = self._wires.guard.place(backend).proxy
        return "" if proxy is None else proxy.authority

    def dialled(self, backend: str) -> str:
        """Return the address at which a connection to the backend was last made; empty for none.

        INVARIANT: whoever asks before anything else happens is told where its own reply came from.
        """
        good = self._last_good.get(backend)
        return "" if good is None else good.ip

    @property
    def wires(self) -> Wires:
        """The state of the fleet that is in use."""
        return self._wires

    def wire(self, targets: Iterable[Target], guard: Guard) -> Wires:
        """Return another state of the fleet, not in use yet; ValueError and OSError as above."""
        return wired(targets, guard, self._connect, self._threads, self._wires)

    def take(self, wires: Wires) -> None:
        """Reach the fleet by these from now on.

        A pool that is not among them takes no call any more, lets its idle connections go at once,
        and is closed when what is under way on it has had its time.
        """
        old, self._wires = self._wires, wires
        for name, connector in old.connectors.items():
            if wires.connectors.get(name) is not connector:
                self._last_good.pop(name, None)
                self._retire(connector, old.targets[name].timeouts.total_ms / MS)
        for keeper in {id(one): one for one in old.keepers.values()}.values():
            if all(keeper is not one for one in wires.keepers.values()):
                keeper.close()

    async def fetch_ahead(self) -> None:
        """Fetch every credential that is to be fetched, before anybody waits for it."""
        fetched = (keeper.current() for keeper in self._wires.keepers.values())
        await asyncio.gather(*fetched, return_exceptions=True)

    async def close(self) -> None:
        """Close every connection to every backend, and renew no credential any more."""
        for keeper in self._wires.keepers.values():
            keeper.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        retiring = dict(self._retiring)
        for task in retiring:
            task.cancel()
        await asyncio.gather(*retiring, return_exceptions=True)
        for connector in (*self._wires.connectors.values(), *retiring.values()):
            await connector.close()

    def _retire(self, connector: Connector, seconds: float) -> None:
        connector.retire()
        task = asyncio.get_running_loop().create_task(_closed_after(connector, seconds))
        self._retiring[task] = connector
        task.add_done_callback(lambda done: self._retiring.pop(done, None))

    async def _checked(
        self,
        wires: Wires,
        backend: str,
        candidate: Candidate | None = None,
        route: Route | None = None,
    ) -> tuple[Address, ...]:
        """Return the addresses that may be dialled now; a breach is stopped, kept out, alarmed."""
        try:
            if candidate is not None and route is not None:
                self._assert_boundary(backend, candidate, route)
            if self._health.is_quarantined(backend):
                raise failed(FailureKind.UNREACHABLE, QUARANTINED, sent=False)
            return await wires.guard.resolve(backend)
        except BoundaryBreach as breach:
            if wires is not self._wires and not wires.same(self._wires, backend):
                # WHY: who has that name by now has done nothing.
                raise failed(FailureKind.UNREACHABLE, CHANGED, sent=False) from None
            raise self._stopped(backend, breach) from None

    def _stopped(self, backend: str, breach: BoundaryBreach) -> BoundaryBreach:
        """Keep the backend out, ring the alarm, and return the breach.

        INVARIANT: while a backend is kept out, the gateway is not ready.
        """
        self._health.breach(backend, breach.hint)
        return breach

    def _assert_boundary(self, backend: str, candidate: Candidate, route: Route) -> None:
        """Compare everything that says where the prompt goes; all must say the same.

        INVARIANT: the zone is the one that the fleet file pins to the host, never the one that
        came along with the candidate.
        """
        zone = self._wires.guard.zone_of(backend)
        if candidate not in route.candidates:
            raise _breach("the candidate is not of this route")
        if candidate.offering.backend != backend:
            raise _breach(f"the call is for {backend}, the candidate is not")
        if candidate.zone != zone:
            raise _breach(f"{backend} is in zone {zone}, the candidate says {candidate.zone}")
        if zone not in route.boundary:
            raise _breach(f"zone {zone} is outside the boundary")

    async def _dial(
        self,
        wires: Wires,
        call: HttpCall,
        addresses: tuple[Address, ...],
        timeouts: Timeouts,
        zone: str = "",
    ) -> HttpReply:
        """Send to the first address that takes the connection; the one that did last goes first.

        INVARIANT: a zone that was closed while a name was resolved or a credential fetched gets
        nothing, nor one that policy or a grant has taken away by then, nor an address that is not
        the backend's any more; probes, which carry nothing, name no zone.
        """
        access = await _accessed(wires, call.backend)
        call = msgspec.structs.replace(call, headers=_fields(wires, call, access))
        connector = wires.connectors[call.backend]
        good = self._last_good.get(call.backend)
        tried = sorted(addresses, key=lambda address: address != good)[:DIALLED_MAX]
        for address in tried:
            if why := self._why_not(wires, call, address, zone):
                raise failed(FailureKind.UNREACHABLE, why, sent=False)
            try:
                reply = await connector.send(call, timeouts, address)
            except Mispinned as stranger:
                breach = _breach(f"{call.backend} shows {stranger.failure.detail}")
                raise self._stopped(call.backend, breach) from None
            except TransportFailure as failure:
                # INVARIANT: another address is tried only while nothing has left this machine.
                if failure.failure.sent or failure.failure.kind not in _UNTOUCHED:
                    raise
                if address == tried[-1]:
                    raise
            else:
                self._last_good[call.backend] = address
                return unrepeated(reply, call.headers)
        raise failed(FailureKind.UNREACHABLE, "no address to dial", sent=False)

    def _why_not(self, wires: Wires, call: HttpCall, address: Address, zone: str) -> str:
        """Return why that address is not dialled after all; empty where it is."""
        if zone in self.closed():
            return CLOSED
        if self._health.is_quarantined(call.backend):
            return QUARANTINED
        now = self._wires
        if wires is not now and not (
            wires.same(now, call.backend) and now.guard.dials(call.backend, address)
        ):
            return CHANGED
        return call.stopped()


async def _accessed(wires: Wires, backend: str) -> Access:
    """Return the backend's credential as it is now; TransportFailure when there is none."""
    keeper = wires.keepers.get(backend)
    if keeper is None:
        return wires.access[backend]
    secret = await keeper.current()
    try:
        return access_of(wires.targets[backend], secret)
    except ValueError:
        detail = "the fetched credential cannot be used"
        raise failed(FailureKind.UNREACHABLE, detail, sent=False) from None


def _fields(wires: Wires, call: HttpCall, access: Access) -> Fields:
    kept = tuple(field for field in call.headers if field[0] in SENT_FIELDS)
    fields = (*kept, *OWN_FIELDS, *access.fields)
    now = wires.targets[call.backend].now
    if access.sign is None or now is None:
        return fields
    place = wires.guard.place(call.backend)
    url = f"{place.scheme}://{place.authority}{call.path}"
    return (*fields, *access.sign(Unsigned(call.method, url, kept, call.body), now()))


async def _closed_after(connector: Connector, seconds: float) -> None:
    """Close what no call begins on any more, when the last one has had its time."""
    await asyncio.sleep(seconds)
    await connector.close()


def _taken(reply: HttpReply) -> HttpReply:
    """Return the reply, unless it points elsewhere or is packed in a way we did not ask for."""
    detail = ""
    if reply.status in _REDIRECTS:
        detail = "redirect refused"
    elif reply.headers.get("content-encoding", "identity").lower() != "identity":
        detail = "content encoding refused"
    if detail:
        reply.abandon()
        raise TransportFailure(
            Failure(FailureKind.UNREADABLE, sent=True, detail=detail, status=reply.status)
        )
    return reply


def _breach(hint: str) -> BoundaryBreach:
    return BoundaryBreach("The request was stopped at the boundary.", hint=hint)
