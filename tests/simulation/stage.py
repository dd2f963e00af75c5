"""One world, played: the real gateway from exchange to guard, between scripted ends."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, date, datetime

from msgspec import UNSET, Struct
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.audit.record import Personal, Receipt, Record
from gateway.backends.anthropic import ANTHROPIC
from gateway.backends.ollama import OLLAMA
from gateway.backends.openai import OPENAI
from gateway.backends.vllm import VLLM
from gateway.dialects import DIALECTS
from gateway.domain.caller import Allowance, Caller
from gateway.domain.decision import Facts, Finding, Scan
from gateway.domain.errors import LedgerUnavailable
from gateway.domain.fleet import Catalogue, Fleet, Offering
from gateway.domain.money import Price
from gateway.domain.request import Body, Claims, Envelope
from gateway.domain.secret import Secret
from gateway.flow.background import Background
from gateway.flow.exchange import Exchange
from gateway.flow.house import House
from gateway.flow.ports import World
from gateway.flow.reply import Reply
from gateway.policy.compile import Compiled, compile_bundle
from gateway.transport.call import Address, Connector, HttpCall
from gateway.transport.guard import Guard, Place
from gateway.transport.health import Health
from gateway.transport.send import Sender
from gateway.transport.target import Target
from tests.doubles.manual import CountedIds, CountedMeters, KeptLog
from tests.doubles.memory_conversations import MemoryConversations
from tests.doubles.memory_ledger import MemoryLedger
from tests.doubles.policies import documents
from tests.simulation.bodies import DIALECT, body_of
from tests.simulation.clockwork import LoopClock, VirtualLoop
from tests.simulation.engines import Engines
from tests.simulation.scenario import Asked, Engine, Event, Fault, Scenario, Snapshot, Written

RECORD_ID = "019aa000-0000-7000-8000-{:012d}"
BACKENDS = {"vllm": VLLM, "ollama": OLLAMA, "openai": OPENAI, "anthropic": ANTHROPIC}
FREE = Price(0, 0, "own hardware", date(2026, 11, 20))
WORLD_S_MAX = 3_600
FINE = Fault()
_recent: deque[tuple[dict[str, Written], Compiled]] = deque(maxlen=4)


class Call(Struct, frozen=True):
    """One call that has left: to which address, and how the house stood at that moment.

    `records` is how long the ledger was, `snapshot` the current one, `resting` what rested.
    """

    request: int
    backend: str
    ip: str
    port: int
    call: HttpCall
    records: int
    snapshot: int
    resting: frozenset[str]


class Heard(Struct):
    """What the client got, and which snapshot was current when it asked."""

    snapshot: int
    status: int | None = None
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    left: bool = False
    raised: BaseException | None = None


class SlowLedger(MemoryLedger):
    """A ledger that takes its time, and of which some appends fail."""

    def __init__(self, wait_ms: int, unwritten: Sequence[int]) -> None:
        super().__init__()
        self._wait_s = wait_ms / 1_000
        self._unwritten = frozenset(unwritten)
        self._appends = 0
        self.lost: list[Record] = []

    async def append(self, records: Sequence[tuple[Record, Personal | None]]) -> Receipt:
        self._appends += 1
        number = self._appends
        # WHY: no append is durable in the same step in which it was asked for.
        await asyncio.sleep(self._wait_s)
        if number in self._unwritten:
            self.lost += [record for record, _ in records]
            raise LedgerUnavailable("The ledger cannot take a record.")
        return await super().append(records)


class Snapshots:
    """The current policy and catalogue, with the health of this moment."""

    def __init__(self, worlds: list[World], health: Health) -> None:
        self.worlds = worlds
        self.current = 0
        self._health = health

    def now(self) -> World:
        return self.world_with(self.current, self._health.resting())

    def world_with(self, number: int, resting: dict[str, str]) -> World:
        """Return a snapshot in which exactly these backends rest."""
        world = self.worlds[number]
        return replace(world, fleet=Fleet(world.fleet.catalogue, resting))


class Scanner:
    """Finds what the draw says: the body tells whose request it is."""

    def __init__(self, requests: list[Asked]) -> None:
        self._requests = requests

    async def scan(self, body: Body) -> Scan:
        await asyncio.sleep(0)
        text = str(body)
        found = next((one.found for one in self._requests if one.canary in text), None)
        if found is None or found.crashes:
            raise RuntimeError("a planted fault")
        findings = tuple(
            Finding(detector, kind, "/messages/0/content", 0, 9, tag_only=tag_only)
            for detector, kind, tag_only in found.findings
        )
        return Scan(findings, tuple(found.failed))

    def look(self, text: str) -> Scan:
        return Scan()


class Stage:
    """A world on its way: the house, and everything that an invariant looks at."""

    def __init__(self, scenario: Scenario, loop: VirtualLoop) -> None:
        self.scenario = scenario
        self.calls: list[Call] = []
        self.alarms: list[tuple[str, str]] = []
        self.heard: list[Heard] = []
        self.ledger = SlowLedger(scenario.ledger_ms, scenario.unwritten)
        self.health = Health(loop.time, self._alarm, self._alarm)
        self.snapshots = Snapshots([world_of(one) for one in scenario.snapshots], self.health)
        self.log = KeptLog()
        self.meters = CountedMeters()
        self.background = Background()
        self.conversations = MemoryConversations()
        self.clock = LoopClock(loop, datetime.fromisoformat(scenario.start).astimezone(UTC))
        self._loop = loop
        self._entries: dict[int, bytes] = {}
        self._faults = [list(asked.faults) for asked in scenario.requests]
        self._house = self._built()

    async def play(self) -> None:
        """Send every request, one after the other or all at once, and wait for settlement.

        TimeoutError when that takes longer than WORLD_S_MAX.
        """
        numbers = range(len(self.scenario.requests))
        async with asyncio.timeout(WORLD_S_MAX):
            if self.scenario.together:
                await asyncio.gather(*(self._ask(number) for number in numbers))
            else:
                for number in numbers:
                    await self._ask(number)
            if not await self.background.drain(WORLD_S_MAX):
                raise TimeoutError

    def entry(self, record: Record) -> bytes:
        """Return the bytes that the ledger would store for one of its records."""
        if id(record) not in self._entries:
            self._entries[id(record)] = canonical.encode(record)
        return self._entries[id(record)]

    def _built(self) -> House:
        engines = Engines(self._reached)
        targets = [_target(engine) for engine in self.scenario.engines]
        pins = {zone: tuple(blocks) for zone, blocks in self.scenario.pins.items()}
        guard = Guard([target.place for target in targets], pins, self._looked_up)

        def connect(target: Target) -> Connector:
            return engines.connector(target.name)

        return House(
            worlds=self.snapshots,
            ledger=self.ledger,
            sender=Sender(targets, guard, self.health, connect),
            health=self.health,
            scanner=Scanner(self.scenario.requests),
            conversations=self.conversations,
            clock=self.clock,
            ids=CountedIds(),
            meters=self.meters,
            log=self.log,
            background=self.background,
            backends={one.name: BACKENDS[one.kind] for one in self.scenario.engines},
            dialects=DIALECTS,
            boot="boot",
        )

    def _alarm(self, backend: str, why: str) -> None:
        self.alarms.append((backend, why))

    async def _looked_up(self, host: str, _port: int) -> list[str]:
        await asyncio.sleep(0)
        engine = next(one for one in self.scenario.engines if one.host == host)
        return list(engine.answers)

    def _reached(self, backend: str, call: HttpCall, address: Address) -> Fault:
        """Note a call that has left, and let happen what the draw says."""
        requests = self.scenario.requests
        number = next((n for n, one in enumerate(requests) if one.canary.encode() in call.body), -1)
        self.calls.append(
            Call(
                request=number,
                backend=backend,
                ip=address.ip,
                port=address.port,
                call=call,
                records=len(self.ledger.records),
                snapshot=self.snapshots.current,
                resting=frozenset(self.health.resting()),
            )
        )
        left = self._faults[number]
        fault = left.pop(0) if left else FINE
        self._happen(fault.events)
        if fault.switches:
            self.snapshots.current = len(self.snapshots.worlds) - 1
        return fault

    def _happen(self, events: list[Event]) -> None:
        for event in events:
            if event.what == "ill":
                self.health.ill(event.backend, "planted")
            elif event.what == "well":
                self.health.well(event.backend)
            else:
                self.health.quarantine(event.backend, "planted")

    async def _ask(self, number: int) -> None:
        asked = self.scenario.requests[number]
        self._happen(asked.before)
        heard = Heard(self.snapshots.current)
        self.heard.append(heard)
        task = self._loop.create_task(self._exchanged(number, asked, heard))
        if asked.cancel_ms is not None:
            self._loop.call_later(asked.cancel_ms / 1_000, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            heard.left = True
        except Exception as error:  # noqa: BLE001 - an invariant speaks about it
            heard.raised = error

    async def _exchanged(self, number: int, asked: Asked, heard: Heard) -> None:
        heard.snapshot = self.snapshots.current
        reply = await Exchange(self._house).exchange(envelope_of(number, asked))
        heard.status, heard.headers = reply.status, reply.headers
        if isinstance(reply.body, bytes):
            heard.body = reply.body
        else:
            await self._read(reply, asked, heard)

    async def _read(self, reply: Reply, asked: Asked, heard: Heard) -> None:
        """Read a stream as the surface does: its first chunk before anything can interrupt."""
        body = reply.body
        assert not isinstance(body, bytes)
        try:
            heard.body += await anext(body, b"")
            if asked.leaves_early:
                heard.left = True
                return
            async for chunk in body:
                heard.body += chunk
        finally:
            await body.aclose()


def world_of(snapshot: Snapshot) -> World:
    """Return the compiled snapshot; a rule that is broken raises when it is evaluated."""
    compiled = _compiled(snapshot.documents)
    program = compiled.program
    if snapshot.broken:
        program = replace(
            program,
            clauses=tuple(
                replace(clause, matches=_fail) if clause.id in snapshot.broken else clause
                for clause in program.clauses
            ),
        )
    offerings = tuple(
        Offering(
            id=offer.id,
            model=offer.model,
            backend=offer.backend,
            zone=offer.zone,
            wire_model=offer.wire_model,
            context_tokens=offer.context_tokens,
            output_tokens_max=8_192,
            capabilities=frozenset(offer.capabilities),
            price=FREE,
        )
        for offer in snapshot.offers
    )
    tasks = {name: tuple(entries) for name, entries in snapshot.tasks.items()}
    return World(
        program=program,
        vocabulary=compiled.vocabulary,
        registry=compiled.registry,
        fleet=Fleet(Catalogue(offerings, snapshot.aliases, tasks)),
        documents={"policy": "sha256:policy", "catalogue": "sha256:catalogue"},
    )


def envelope_of(number: int, asked: Asked) -> Envelope:
    """Return the request as a surface would hand it in."""
    key = asked.key
    zones = UNSET if key.zones is None else frozenset(key.zones)
    return Envelope(
        id=RECORD_ID.format(900 + number),
        received_us=0,
        caller=Caller(
            "key-1",
            "ada",
            key.team,
            key.label,
            tuple(key.repos),
            key.selects_repo,
            allowance=Allowance(zones=zones),
        ),
        surface=asked.surface,
        dialect=DIALECT[asked.surface],
        claims=Claims(
            label=asked.label.written,
            repo=asked.repo.written,
            workspaces=tuple(hint.written for hint in asked.hints if hint.written is not None),
        ),
        body=body_of(asked),
        body_bytes=100,
        body_sha256=bytes(32),
    )


def _compiled(bundle: dict[str, Written]) -> Compiled:
    """Return the compiled policy; worlds that share their documents share the program."""
    for known, compiled in _recent:
        if known is bundle:
            return compiled
    compiled = compile_bundle(documents(bundle), "sha256:policy").require()
    _recent.append((bundle, compiled))
    return compiled


def forget() -> None:
    """Forget the compiled policies: a fault may have been planted since, or taken away."""
    _recent.clear()


def _fail(_: Facts) -> bool:
    raise KeyError("a planted fault")


def _target(engine: Engine) -> Target:
    place = Place(engine.name, "http", engine.host, engine.port, engine.zone)
    secret = Secret("sk-planted") if engine.kind == "anthropic" else None
    return Target(place=place, kind=BACKENDS[engine.kind], secret=secret)
