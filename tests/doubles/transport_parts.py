"""Builders of what the transport works with, over real sockets of the scripted server."""

from collections.abc import Callable

from msgspec.structs import replace

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.domain.fleet import Offering
from gateway.domain.route import Candidate, Route
from gateway.transport.backend import Backend, Way
from gateway.transport.call import Connector, HttpCall, Timeouts
from gateway.transport.credentials import bearer
from gateway.transport.guard import Guard, Lookup, Place
from gateway.transport.health import Health
from gateway.transport.send import Sender
from gateway.transport.target import Target, connector_for
from tests.doubles.fleets import an_offering
from tests.doubles.scripted_server import ScriptedServer

ENGINE = Backend(
    name="engine",
    ways=(Way(dialect=OPENAI_CHAT, path="/v1/chat/completions"),),
    credential=bearer.optional,
)
CLOUD = replace(ENGINE, name="cloud", is_cloud=True)
LOOPBACK = {"on_prem": ("127.0.0.0/8",), "cloud": ("127.0.0.0/8",)}


class HandClock:
    """A clock that goes only when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Alarms:
    """Keeps every alarm: backend and reason."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, str]] = []

    def __call__(self, backend: str, reason: str) -> None:
        self.rung.append((backend, reason))


def a_target(server: ScriptedServer, name: str = "vllm", zone: str = "on_prem", **over) -> Target:
    host = over.pop("host", server.address.ip)
    scheme = over.pop("scheme", "http")
    place = Place(name, scheme, host, server.address.port, zone)
    values = {"place": place, "kind": ENGINE, "timeouts": Timeouts(total_ms=20_000)}
    return Target(**(values | over))


class Shell:
    """Guard, health, alarms and sender over some targets."""

    def __init__(
        self,
        *targets: Target,
        pins: dict[str, tuple[str, ...]] | None = None,
        lookup: Lookup | None = None,
        sender: type[Sender] = Sender,
        connect: Callable[[Target], Connector] = connector_for,
    ) -> None:
        self.clock = HandClock()
        self.breaches, self.quarantines = Alarms(), Alarms()
        self.guard = Guard([target.place for target in targets], pins or LOOPBACK, lookup)
        self.health = Health(self.clock, self.quarantines, self.breaches)
        self.sender = sender(targets, self.guard, self.health, connect)


def a_candidate(backend: str = "vllm", zone: str = "on_prem") -> Candidate:
    offering: Offering = an_offering("model", backend, zone)
    return Candidate(offering)


def a_route(*candidates: Candidate, boundary: frozenset[str] = frozenset({"on_prem"})) -> Route:
    return Route(candidates or (a_candidate(),), boundary)


def a_call(backend: str = "vllm", body: bytes = b"{}", **fields: str) -> HttpCall:
    headers = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return HttpCall(backend, "POST", "/v1/chat/completions", headers, body)
