"""The one way out: the boundary is asserted here, right before the bytes go."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor

import msgspec
from msgspec import Struct

from gateway.domain.errors import BoundaryBreach
from gateway.domain.route import Candidate, Failure, FailureKind, Route
from gateway.domain.secret import Secret
from gateway.transport.call import Address, Connector, HttpCall, HttpReply, Timeouts
from gateway.transport.credentials import Fields, Sign, Unsigned
from gateway.transport.credentials.keeper import Keeper
from gateway.transport.failure import Mispinned, TransportFailure, failed
from gateway.transport.guard import Guard
from gateway.transport.health import Health
from gateway.transport.target import Target, connector_for
from gateway.transport.unrepeated import unrepeated

DIALLED_MAX = 3
CLOSED = "zone_closed"
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


class Access(Struct, frozen=True):
    """What a secret has become: header fields, and what signs each call."""

    fields: Fields
    sign: Sign | None

    def __repr__(self) -> str:
        return "Access(***)"


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
        self._guard = guard
        self._health = health
        self._targets = {target.name: target for target in targets}
        if any(not guard.knows(target.place) for target in self._targets.values()):
            raise ValueError("a target is not where the fleet file says that it is")
        self._connectors = {name: connect(target) for name, target in self._targets.items()}
        # WHY: threads of their own. A token service that hangs must not keep the ledger waiting.
        self._threads = ThreadPoolExecutor(FETCHES_MAX, "credential")
        self._keepers = _keepers(self._targets.values(), self._threads)
        self._access = {
            name: _access(one, one.secret)
            for name, one in self._targets.items()
            if name not in self._keepers
        }
        self._last_good: dict[str, Address] = {}
        # The zones that a person has closed; asked once more right before a prompt goes.
        self.closed: Callable[[], Collection[str]] = frozenset

    async def send(self, candidate: Candidate, route: Route, call: HttpCall) -> HttpReply:
        """Assert the boundary, then send; BoundaryBreach or TransportFailure.

        A reply of any status but 3xx is returned as it is.
        """
        addresses = await self._checked(call.backend, candidate, route)
        timeouts = self._targets[call.backend].timeouts
        reply = await self._dial(call, addresses, timeouts, zone=candidate.zone)
        if reply.status in _UNBELIEVED and call.backend in self._keepers:
            self._keepers[call.backend].doubt()
        return _taken(reply)

    async def probe(self, backend: str, path: str, model: str = "") -> Probed:
        """Ask a backend how it is, or about one of its models; BoundaryBreach, TransportFailure.

        INVARIANT: a path and a model's name are all that a probe can say.
        """
        addresses = await self._checked(backend)
        target = self._targets[backend]
        headers = (("accept", "application/json"), *target.kind.headers)
        call = HttpCall(backend, "GET", path, headers, b"")
        if model:
            body = msgspec.json.encode({"model": model})
            headers = (("content-type", "application/json"), *headers)
            call = HttpCall(backend, "POST", path, headers, body)
        reply = _taken(await self._dial(call, addresses, PROBE_TIMEOUTS))
        return Probed(reply.status, reply.headers, await reply.read(PROBE_BYTES_MAX))

    def host(self, backend: str) -> str:
        """Return the host and port of the backend, for the record."""
        return self._guard.place(backend).origin

    def via_proxy(self, backend: str) -> str:
        """Return the host and port of the proxy before the backend; empty where there is none."""
        proxy = self._guard.place(backend).proxy
        return "" if proxy is None else proxy.authority

    def dialled(self, backend: str) -> str:
        """Return the address at which a connection to the backend was last made; empty for none.

        INVARIANT: whoever asks before anything else happens is told where its own reply came from.
        """
        good = self._last_good.get(backend)
        return "" if good is None else good.ip

    def pin(self, pins: Mapping[str, tuple[str, ...]]) -> None:
        """Let other CIDR blocks hold from now on; ValueError when a zone in use would have none."""
        self._guard.pin(pins)

    async def fetch_ahead(self) -> None:
        """Fetch every credential that is to be fetched, before anybody waits for it."""
        fetched = (keeper.current() for keeper in self._keepers.values())
        await asyncio.gather(*fetched, return_exceptions=True)

    async def close(self) -> None:
        """Close every connection to every backend, and renew no credential any more."""
        for keeper in self._keepers.values():
            keeper.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for connector in self._connectors.values():
            await connector.close()

    async def _checked(
        self, backend: str, candidate: Candidate | None = None, route: Route | None = None
    ) -> tuple[Address, ...]:
        """Return the addresses that may be dialled now; a breach is stopped, kept out, alarmed."""
        try:
            if candidate is not None and route is not None:
                self._assert_boundary(backend, candidate, route)
            if self._health.is_quarantined(backend):
                raise failed(FailureKind.UNREACHABLE, "quarantined", sent=False)
            return await self._guard.resolve(backend)
        except BoundaryBreach as breach:
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
        zone = self._guard.zone_of(backend)
        if candidate not in route.candidates:
            raise _breach("the candidate is not of this route")
        if candidate.offering.backend != backend:
            raise _breach(f"the call is for {backend}, the candidate is not")
        if candidate.zone != zone:
            raise _breach(f"{backend} is in zone {zone}, the candidate says {candidate.zone}")
        if zone not in route.boundary:
            raise _breach(f"zone {zone} is outside the boundary")

    async def _dial(
        self, call: HttpCall, addresses: tuple[Address, ...], timeouts: Timeouts, zone: str = ""
    ) -> HttpReply:
        """Send to the first address that takes the connection; the one that did last goes first.

        INVARIANT: a zone that was closed while a name was resolved or a credential fetched gets
        nothing, nor one that policy or a grant has taken away by then; probes, which carry nothing,
        name none.
        """
        access = await self._accessed(call.backend)
        call = msgspec.structs.replace(call, headers=self._fields(call, access))
        connector = self._connectors[call.backend]
        good = self._last_good.get(call.backend)
        tried = sorted(addresses, key=lambda address: address != good)[:DIALLED_MAX]
        for address in tried:
            if why := CLOSED if zone in self.closed() else call.stopped():
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

    async def _accessed(self, backend: str) -> Access:
        """Return the backend's credential as it is now; TransportFailure when there is none."""
        keeper = self._keepers.get(backend)
        if keeper is None:
            return self._access[backend]
        secret = await keeper.current()
        try:
            return _access(self._targets[backend], secret)
        except ValueError:
            detail = "the fetched credential cannot be used"
            raise failed(FailureKind.UNREACHABLE, detail, sent=False) from None

    def _fields(self, call: HttpCall, access: Access) -> Fields:
        kept = tuple(field for field in call.headers if field[0] in SENT_FIELDS)
        fields = (*kept, *OWN_FIELDS, *access.fields)
        now = self._targets[call.backend].now
        if access.sign is None or now is None:
            return fields
        place = self._guard.place(call.backend)
        url = f"{place.scheme}://{place.authority}{call.path}"
        return (*fields, *access.sign(Unsigned(call.method, url, kept, call.body), now()))


def _keepers(targets: Collection[Target], threads: Executor) -> dict[str, Keeper]:
    """Return the keepers by target; what is asked about models shares that of its engine."""
    kept = {one.name: made for one in targets if (made := _keeper(one, threads))}
    return kept | {one.asked: kept[one.name] for one in targets if one.asked in kept}


def _keeper(target: Target, threads: Executor) -> Keeper | None:
    """Return what keeps the target's credential fresh, None where the secret is used as it is."""
    try:
        source = target.kind.source(target.secret, target.settings, target.way_out)
    except ValueError as error:
        raise ValueError(f"{target.name}: {error}") from None
    if source is None:
        return None
    if target.now is None:
        raise ValueError(f"{target.name}: a fetched credential needs a clock")
    return Keeper(source, target.now, target.tell, threads)


def _access(target: Target, secret: Secret | None) -> Access:
    kind = target.kind
    try:
        fields = kind.credential(secret)
        sign = None if kind.signer is None else kind.signer(secret, target.settings)
    except ValueError as error:
        raise ValueError(f"{target.name}: {error}") from None
    if sign is not None and target.now is None:
        raise ValueError(f"{target.name}: a signature needs a clock")
    return Access(fields, sign)


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
