"""How long a question takes: `python -m tests.bench.audit`, over ten million records.

The records are generated and go straight into the index, by the same rows that a log gives:
reading a whole journal is measured elsewhere. They are those of a ledger of several shards; of each
shard there are the parts of the journal that answers read: where the request that is explained
stands, and where the policy changed. A question that answers from no row fails.
Each is asked as the first one: the kernel has forgotten the index.
`PERIMETER_AUDIT_RECORDS` sets another number, 100,000 at least. Other processes may share the
cores: the time of the processor is held to the promise, and that of the clock is printed beside it.
"""

import os
import resource
import shutil
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from gateway.audit.canonical import encode
from gateway.audit.checkpoint import Checkpoint, body
from gateway.audit.facts import Facts
from gateway.audit.record import Admin, Record, Settled
from gateway.cli.audit import available
from gateway.cli.audit.places import learn_ranks
from gateway.cli.audit.question import Asked, Ledger, Question
from gateway.cli.audit.where import Condition
from gateway.domain.errors import ConfigError
from gateway.ledger import documents
from gateway.ledger.facts import MARK_EVERY, FactsIndex, Part
from gateway.ledger.files import Files
from gateway.ledger.journal import SEGMENT_BYTES_MAX, Journal
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import START, Place, Stored
from tests.bench.audit_records import DAYS, Year, weeks_of
from tests.bench.audit_world import documents_in

RECORDS = int(os.environ.get("PERIMETER_AUDIT_RECORDS", "10000000"))
RECORD_BYTES, OTHER_BYTES = 120, 200_000_000
RECORDS_PER_S = 15_000
CHUNK = 30_000
# How many records may lie between the first and the last of one request.
SPAN = 8
ANSWER_S_MAX = 2.0
SHARDS = 4
ROOT = b64decode("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
NARROWED = ", narrow"
TEAM = Condition("team", "=", "team-3")
NARROW = (Condition("level", ">=", "restricted"), TEAM)
# Lists have other fields. These filters let little through, so that all is read.
FILTERS = {
    "requests": (TEAM, Condition("outcome", "=", "lost")),
    "changes": (Condition("what", "=", "clock_stepped"),),
    "approvals": (Condition("action", "=", "hold"),),
    "subjects": (Condition("action", "=", "hold"),),
    "readers": (Condition("question", "=", "decrypt_bodies"),),
    "exports": (Condition("profile", "=", "full"),),
}


class Shard:
    """One shard: where it lies, the numbers of its records, and what is kept of its journal.

    Kept is what an answer reads there: around a request that is explained (`asked`), before each
    change of the policy, and the end. Each part is a segment that begins where a mark stands.
    """

    def __init__(self, folder: LedgerFolder, base: int, explained: int) -> None:
        self.folder, self.base = folder, base
        self.size = 0
        self.asked = ""
        self.end = START
        self._explained = explained // MARK_EVERY * MARK_EVERY
        self._part: list[Record] = []
        self._before: list[Record] = []
        self._is_kept = False

    def take(self, record: Record) -> None:
        """Take the next record."""
        if self.size % MARK_EVERY == 0:
            self._turn()
        self._part.append(record)
        self.size += 1
        if isinstance(record, Admin) and record.what == "policy_loaded":
            self._write(self._before, self.size - len(self._part) - len(self._before))
            self._before, self._is_kept = [], True
        is_ended = isinstance(record, Settled) and len(self._part) > SPAN
        if is_ended and self.size - len(self._part) == self._explained:
            self.asked, self._is_kept = record.id, True

    def close(self) -> None:
        """Write the end."""
        self._is_kept = True
        self._turn()

    def _turn(self) -> None:
        if self._is_kept:
            self._write(self._part, self.size - len(self._part))
        self._before = [] if self._is_kept else self._part
        self._part, self._is_kept = [], False

    def _write(self, records: list[Record], first: int) -> None:
        if not records:
            return
        self.folder.journal.mkdir(parents=True, exist_ok=True)
        journal = Journal(self.folder, Files(), first, START, SEGMENT_BYTES_MAX)
        journal.write([encode(one) for one in records])
        journal.close()
        self.end = journal.end


def fill(index: FactsIndex, root: LedgerFolder, year: Year) -> list[Shard]:
    """Put these records into the index; returns the shards of which they are."""
    middle = year.count // SHARDS // 2
    facts, shards = Facts(), [Shard(root, 0, middle)]
    for position, record in enumerate(year):
        if len(shards) < SHARDS and position >= year.count * len(shards) // SHARDS:
            name = f"{len(shards) + 1:04d}-2026-12"
            shards.append(Shard(LedgerFolder(root.shards / name), position, middle))
        facts.read(position, record)
        shards[-1].take(record)
        if position % CHUNK == CHUNK - 1:
            _put(index, facts)
    _put(index, facts)
    for shard in shards:
        shard.close()
        _seal(shard)
        _mark(index, shard)
    end = shards[-1].end
    index.sql.execute("UPDATE covered SET segment = ?, offset = ?", (end.segment, end.offset))
    return shards


def _put(index: FactsIndex, facts: Facts) -> None:
    with index.sql:
        index.sql.execute("BEGIN")
        index.put(facts.take())


def _seal(shard: Shard) -> None:
    """Leave a checkpoint that says how many records the shard has."""
    shard.folder.checkpoint.write_text(body("bench", shard.size, ROOT))


def _mark(index: FactsIndex, shard: Shard) -> None:
    """Mark as many entries as a journal would have; only what is kept is really there."""
    places = (Stored(at, b"", Place(at, START.offset)) for at in range(0, shard.size, MARK_EVERY))
    with index.sql:
        index.sql.execute("BEGIN")
        index.mark(shard.base, list(places))


class Took(Struct, frozen=True):
    """What an answer takes: seconds of a processor and of a clock; and how many rows it has."""

    worked_s: float
    passed_s: float
    rows: int
    good: bool = True

    def __str__(self) -> str:
        return f"{self.worked_s:6.3f} s, {self.passed_s:6.3f} s by the clock, {self.rows} rows"


class Made(Struct, frozen=True):
    """A ledger as it lies there, and requests of it that can be explained."""

    folder: LedgerFolder
    parts: tuple[Part, ...]
    explained: list[str]

    @contextmanager
    def opened(self) -> Iterator[Ledger]:
        """Open it as one does who asks for the first time: nothing of its index is in memory."""
        forget(self.folder.facts)
        index = FactsIndex.peek(self.folder.facts, "rw")
        assert index is not None
        with closing(index):
            yield Ledger(self.folder, index, self.parts[-1].checkpoint, parts=self.parts)


def forget(path: Path) -> None:
    """Let the kernel forget what it holds of a file that nobody has open."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def ask(
    year: Made, question: Question, where: tuple[Condition, ...] = (), record: str = ""
) -> Took:
    """Return what the answer takes."""
    with year.opened() as ledger:
        asked = Asked(ledger=ledger, where=where, rows_max=1_000, record=record)
        began, worked = time.perf_counter(), time.process_time()
        if where:
            learn_ranks(ledger)
        answer = question.answer(asked)
        took = time.process_time() - worked, time.perf_counter() - began
    return Took(*took, len(answer.rows), answer.good)


def answers(year: Made) -> Iterator[tuple[str, Took]]:
    """Yield what each question takes, those with fields once more with a filter."""
    for name, question in available().items():
        if name == "explain":
            took = (ask(year, question, record=one) for one in year.explained)
            yield name, max(took, key=lambda one: one.worked_s)
            continue
        yield name, ask(year, question)
        with suppress(ConfigError):
            yield f"{name}{NARROWED}", ask(year, question, FILTERS.get(name, NARROW))


def faults(told: dict[str, Took]) -> Iterator[str]:
    """Yield what is wrong with the answers: they took too long, or there was nothing to tell."""
    slow = [name for name, took in told.items() if took.worked_s > ANSWER_S_MAX]
    if slow:
        yield f"slower than {ANSWER_S_MAX} s: {', '.join(slow)}"
    # WHY: an answer of no rows was measured over nothing.
    empty = [name for name, took in told.items() if not (took.rows or name.endswith(NARROWED))]
    if empty:
        yield f"no rows: {', '.join(empty)}"
    if not told["boundary"].good:
        yield "what was generated crosses a boundary"


def main() -> int:
    """Print a line for each question; 1 where one takes longer than promised, or tells nothing."""
    need = RECORDS * RECORD_BYTES + OTHER_BYTES
    print(
        f"{RECORDS} records: about {need / 1e9:.1f} GB of disk and"
        f" {RECORDS / RECORDS_PER_S / 60:.0f} minutes to make it",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="perimeter-bench-") as place:
        if shutil.disk_usage(place).free < 2 * need:
            print("there is not enough room for it", file=sys.stderr)
            return 1
        return _measure(LedgerFolder(Path(place)))


def made(folder: LedgerFolder, count: int, days: int) -> Made:
    """Make a ledger of so many records and days."""
    folder.documents.mkdir()
    kept = tuple(documents_in(week) for week in range(weeks_of(days)))
    for one in kept:
        documents.store(folder, one.policy, Files())
    documents.store(folder, kept[0].catalogue, Files())
    with closing(FactsIndex.fresh(folder.facts)) as index:
        shards = fill(index, folder, Year(kept, count, days))
    parts = tuple(Part(one.folder, Checkpoint("bench", one.size, ROOT)) for one in shards)
    return Made(folder, parts, [one.asked for one in shards])


def peak_mb() -> int:
    """Return the most memory that this process ever had, mapped parts of the index among it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _measure(folder: LedgerFolder) -> int:
    began = time.perf_counter()
    year = made(folder, RECORDS, DAYS)
    size = sum(one.checkpoint.size for one in year.parts)
    made_s = time.perf_counter() - began
    place = folder.facts.stat().st_size
    said = f"made in {made_s:.0f} s, {size / made_s:.0f} records/s, {place / 1e9:.2f} GB"
    print(f"{said}, {len(year.parts)} shards; {peak_mb()} MB of memory", flush=True)
    return measure(year)


def measure(year: Made) -> int:
    """Ask everything; 1 where something is wrong with the answers."""
    told = {}
    for name, took in answers(year):
        print(f"{name:22} {took}; {peak_mb()} MB at most so far", flush=True)
        told[name] = took
    found = list(faults(told))
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
