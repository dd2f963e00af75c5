"""The rules that the records of one log keep among themselves, read in order.

Ids are unique by type; an Attempted follows its Decided, is one of its candidates and stays inside
its boundary; a Settled ends it and tells the attempts that were recorded; a boot starts before it
writes and writes nothing after it stopped; what one boot leaves open only a later one calls lost;
every document that a Decided names was stored before; time does not go back unless an Admin record
says so; nothing follows the record that closes a shard.
"""

import re

from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.clocks import Clocks
from gateway.audit.ends import Carried, Ends
from gateway.audit.record import ADMIN_KINDS, Admin, Attempted, Decided, Record, Settled, Tried
from gateway.audit.signed import Statements
from gateway.audit.silence import Silence
from gateway.domain.decision import Effect
from gateway.domain.route import OutcomeKind

# WHY: records of requests that run at the same time are written in the order in which they come
# to the ledger, which may differ a little from the order of their times.
CLOCK_BACK_US_MAX = 60_000_000
ROUNDS_MAX = 2

_OF_NO_BOOT = ("created", "carried")

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Broken(ValueError):
    """A record breaks a rule of the log."""


class _Open(Struct, frozen=True):
    """What must be known of a request until it is settled."""

    boot: str
    boundary: frozenset[str]
    candidates: tuple[str, ...]
    attempts: tuple[tuple[str, str], ...] = ()


class Story:
    """What was read so far: counts, open requests, stored documents.

    `ends` is what it says of its keys, and of the shards before and after it, `statements` what it
    says of what persons signed.
    """

    def __init__(self) -> None:
        self.decided = 0
        self.attempted = 0
        self.settled = 0
        self.admin = 0
        self.lost = 0
        self.ends = Ends()
        self.documents: dict[str, int] = {}
        self.blobs: dict[str, int] = {}
        self.silence = Silence()
        self.clocks = Clocks()
        self.statements = Statements()
        self.began_us = 0
        self._open: dict[str, _Open] = {}
        self._closed: set[str] = set()
        self._admin_ids: set[str] = set()
        self._boots: set[str] = set()
        self._boot: str | None = None
        self._latest_us = 0

    @property
    def records(self) -> int:
        """How many records were read."""
        return self.decided + self.attempted + self.settled + self.admin

    @property
    def open(self) -> int:
        """How many requests were decided and not settled."""
        return len(self._open)

    @property
    def latest_us(self) -> int:
        """The latest time so far, as far as no record says that the clock went back."""
        return self._latest_us

    @property
    def requests(self) -> frozenset[str]:
        """The ids of all that were decided here."""
        return frozenset(self._closed.union(self._open).difference(self.ends.carried))

    @property
    def open_requests(self) -> dict[str, Carried]:
        """The requests that were decided and not settled, as the next shard must carry them."""
        return {
            name: Carried(name, one.boot, one.boundary, one.candidates, one.attempts)
            for name, one in self._open.items()
        }

    def read(self, record: Record) -> None:
        """Take the next record; Broken when it breaks a rule."""
        if self.ends.next is not None:
            raise Broken("the shard was closed before it")
        self._check_time(record)
        if isinstance(record, Admin):
            self._read_admin(record)
        else:
            self._read_request(record)
        stepped = says_that_the_clock_stepped(record)
        self.silence.read(record, stepped=stepped)
        fault = self.clocks.read(record, stepped=stepped)
        if fault:
            raise Broken(fault)

    def _read_request(self, record: Decided | Attempted | Settled) -> None:
        _assert_id(record.id)
        self._check_boot(record.boot)
        if record.sealed is not None and record.sealed.blob:
            self.blobs.setdefault(record.sealed.blob, self.records)
        if isinstance(record, Decided):
            self._read_decided(record)
        elif isinstance(record, Attempted):
            self._read_attempted(record)
        else:
            self._read_settled(record)

    def _check_time(self, record: Record) -> None:
        self.began_us = self.began_us if self.records else record.ts_us
        if says_that_the_clock_stepped(record):
            self._latest_us = record.ts_us
        elif record.ts_us < self._latest_us - CLOCK_BACK_US_MAX:
            raise Broken("its time lies before that of earlier records, and no record says why")
        self._latest_us = max(self._latest_us, record.ts_us)

    def _check_boot(self, boot: str) -> None:
        if self._boot is None:
            raise Broken("it was written while no gateway had started")
        if boot != self._boot:
            raise Broken("it is of another boot than the one that had started")

    def _read_admin(self, record: Admin) -> None:
        if (self.records == 0) != (record.what == "created"):
            raise Broken("a log begins with its creation, and is created once")
        if record.what not in ADMIN_KINDS:
            raise Broken("it is of a kind that no gateway writes")
        _assert_id(record.id)
        if record.id in self._admin_ids:
            raise Broken("an Admin record with this id exists already")
        self._take_admin(record)
        self._admin_ids.add(record.id)
        self.admin += 1

    def _take_admin(self, record: Admin) -> None:
        if record.what == "started":
            self._start(record.boot)
        elif record.what not in _OF_NO_BOOT:
            self._check_boot(record.boot)
        fault = self.ends.read(record, self.records)
        if fault:
            raise Broken(fault)
        if record.what == "carried":
            self._carry(self.ends.carried[str(record.facts["request"])])
        if record.what == "stopped":
            self._boot = None
        self.statements.told(record)
        if record.what == "document_stored":
            self._store(str(record.facts.get("digest", "")))

    def _carry(self, one: Carried) -> None:
        _assert_id(one.request)
        self._open[one.request] = _Open(one.boot, one.boundary, one.candidates, one.attempts)

    def _start(self, boot: str) -> None:
        _assert_id(boot)
        if boot in self._boots:
            raise Broken("this boot had started already")
        self._boots.add(boot)
        self._boot = boot

    def _store(self, digest: str) -> None:
        if _DIGEST.fullmatch(digest) is None:
            raise Broken("it stores a document without a digest")
        self.documents.setdefault(digest, self.records)

    def _read_decided(self, record: Decided) -> None:
        if record.id in self._open or record.id in self._closed:
            raise Broken("this request was decided already")
        if not self.documents.keys() >= set(record.documents.values()):
            raise Broken("it names a document that was not stored before")
        decision = record.decision
        if decision.effect is not Effect.PERMIT and (decision.boundary or record.candidates):
            raise Broken("it permits nothing, and has a boundary or candidates")
        if decision.effect is not Effect.REFUSED and self.documents and not record.documents:
            raise Broken("policy decided, and it does not name by which documents")
        if decision.policy != record.documents.get("policy", decision.policy):
            raise Broken("it was decided by another policy than the one that it names")
        fault = self.statements.used(record, record.granted, self.records) if record.granted else ""
        if fault:
            raise Broken(fault)
        self._open[record.id] = _Open(record.boot, decision.boundary, record.candidates)
        self.decided += 1

    def _read_attempted(self, record: Attempted) -> None:
        request = self._opened(record)
        attempts = len(request.attempts)
        if record.number != attempts + 1:
            raise Broken(f"it is attempt {record.number}, where {attempts + 1} comes next")
        if record.zone not in request.boundary:
            raise Broken("its zone lies outside the boundary of its decision")
        if record.offering not in request.candidates:
            raise Broken("its offering is no candidate of its decision")
        if attempts >= ROUNDS_MAX * len(request.candidates):
            raise Broken("it is tried more often than its candidates allow")
        tried = (*request.attempts, (record.offering, record.zone))
        self._open[record.id] = replace(request, attempts=tried)
        self.attempted += 1

    def _read_settled(self, record: Settled) -> None:
        request = self._opened(record)
        _check_ending(record, request)
        del self._open[record.id]
        self._closed.add(record.id)
        self.settled += 1
        self.lost += record.outcome is OutcomeKind.LOST

    def _opened(self, record: Attempted | Settled) -> _Open:
        if record.id in self._closed:
            raise Broken("its request was settled already")
        if record.id not in self._open:
            raise Broken("its request was not decided before")
        request = self._open[record.id]
        is_lost = isinstance(record, Settled) and record.outcome is OutcomeKind.LOST
        if is_lost == (record.boot == request.boot):
            raise Broken("a request is lost to a later boot, and told by its own")
        return request


def says_that_the_clock_stepped(record: Record) -> bool:
    """Does this record say that the times after it may lie before those of earlier ones?"""
    if not isinstance(record, Admin):
        return False
    started_back = record.what == "started" and "clock_from_us" in record.facts
    return started_back or record.what == "clock_stepped"


def _assert_id(text: str) -> None:
    if _ID.fullmatch(text) is None:
        raise Broken("an id of it has not the form of an id")


def _check_ending(record: Settled, request: _Open) -> None:
    if record.outcome is OutcomeKind.COMPLETED and not request.attempts:
        raise Broken("it completed without any attempt")
    served = (record.served_by, record.zone)
    if served != (None, None) and served not in request.attempts:
        raise Broken("it was served by an offering or a zone that was not attempted")
    if record.outcome is OutcomeKind.LOST:
        if record.tried:
            raise Broken("it is lost, and tells how attempts ended")
    elif not _tells_every_attempt(record.tried, request.attempts):
        raise Broken("the attempts that it tells are not those that were recorded")


def _tells_every_attempt(told: tuple[Tried, ...], recorded: tuple[tuple[str, str], ...]) -> bool:
    """Are these the recorded attempts, in order?

    INVARIANT: only the last may be missing: its caller left after it was recorded, and before
    anything of it was sent.
    """
    if [one.number for one in told] != list(range(1, len(told) + 1)):
        return False
    expected = recorded[: len(told)]
    is_end = len(recorded) - len(told) in {0, 1}
    return is_end and tuple((one.offering, one.zone) for one in told) == expected
