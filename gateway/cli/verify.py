"""`perimeter verify`: read a whole ledger from its bytes and say what it proves."""

import argparse
import sys
from pathlib import Path

from gateway.audit.verify import Report, Verdict
from gateway.ledger.verify import verify_folder

EXIT = {Verdict.WHOLE: 0, Verdict.TAMPERED: 1, Verdict.UNREADABLE: 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("ledger", type=Path, help="the ledger's folder")
    parser.add_argument(
        "--vkey", help="the public key, from a place that the log's host cannot change"
    )
    parser.add_argument("--checkpoints", type=Path, help="the checkpoint store: notices old copies")
    parser.add_argument(
        "--kept",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a checkpoint that somebody kept elsewhere: the log must extend it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Return 0 whole, 1 tampered, 2 unreadable."""
    try:
        kept = [path.read_text() for path in arguments.kept]
    except (OSError, UnicodeDecodeError) as error:
        print(f"perimeter: a kept checkpoint cannot be read: {error.__class__.__name__}")
        return EXIT[Verdict.UNREADABLE]
    report = verify_folder(arguments.ledger, arguments.vkey, arguments.checkpoints, kept)
    out = sys.stdout if report.verdict is Verdict.WHOLE else sys.stderr
    for line in lines(report):
        print(line, file=out)
    return EXIT[report.verdict]


def lines(report: Report) -> list[str]:
    """Return the report as people read it."""
    if report.verdict is not Verdict.WHOLE:
        where = "" if report.first_bad is None else f" at record {report.first_bad}"
        return [f"{report.verdict}{where}: {report.reason}"]
    return [
        f"whole: {report.origin}, {report.records} records, {report.size} under the checkpoint",
        f"{report.decided} decided, {report.attempted} attempted, {report.settled} settled, "
        f"{report.admin} admin",
        f"{report.open} open, {report.lost} lost",
        *([f"{report.unsealed} not yet under a checkpoint"] if report.unsealed else []),
        *(["the last bytes are torn, as a crash leaves them"] if report.torn else []),
    ]
