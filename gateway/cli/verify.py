"""`perimeter verify`: read a whole ledger from its bytes and say what it proves."""

import argparse
import sys
from pathlib import Path

from gateway.audit.story import CLOCK_BACK_US_MAX
from gateway.audit.verify import Report, Verdict
from gateway.cli.shown import shown
from gateway.ledger.plain import read_plain
from gateway.ledger.verify import NOTE_BYTES_MAX, verify_folder

_SECOND_US = 1_000_000
EXIT = {Verdict.WHOLE: 0, Verdict.TAMPERED: 1, Verdict.UNREADABLE: 2}
AGREES_WITH_ITSELF = "without --vkey, the log is only shown to agree with the key in its own folder"
OLD_COPY = (
    "without --checkpoints or --kept, an older copy that was put back would not be noticed, nor"
    " what was changed after its checkpoint"
)


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
        kept = [read_plain(path, NOTE_BYTES_MAX).decode() for path in arguments.kept]
    except (OSError, UnicodeDecodeError) as error:
        what = error.__class__.__name__
        print(f"perimeter: a kept checkpoint cannot be read: {what}", file=sys.stderr)
        return EXIT[Verdict.UNREADABLE]
    report = verify_folder(arguments.ledger, arguments.vkey, arguments.checkpoints, kept)
    out = sys.stdout if report.verdict is Verdict.WHOLE else sys.stderr
    for line in [*lines(report), *_limits(report, arguments)]:
        print(line, file=out)
    return EXIT[report.verdict]


def lines(report: Report) -> list[str]:
    """Return the report as people read it."""
    if report.verdict is not Verdict.WHOLE:
        where = "" if report.first_bad is None else f" at record {report.first_bad}"
        where += f" of shard {shown(report.shard)}" if report.shard else ""
        return [f"{report.verdict}{where}: {shown(report.reason)}"]
    unproven = f"{report.unsealed} of them not proven by a signature"
    proof = unproven if report.unsealed else "all proven by a signature"
    return [
        f"whole: {shown(report.origin)}, {report.records} records, {proof}",
        f"{report.decided} decided, {report.attempted} attempted, {report.settled} settled, "
        f"{report.admin} admin",
        f"{report.open} open, {report.lost} lost",
        _silence(report),
        *_clocks(report),
        *_pruned(report),
        *(
            [f"in {report.shards} shards, each following the one before"]
            if report.shards > 1
            else []
        ),
        *([f"its next shard is not here: {shown(report.missing)}"] if report.missing else []),
        *(["the last bytes are torn, as a crash leaves them"] if report.torn else []),
    ]


def _pruned(report: Report) -> list[str]:
    by = shown(report.pruned_by)
    told = f"{report.pruned} more were pruned under retention, as {by} says; their hashes are left"
    return [told] if report.pruned else []


def _clocks(report: Report) -> list[str]:
    apart = f"the clock moved {report.apart_us // _SECOND_US} s against the machine's own"
    is_much = report.apart_us > CLOCK_BACK_US_MAX
    return [f"{apart} within a run, of which no record tells"] if is_much else []


def _silence(report: Report) -> str:
    longest = f"the longest silence of a running gateway was {report.silence_us // _SECOND_US} s"
    many = f"{report.gaps} were longer than its heartbeats allow"
    return f"{longest}; {many}" if report.gaps else f"{longest}, as its heartbeats allow"


def _limits(report: Report, arguments: argparse.Namespace) -> list[str]:
    """Return what this verification could not show."""
    if report.verdict is not Verdict.WHOLE:
        return []
    is_held = arguments.checkpoints is not None or arguments.kept
    return [
        *([] if is_held else [OLD_COPY]),
        *([] if arguments.vkey is not None else [AGREES_WITH_ITSELF]),
    ]
