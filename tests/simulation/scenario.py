"""A world as plain data: what was drawn, and what can be printed when it shows a fault."""

from typing import Any

from msgspec import Struct

Written = dict[str, Any]


class Size(Struct, frozen=True):
    """The most of everything that a world may have; shrinking lowers one after the other."""

    zones: int = 5
    rules: int = 8
    repos: int = 3
    backends: int = 5
    models: int = 3
    requests: int = 3
    faults: int = 4
    extras: int = 1


class Offer(Struct, frozen=True):
    """An entry of the catalogue; `zone` is what it says, which may be a lie."""

    model: str
    backend: str
    zone: str
    wire_model: str
    capabilities: list[str]
    context_tokens: int

    @property
    def id(self) -> str:
        """The offering's id."""
        return f"{self.model}@{self.backend}"


class Snapshot(Struct, frozen=True):
    """Policy and catalogue at one time. A rule in `broken` raises when it is evaluated."""

    documents: dict[str, Written]
    offers: list[Offer]
    aliases: dict[str, str]
    tasks: dict[str, list[str]]
    broken: list[str] = []


class Engine(Struct, frozen=True):
    """One backend of the fleet file: its host lies in `zone`; `answers` is what its name means."""

    name: str
    kind: str
    zone: str
    host: str
    port: int
    answers: list[str]


class Claim(Struct, frozen=True):
    """What a client claims, as it is written and as it is meant.

    `meant` is `none`, `garbage`, `label` or (of a repository) `registered` or `unregistered`.
    """

    meant: str = "none"
    written: str | None = None
    level: str = ""
    caveats: list[str] = []
    places: str | None = None
    repo: str | None = None


class Key(Struct, frozen=True):
    """The caller's key; a label that is `cosmic` and a repository `ghost` are known to nobody.

    `zones` are those that it may reach at the most, where it is limited.
    """

    team: str
    label: str | None = None
    repos: list[str] = []
    selects_repo: bool = False
    zones: list[str] | None = None


class Found(Struct, frozen=True):
    """What the detectors make of a prompt; with `crashes` the scanner itself raises."""

    findings: list[tuple[str, str, bool]] = []
    failed: list[str] = []
    crashes: bool = False


class Event(Struct, frozen=True):
    """Something that happens to a backend: `ill`, `well` or `quarantine`."""

    what: str
    backend: str


class Fault(Struct, frozen=True):
    """How an engine treats one call, and what happens in the house while it does."""

    how: str = "ok"
    wait_ms: int = 0
    events: list[Event] = []
    switches: bool = False


class Asked(Struct, frozen=True):
    """One request: who, what, with which claims, and how client, ledger and engines behave.

    `hints` are repositories that the client's tool tells by itself; they refuse nothing.
    `body` is a shape of `bodies`; `needs` and `output_max` say what it asks of an engine. Requests
    with the same `turn` repeat it, and nothing else tells that they belong together.
    """

    name: str
    canary: str
    key: Key
    label: Claim
    repo: Claim
    hints: list[Claim]
    surface: str
    body: str
    stream: bool
    needs: list[str]
    output_max: int | None
    found: Found
    faults: list[Fault]
    before: list[Event] = []
    cancel_ms: int | None = None
    leaves_early: bool = False
    turn: str = ""


class Scenario(Struct, frozen=True):
    """Everything about one world.

    `start` is a moment, `together` sends all requests at once. The appends to the ledger whose
    numbers are in `unwritten` fail; each takes `ledger_ms`.
    """

    seed: int
    size: Size
    start: str
    snapshots: list[Snapshot]
    engines: list[Engine]
    pins: dict[str, list[str]]
    requests: list[Asked]
    ledger_ms: int
    unwritten: list[int]
    together: bool
