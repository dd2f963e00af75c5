"""`perimeter explain RECORD`: why a request was answered as it was; `--run`: what belongs to it."""

import argparse
import sys
from pathlib import Path

from gateway.audit.canonical import decode
from gateway.audit.record import Attempted, Decided, Settled
from gateway.cli.shown import NOT_VERIFIED, shown, unusable
from gateway.domain.decision import Classification
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reader import Reader, RequestRecords
from gateway.policy.explain import explain

UNKNOWN = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    told = parser.add_mutually_exclusive_group(required=True)
    told.add_argument("record", nargs="?", help="the record id, as x-perimeter-record told it")
    told.add_argument("--run", dest="of_run", metavar="RUN", help="list the records of a run")
    parser.add_argument("--ledger", type=Path, required=True, help="the ledger's folder")


def run(arguments: argparse.Namespace) -> int:
    """Return 0, 1 when the ledger has no such record, 2 when it cannot be read."""
    if arguments.of_run is not None:
        return _list(LedgerFolder(arguments.ledger), arguments.of_run)
    try:
        found = Reader(LedgerFolder(arguments.ledger)).record_of(arguments.record)
    except Exception as error:  # noqa: BLE001 - whatever the folder holds, the answer is a line
        return unusable(error)
    if found is None:
        print("perimeter: the ledger has no such record", file=sys.stderr)
        return UNKNOWN
    for sentence in sentences(found):
        print(shown(sentence))
    print(NOT_VERIFIED)
    return 0


def _list(folder: LedgerFolder, run_name: str) -> int:
    """Print the records of a run in their order; the whole ledger is read for them."""
    try:
        found = [
            record
            for stored in Reader(folder).entries()
            if isinstance(record := decode(stored.entry), Decided)
            and (record.run or "") == run_name
        ]
    except Exception as error:  # noqa: BLE001 - whatever the folder holds, the answer is a line
        return unusable(error)
    for record in found if run_name else []:
        label = record.label if record.label is not None else "no label"
        print(shown(f"{record.id} {record.surface} {record.decision.effect} {label}"))
    if not found or not run_name:
        print("perimeter: the ledger has no such run", file=sys.stderr)
        return UNKNOWN
    print(NOT_VERIFIED)
    return 0


def sentences(found: RequestRecords) -> list[str]:
    """Return the whole story of one request."""
    decided = found.decided
    classification = None
    if decided.label is not None:
        classification = Classification(decided.label, decided.signals, decided.raised_by)
    told = list(explain(classification, decided.decision))
    if decided.ask is not None:
        told.append(f"It asked for {decided.ask.model}.")
    if decided.run:
        told.append(f"It belongs to the run {decided.run}.")
    told += [f"Not {item.offering}: {item.reason}." for item in decided.excluded]
    told += [_attempt(one) for one in found.attempted]
    return [*told, *_ending(found.settled)]


def _attempt(one: Attempted) -> str:
    through = f", through the proxy {one.via_proxy}" if one.via_proxy else ""
    return f"Attempt {one.number}: {one.offering} in zone {one.zone}{through}."


def _ending(settled: Settled | None) -> list[str]:
    if settled is None:
        return ["It is still open."]
    failed = [
        f"Attempt {one.number} failed: {one.outcome.failure.kind}."
        for one in settled.tried
        if one.outcome.failure is not None
    ]
    unable = settled.unable or ()
    failed += [f"Not {offering}: its engine cannot be told this request." for offering in unable]
    served = f", served by {settled.served_by} in {settled.zone}" if settled.served_by else ""
    error = f" ({settled.error})" if settled.error else ""
    return [*failed, f"It ended: {settled.outcome}{served}{error}."]
