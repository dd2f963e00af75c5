"""What the flow needs from the rooms below it, as it sees them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from gateway.audit.record import Decided, Personal, Receipt, Record, Settled
from gateway.classification.allowed import NOTHING_ALLOWED, Allows
from gateway.classification.conversation import Seen
from gateway.domain.caller import RepoRegistry
from gateway.domain.decision import Finding, Scan
from gateway.domain.fleet import Fleet
from gateway.domain.grant import Grant
from gateway.domain.label import Label
from gateway.domain.request import Body
from gateway.domain.route import Candidate, Route
from gateway.domain.vocabulary import Vocabulary
from gateway.policy.compile import Program
from gateway.transport.call import HttpCall, HttpReply


class Clock(Protocol):
    """The time, given to whoever needs it."""

    def now(self) -> datetime:
        """Return the time, with time zone UTC."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""


class Ids(Protocol):
    """Ids and chance."""

    def record_id(self) -> str:
        """Return a new UUIDv7 as text."""

    def salt(self) -> bytes:
        """Return 16 random bytes."""


class Ledger(Protocol):
    """Where records go."""

    async def append(self, records: Sequence[tuple[Record, Personal | None]]) -> Receipt:
        """Make records durable in one group commit; LedgerUnavailable when that fails.

        When it returns, the bytes are on disk (fdatasync) and in the tree.
        """


class Sender(Protocol):
    """The way out."""

    async def send(self, candidate: Candidate, route: Route, call: HttpCall) -> HttpReply:
        """Assert the boundary, then send; BoundaryBreach or TransportFailure."""

    def host(self, backend: str) -> str:
        """Return the host and port of the backend, for the record."""

    def via_proxy(self, backend: str) -> str:
        """Return the host and port of the proxy before the backend; empty where there is none."""

    def dialled(self, backend: str) -> str:
        """Return the address from which the reply of that backend came; asked at once after it."""


class Scanner(Protocol):
    """The detectors."""

    async def scan(self, body: Body) -> Scan:
        """Scan every string of the body, keys included."""

    def look(self, text: str) -> Scan:
        """Scan one short text at once: a part of a reply."""

    async def spots(self, body: Body) -> tuple[Finding, ...]:
        """Return what stands in plain sight, with its characters; ValueError if it is too much."""


class Keeping(Protocol):
    """What is being kept of turns."""

    @property
    def turns(self) -> str:
        """The digests, as the record of the request holds them."""


class Conversations(Protocol):
    """The memory of what passed under which label."""

    @property
    def day(self) -> int:
        """Today, counted from the epoch."""

    def run(self, subject: str, told: bytes) -> str:
        """Return the name of the run that this belongs to; empty where nothing is told."""

    async def recall(self, subject: str, hashes: Sequence[bytes]) -> Mapping[bytes, Seen]:
        """Return what is remembered of these turns of that caller; ConversationsUnavailable."""

    def keep(self, subject: str, hashes: Sequence[bytes], label: Label, *, ours: bool) -> Keeping:
        """Remember these turns from now on."""

    async def kept(self, keeping: Keeping) -> None:
        """Wait until it is durable; ConversationsUnavailable."""


class Bodies(Protocol):
    """Where the texts of requests and replies are kept under seal, if they are kept at all."""

    @property
    def bytes_max(self) -> int:
        """Return the size of the largest that is kept."""

    async def keep(self, record: Decided | Settled, subject: str, data: bytes) -> str:
        """Keep what belongs to that record; return its id when it is durable. LedgerUnavailable."""


class World(Struct, frozen=True):
    """One consistent snapshot of everything that a decision depends on.

    `documents` names the policy bundle and the catalogue by digest, as the ledger stores them.
    `allows` is what stewards allowed, by fingerprint. `grants` is what persons granted and stands
    now; `spent` holds the ids of those that serve no further request.
    """

    program: Program
    vocabulary: Vocabulary
    registry: RepoRegistry
    fleet: Fleet
    documents: dict[str, str]
    demo: bool = False
    allows: Allows = NOTHING_ALLOWED
    grants: tuple[Grant, ...] = ()
    spent: frozenset[str] = frozenset()

    @property
    def usable(self) -> tuple[Grant, ...]:
        """What may serve one more request, that which lowers before that which breaks glass."""
        return tuple(one for one in self.grants if one.id not in self.spent)

    def grants_still(self, used: tuple[Grant, ...], now: datetime) -> bool:
        """Does all of that stand, neither over nor revoked?"""
        standing = {one.id for one in self.grants}
        return all(one.id in standing and one.holds(now) for one in used)


class Worlds(Protocol):
    """The current snapshot."""

    def now(self) -> World:
        """Return the snapshot; a request takes it once."""


class Grants(Protocol):
    """Where the uses of grants are counted."""

    def use(self, grant: Grant, record: str) -> bool:
        """Count one use, by the request of that record; False where there is none left."""

    def recorded(self, record: str) -> None:
        """Note that the record of a request that was granted something is durable."""


class NoGrants:
    """Nobody granted anything."""

    def use(self, grant: Grant, record: str) -> bool:  # noqa: ARG002 - a port
        """Return that nothing is left."""
        return False

    def recorded(self, record: str) -> None:
        """Nobody was granted anything."""


class Health(Protocol):
    """Which backends can be used."""

    def rest(self, backend: str, reason: str) -> None:
        """Leave the backend alone for a short while."""

    def breach(self, backend: str, reason: str) -> None:
        """Somebody outside its zone answered: the alarm, and never use the backend in this boot."""


class Meters(Protocol):
    """Counters with closed label sets."""

    def request(self, surface: str, outcome: str) -> None:
        """Count a request that was settled."""

    def denial(self, rule: str) -> None:
        """Count a denial by rule."""

    def notice(self) -> None:
        """Count a request of which policy wants to be told."""

    def shadow(self, rule: str) -> None:
        """Count a request that a rule in the shadow matches."""

    def attempt(self, zone: str, outcome: str) -> None:
        """Count an attempt."""

    def detector_failure(self, detector: str) -> None:
        """Count a detector that failed."""
