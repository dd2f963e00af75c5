"""The rules that the records of one log keep among themselves, read in order.

Ids are unique by type; an Attempted follows its Decided and stays inside its boundary; a Settled
ends it; a boot starts before it writes and writes nothing after it stopped; every document that a
Decided names was stored before; time does not go back unless an Admin record says so.
"""

from gateway.audit.record import Admin, Attempted, Decided, Record, Settled
from gateway.domain.route import OutcomeKind

# WHY: records of requests that run at the same time are written in the order in which they come
# to the ledger, which may differ a little from the order of their times.
CLOCK_BACK_US_MAX = 60_000_000


class Broken(ValueError):
    """A record breaks a rule of the log."""


class Story:
    """What was read so far: counts, open requests, stored documents."""

    def __init__(self) -> None:
        self.decided = 0
        self.attempted = 0
        self.settled = 0
        self.admin = 0
        self.lost = 0
        self.origin = ""
        self.documents: dict[str, int] = {}
        self._open: dict[str, tuple[frozenset[str], int]] = {}
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

    def read(self, record: Record) -> None:
        """Take the next record; Broken when it breaks a rule."""
        self._check_time(record)
        if isinstance(record, Admin):
            self._read_admin(record)
            return
        self._check_boot(record.boot)
        if isinstance(record, Decided):
            self._read_decided(record)
        elif isinstance(record, Attempted):
            self._read_attempted(record)
        else:
            self._read_settled(record)

    def _check_time(self, record: Record) -> None:
        if isinstance(record, Admin) and _says_that_the_clock_stepped(record):
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
        if record.id in self._admin_ids:
            raise Broken("an Admin record with this id exists already")
        if record.what == "created":
            self.origin = str(record.facts.get("origin", ""))
        elif record.what == "started":
            self._start(record.boot)
        else:
            self._check_boot(record.boot)
        if record.what == "stopped":
            self._boot = None
        if record.what == "document_stored":
            self.documents.setdefault(str(record.facts.get("digest", "")), self.records)
        self._admin_ids.add(record.id)
        self.admin += 1

    def _start(self, boot: str) -> None:
        if boot in self._boots:
            raise Broken("this boot had started already")
        self._boots.add(boot)
        self._boot = boot

    def _read_decided(self, record: Decided) -> None:
        if record.id in self._open or record.id in self._closed:
            raise Broken("this request was decided already")
        if not self.documents.keys() >= set(record.documents.values()):
            raise Broken("it names a document that was not stored before")
        self._open[record.id] = (record.decision.boundary, 0)
        self.decided += 1

    def _read_attempted(self, record: Attempted) -> None:
        boundary, attempts = self._opened(record.id)
        if record.number != attempts + 1:
            raise Broken(f"it is attempt {record.number}, where {attempts + 1} comes next")
        if record.zone not in boundary:
            raise Broken("its zone lies outside the boundary of its decision")
        self._open[record.id] = (boundary, record.number)
        self.attempted += 1

    def _read_settled(self, record: Settled) -> None:
        self._opened(record.id)
        del self._open[record.id]
        self._closed.add(record.id)
        self.settled += 1
        self.lost += record.outcome == OutcomeKind.LOST

    def _opened(self, record_id: str) -> tuple[frozenset[str], int]:
        if record_id in self._closed:
            raise Broken("its request was settled already")
        if record_id not in self._open:
            raise Broken("its request was not decided before")
        return self._open[record_id]


def _says_that_the_clock_stepped(record: Admin) -> bool:
    started_back = record.what == "started" and "clock_from_us" in record.facts
    return started_back or record.what == "clock_stepped"
