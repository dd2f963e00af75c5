"""`perimeter residency verify`: does what was declared of each place still hold?"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from gateway.app.loading import Loaded, load_all
from gateway.app.moment import SystemClock
from gateway.app.reaching import reach
from gateway.app.residency import asking, subjects_of
from gateway.audit.canonical import decode
from gateway.audit.record import Record, Settled
from gateway.cli.shown import shown
from gateway.domain.attestation import Attestation
from gateway.domain.route import OutcomeKind
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader
from gateway.transport.residency import cloudtrail
from gateway.transport.residency.cloudtrail import Ran, read_trail
from gateway.transport.residency.fixtures import Fixtures
from gateway.transport.residency.seen import Seen
from gateway.transport.residency.verdicts import Report, Verdict
from gateway.transport.residency.verifier import Subject, Verifier

DIFFERS = 1
REPLIES_DAYS = 30
DAY_US = 86_400_000_000
ATTESTED = b'"attestation"'
HEAD = ("OFFERING", "CHECK", "DECLARED", "FOUND", "DIFFERENCE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    verify = actions.add_parser(
        "verify", help="hold what is declared of each place against what is found"
    )
    verify.add_argument("node", type=Path, nargs="?", default=Path("perimeter.yaml"))
    verify.add_argument(
        "--fixtures",
        type=Path,
        metavar="DIR",
        help="recorded answers in place of the network and of the ledger",
    )
    verify.add_argument(
        "--cloudtrail",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a log file of CloudTrail, unpacked: where Bedrock ran what it was asked",
    )
    verify.add_argument("--json", action="store_true", help="one JSON document instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Return 0 when all agree, 1 when something differs or is not told, 2 when nothing is known."""
    clock = SystemClock()
    loaded = load_all(arguments.node, os.environ, clock.now().date())
    told = read_trail(arguments.cloudtrail)
    report = asyncio.run(
        _recorded(loaded, clock, Fixtures(arguments.fixtures), told)
        if arguments.fixtures is not None
        else _asked(loaded, clock, told)
    )
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        for line in table(report):
            print(line)
    differing = {one.offering for one in report.differences}
    print(f"{len(report.verdicts)} checks, {len(differing)} offerings differ", file=sys.stderr)
    return DIFFERS if differing else 0


def table(report: Report) -> Iterator[str]:
    """Yield the lines of the table."""
    rows = [HEAD, *(_row(one) for one in report.verdicts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()


def _row(verdict: Verdict) -> tuple[str, ...]:
    told = (verdict.offering, verdict.check, verdict.declared, verdict.found)
    return (*map(shown, told), shown(verdict.difference or "-"))


async def _recorded(loaded: Loaded, clock: SystemClock, fixtures: Fixtures, told: Ran) -> Report:
    outside = reach(loaded, _Silent(), clock)
    subjects, seen = tuple(subjects_of(loaded, outside.targets)), Seen()
    for subject in subjects:
        fixtures.hear(subject, seen)
    try:
        verifier = Verifier(subjects, fixtures.ask, seen)
        report = await verifier.verify(fixtures.day(clock.now().date()))
        return _with_trail(report, subjects, told + read_trail(fixtures.trails))
    finally:
        await outside.sender.close()


async def _asked(loaded: Loaded, clock: SystemClock, told: Ran) -> Report:
    outside = reach(loaded, _Silent(), clock)
    subjects = tuple(subjects_of(loaded, outside.targets))
    try:
        seen = await asyncio.to_thread(_told, loaded, clock)
        verifier = Verifier(subjects, asking(outside.sender), seen)
        return _with_trail(await verifier.verify(clock.now().date()), subjects, told)
    finally:
        await outside.sender.close()


def _with_trail(report: Report, subjects: tuple[Subject, ...], told: Ran) -> Report:
    return Report((*report.verdicts, *cloudtrail.verdicts(subjects, told)))


def _told(loaded: Loaded, clock: SystemClock) -> Seen:
    """Return what the replies of the last days have told, as the ledger has it."""
    seen = Seen()
    since_us = clock.now_us() - REPLIES_DAYS * DAY_US
    folder = loaded.node.settings.paths.ledger
    if not folder.is_dir():
        return seen
    reader = Reader(LedgerFolder(folder))
    try:
        for stored in reader.entries():
            if ATTESTED in stored.entry:
                _note(decode(stored.entry), since_us, seen)
    finally:
        reader.close()
    return seen


def _note(record: Record, since_us: int, seen: Seen) -> None:
    if not isinstance(record, Settled) or record.ts_us < since_us or record.served_by is None:
        return
    if record.outcome is OutcomeKind.COMPLETED and isinstance(record.attestation, Attestation):
        seen.note(record.served_by, record.attestation)


class _Silent:
    """Nobody to alarm: what is found is printed."""

    def quarantined(self, backend: str, reason: str) -> None:
        """Do nothing."""

    def breached(self, backend: str, reason: str) -> None:
        """Do nothing."""
