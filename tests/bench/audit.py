"""How long a question takes: `python -m tests.bench.audit`, over ten million records.

The records are generated and go straight into the index, by the same rows that a log gives:
reading a whole journal is measured elsewhere. They are those of a ledger of several shards; of each
shard there is the part of the journal in which one request stands, so that it can be explained.
`PERIMETER_AUDIT_RECORDS` sets another number. Other processes may share the cores: the time of the
processor is held to the promise, and that of the clock is printed beside it.
"""

import os
import random
import shutil
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gateway.audit.canonical import encode
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.facts import DAY_US, Facts
from gateway.audit.record import Decided, Record, Settled
from gateway.cli.audit import available
from gateway.cli.audit.places import learn_ranks
from gateway.cli.audit.question import Asked, Ledger, Question
from gateway.cli.audit.where import Condition
from gateway.domain.decision import Effect, Signal, Trust
from gateway.domain.decision import Facts as Asks
from gateway.domain.label import Label, Level
from gateway.ledger import documents
from gateway.ledger.facts import MARK_EVERY, FactsIndex, Part
from gateway.ledger.files import Files
from gateway.ledger.journal import SEGMENT_BYTES_MAX, Journal
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import START, Place, Stored
from tests.doubles.flow_logs import a_policy
from tests.doubles.records import (
    BOOT,
    NOW_US,
    a_decided,
    a_decision,
    a_settled,
    a_try,
    an_admin,
    an_attempted,
)

RECORDS = int(os.environ.get("PERIMETER_AUDIT_RECORDS", "10000000"))
RECORD_BYTES = 250
RECORDS_PER_S = 25_000
CHUNK = 30_000
# How many records may lie between the first and the last of one request.
SPAN = 8
DAYS = 365
TEAMS = 40
ANSWER_S_MAX = 2.0
SIZES = (Level(0, "public"), Level(1, "internal"), Level(2, "confidential"), Level(3, "restricted"))
SHARDS = 4
ROOT = b64decode("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")


def variants(policy: str) -> list[Decided]:
    """Return decisions of every team and label, permitted and denied, raised and claimed."""
    found = []
    for team in range(TEAMS):
        for level in SIZES:
            for caveats in (frozenset[str](), frozenset({"pii"})):
                label = Label(level, caveats)
                zone = "frontier" if level.rank < 2 and not caveats else "on_prem"
                effect = Effect.DENY if team % 10 == 9 else Effect.PERMIT
                decision = replace(a_decision(zone, effect=effect), policy=policy)
                if effect is Effect.DENY:
                    decision = replace(decision, boundary=frozenset(), reason="denied_by_rule")
                base = Signal("repo", Label(level), Trust.AUTHENTICATED, base=True)
                claim = Signal("claim:label", Label(SIZES[0]), Trust.CLAIMED)
                found.append(
                    a_decided(
                        "variant",
                        facts=Asks(label, f"team-{team}", "chat_completions", "code"),
                        label=label,
                        signals=(base, claim),
                        raised_by=("repo",) if caveats else (),
                        decision=decision,
                        candidates=(f"model@{zone}", f"spare@{zone}"),
                    )
                )
    return found


def records(policy: str, count: int) -> Iterator[Record]:
    """Yield the records of requests spread over a year, in the order of time."""
    chance = random.Random(7)  # noqa: S311 - it makes a workload
    shapes = variants(policy)
    yield an_admin("policy_loaded", facts={"serial": 1, "policy": policy}, ts_us=NOW_US)
    made, number = 1, 0
    step_us = DAYS * DAY_US * 3 // count
    while made < count:
        number += 1
        shape = chance.choice(shapes)
        name = f"{number:08x}-0000-7000-8000-000000000000"
        ts_us = NOW_US + number * step_us
        yield replace(shape, id=name, ts_us=ts_us)
        made += 1
        if shape.decision.effect is Effect.PERMIT:
            yield from _served(shape, name, ts_us, chance)
            made += 2
        if number % 500 == 0:
            yield an_admin("keys_loaded", name, facts={"keys": 1}, ts_us=ts_us, boot=BOOT)
            made += 1


ATTEMPTED = an_attempted("attempt")
SETTLED = a_settled("settled")


def _served(shape: Decided, name: str, ts_us: int, chance: random.Random) -> Iterator[Record]:
    (zone,) = shape.decision.boundary
    offering = shape.candidates[0]
    yield replace(ATTEMPTED, id=name, ts_us=ts_us, zone=zone, offering=offering)
    tried = (a_try(1, offering, zone),) * (2 if chance.random() < 0.01 else 1)
    yield replace(SETTLED, id=name, ts_us=ts_us, zone=zone, served_by=offering, tried=tried)


class Shard(Struct):
    """One shard: where it lies, the numbers of its records, and what is kept of its journal.

    `asked` is the request of it that is explained.
    """

    folder: LedgerFolder
    base: int
    size: int = 0
    kept: list[bytes] = []
    asked: str = ""

    def keep(self, at: int, record: Record) -> None:
        """Keep the records between two marks in the middle of the shard."""
        first = self.kept_from
        if first <= at < first + MARK_EVERY:
            self.kept.append(encode(record))
            # WHY: the generated ones that are denied have no end, so the index lists them nowhere.
            if isinstance(record, Settled) and at >= first + SPAN:
                self.asked = record.id

    @property
    def kept_from(self) -> int:
        """The first record that is kept: one that is marked."""
        return RECORDS // SHARDS // 2 // MARK_EVERY * MARK_EVERY

    def write(self) -> None:
        """Write what is kept as a segment of the journal."""
        self.folder.journal.mkdir(parents=True, exist_ok=True)
        journal = Journal(self.folder, Files(), self.kept_from, START, SEGMENT_BYTES_MAX)
        journal.write(self.kept)
        journal.close()


def fill(index: FactsIndex, root: LedgerFolder, policy: str, count: int) -> list[Shard]:
    """Put so many records into the index; returns the shards of which they are."""
    facts, shards = Facts(), [Shard(root, 0)]
    for position, record in enumerate(records(policy, count)):
        shard = shards[-1]
        if len(shards) < SHARDS and position >= count * len(shards) // SHARDS:
            name = f"{len(shards) + 1:04d}-2026-12"
            shard = Shard(LedgerFolder(root.shards / name), position)
            shards.append(shard)
        facts.read(position, record)
        shard.keep(position - shard.base, record)
        shard.size = position + 1 - shard.base
        if position % CHUNK == CHUNK - 1:
            _put(index, facts)
    _put(index, facts)
    for shard in shards:
        shard.write()
        _mark(index, shard)
    return shards


def _put(index: FactsIndex, facts: Facts) -> None:
    with index.sql:
        index.sql.execute("BEGIN")
        index.put(facts.take())


def _mark(index: FactsIndex, shard: Shard) -> None:
    """Mark as many entries as a journal would have; only what is kept is really there."""
    places = (Stored(at, b"", Place(at, START.offset)) for at in range(0, shard.size, MARK_EVERY))
    with index.sql:
        index.sql.execute("BEGIN")
        index.mark(shard.base, list(places))


class Took(Struct, frozen=True):
    """How many seconds of a processor an answer takes, and how many passed."""

    worked_s: float
    passed_s: float

    def __str__(self) -> str:
        return f"{self.worked_s:6.3f} s, {self.passed_s:6.3f} s by the clock"


def ask(
    ledger: Ledger, question: Question, where: tuple[Condition, ...] = (), record: str = ""
) -> Took:
    """Return what the answer takes."""
    asked = Asked(ledger=ledger, where=where, rows_max=1_000, replays_max=200, record=record)
    began, worked = time.perf_counter(), time.process_time()
    if where:
        learn_ranks(ledger)
    question.answer(asked)
    return Took(time.process_time() - worked, time.perf_counter() - began)


def main() -> int:
    """Print a line for each question; 1 where one takes longer than promised."""
    need = RECORDS * RECORD_BYTES
    print(
        f"{RECORDS} records: about {need / 1e9:.1f} GB of disk for the index and"
        f" {RECORDS / RECORDS_PER_S / 60:.0f} minutes to make it",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="perimeter-bench-") as place:
        if shutil.disk_usage(place).free < 2 * need:
            print("there is not enough room for it", file=sys.stderr)
            return 1
        return _measure(LedgerFolder(Path(place)))


def _measure(folder: LedgerFolder) -> int:
    folder.documents.mkdir()
    policy = documents.store(folder, a_policy(), Files())
    slow = []
    with closing(FactsIndex.fresh(folder.facts)) as index:
        began = time.perf_counter()
        shards = fill(index, folder, policy, RECORDS)
        size = sum(one.size for one in shards)
        made_s = time.perf_counter() - began
        place = folder.facts.stat().st_size
        made = f"made in {made_s:.0f} s, {size / made_s:.0f} records/s, {place / 1e9:.2f} GB"
        print(f"{made}, {len(shards)} shards", flush=True)
        parts = tuple(Part(one.folder, Checkpoint("bench", one.size, ROOT)) for one in shards)
        ledger = Ledger(folder, index, parts[-1].checkpoint, parts=parts)
        narrowed = (Condition("level", ">=", "restricted"), Condition("team", "=", "team-3"))
        for name, question in available().items():
            asked = [one.asked for one in shards] if name == "explain" else [""]
            answers = [ask(ledger, question, record=one) for one in asked]
            took = max(answers, key=lambda one: one.worked_s)
            print(f"{name:16} {took}", flush=True)
            slow += [name] if took.worked_s > ANSWER_S_MAX else []
        narrow = ask(ledger, available()["boundary"], narrowed)
        print(f"{'boundary, narrow':16} {narrow}")
    if slow:
        print(f"slower than {ANSWER_S_MAX} s: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
