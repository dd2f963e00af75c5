"""A ledger on a real disk, opened and closed as the house does it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

from gateway.audit.canonical import decode
from gateway.audit.record import Admin, Personal, Receipt, Record
from gateway.audit.verify import Report, Verdict
from gateway.ledger.create import create
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Place
from gateway.ledger.verify import verify_folder
from tests.doubles.disks import Killed, MortalFiles
from tests.doubles.records import NOW_US, a_decided, a_settled, an_attempted

ORIGIN = "perimeter.example/gw-0"
INCEPTION = date(2026, 11, 21)


class SteadyClock:
    """A microsecond passes at each look."""

    def __init__(self, start_us: int = NOW_US) -> None:
        self.at_us = start_us

    def now_us(self) -> int:
        self.at_us += 1
        return self.at_us


class Numbers:
    """Ids that are unique in one test."""

    def __init__(self) -> None:
        self._count = 0

    def begin_at(self, count: int) -> None:
        self._count = count

    def record_id(self) -> str:
        self._count += 1
        return f"019aa000-0000-7000-9000-{self._count:012d}"


IDS = Numbers()


def ledger_paths(root: Path) -> LedgerPaths:
    return LedgerPaths(
        ledger=root / "ledger",
        signing_key=root / "keys" / "signing.key",
        checkpoints=root / "trusted" / "checkpoints.sqlite",
        subject_keys=root / "keys" / "subjects.sqlite",
    )


def a_new_ledger(root: Path) -> LedgerPaths:
    paths = ledger_paths(root)
    create(paths, ORIGIN, NOW_US, INCEPTION)
    return paths


async def opened(paths: LedgerPaths, options: Options | None = None) -> Ledger:
    return await open_ledger(paths, IDS.record_id(), SteadyClock(), IDS, options)


@asynccontextmanager
async def a_boot(paths: LedgerPaths, options: Options | None = None) -> AsyncIterator[Ledger]:
    ledger = await opened(paths, options)
    try:
        yield ledger
    finally:
        await ledger.close()


def check_log(paths: LedgerPaths) -> Report:
    """Verify the whole log from its bytes, with the key and the store that lie apart."""
    report = verify_folder(paths.ledger, None, paths.checkpoints)
    assert report.verdict is Verdict.WHOLE, report
    return report


async def kill(ledger: Ledger, files: MortalFiles) -> None:
    """End the ledger as a killed process ends: no stop, no seal, no further byte."""

    def dead(_end: Place) -> None:
        raise Killed

    files.left = 0
    ledger._parts.sealer.seal = dead
    await asyncio.to_thread(ledger._parts.close)


def stored_documents(ledger: Ledger) -> dict[str, str]:
    """Return the documents that the shard has stored, as a decision names them."""
    writer = ledger._parts.writer
    if not any(writer.folder.documents.iterdir()):
        return {}
    records = (decode(stored.entry) for stored in ledger.reader.entries(writer.base))
    stored = [one for one in records if isinstance(one, Admin) and one.what == "document_stored"]
    return {f"{one.facts['name']}": str(one.facts["digest"]) for one in stored}


Pair = tuple[Record, Personal | None]


def a_request(
    ledger: Ledger, person: Personal | None = None, record_id: str | None = None
) -> tuple[Sequence[Pair], Sequence[Pair]]:
    """Return what is written before sending, and what after; it names what this boot stored."""
    name = record_id or IDS.record_id()
    before: list[Pair] = [
        (a_decided(name, boot=ledger.boot, documents=stored_documents(ledger)), person),
        (an_attempted(name, boot=ledger.boot), person),
    ]
    return before, [(a_settled(name, boot=ledger.boot), person)]


async def serve(ledger: Ledger, person: Personal | None = None) -> Receipt:
    before, after = a_request(ledger, person)
    await ledger.append(before)
    return await ledger.append(after)
