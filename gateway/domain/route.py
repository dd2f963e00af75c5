"""Who shall answer, in which order, and how each try ended."""

from enum import StrEnum

from msgspec import Struct

from gateway.domain.attestation import Attested
from gateway.domain.fleet import Offering
from gateway.domain.money import Tokens


class Candidate(Struct, frozen=True):
    """One offering of a route."""

    offering: Offering

    @property
    def zone(self) -> str:
        """The zone in which the candidate would see the prompt."""
        return self.offering.zone


class Excluded(Struct, frozen=True):
    """An offering that was asked for and is not a candidate, and why."""

    offering: str
    reason: str


class Route(Struct, frozen=True):
    """Candidates in order of preference, all inside the boundary; made by `routing.plan` alone."""

    candidates: tuple[Candidate, ...]
    boundary: frozenset[str]
    excluded: tuple[Excluded, ...] = ()


class FailureKind(StrEnum):
    """Why an attempt did not answer."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    REJECTED = "rejected"
    CONTEXT_EXCEEDED = "context_exceeded"
    CUT_SHORT = "cut_short"
    UNREADABLE = "unreadable"


class Failure(Struct, frozen=True):
    """How an attempt failed. `sent` says whether any byte of the prompt may have left.

    `detail` is safe to log; `said` is the engine's own words, for the caller alone.
    `retry_after_s` is what the engine asked for.
    """

    kind: FailureKind
    sent: bool
    first_token_seen: bool = False
    detail: str = ""
    said: str = ""
    status: int | None = None
    retry_after_s: int | None = None


class OutcomeKind(StrEnum):
    """How an attempt, or a request, ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    LOST = "lost"


class Truncated(StrEnum):
    """Who ended a reply before its own end."""

    CLIENT = "client"
    ENGINE = "engine"
    LIMIT = "limit"
    POLICY = "policy"


class Outcome(Struct, frozen=True):
    """The end of one attempt."""

    kind: OutcomeKind
    failure: Failure | None = None
    usage: Tokens | None = None
    stop: str | None = None
    status: int | None = None


class Attempt(Struct, frozen=True):
    """One try: which candidate, when (microseconds since the epoch), and how it ended.

    `attested` is what its reply told of where it was made; None of an engine of our own.
    `provider_id` is the name that the engine gave the request, `model` what it called itself,
    `address` the one that was dialled; each is empty where it is not known.
    """

    number: int
    offering: str
    backend: str
    zone: str
    started_us: int
    first_token_us: int | None
    ended_us: int
    outcome: Outcome
    attested: Attested | None = None
    provider_id: str = ""
    model: str = ""
    address: str = ""
