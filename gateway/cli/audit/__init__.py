"""`perimeter audit QUESTION`: answers from the ledger, each with the checkpoint that it stands on.

Rule 1: one question is one line of the table or one small module; a question whose facts do not
exist is absent, not empty.
Rule 2: an answer stands on a signed checkpoint; what is not verified says so.
Rule 3: whoever reads leaves a record of it, and whatever a record holds is shown escaped.
"""

import argparse
import sqlite3
import sys
from datetime import date
from pathlib import Path
from typing import Any

from gateway.audit.record import ADMIN_KINDS
from gateway.cli.audit import written
from gateway.cli.audit.counting import ROWS_MAX
from gateway.cli.audit.gone import gone_of
from gateway.cli.audit.places import learn_ranks
from gateway.cli.audit.policies import REPLAYS, REPLAYS_ALL
from gateway.cli.audit.question import DAYS_MAX, Answer, Asked, Ledger, Period, Question, number_of
from gateway.cli.audit.questions import QUESTIONS
from gateway.cli.audit.standing import standing
from gateway.cli.audit.telling import told
from gateway.cli.audit.where import LEVEL, read_where
from gateway.cli.shown import shown
from gateway.domain.errors import ChainBroken, LedgerUnavailable

NOT_GOOD = 1
ROWS_LIMIT_MAX = 1_000_000
REPLAYS_MAX = 100_000
OPTIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "within": (
        ("--within",),
        {"default": "", "metavar": "PLACES", "help": "EU, EEA, or codes joined by commas"},
    ),
    "record": (("record",), {"help": "the record id, as x-perimeter-record told it"}),
    "on": (("--on",), {"type": date.fromisoformat, "metavar": "YYYY-MM-DD", "help": "that day"}),
    "replays": (
        ("--replays",),
        {
            "type": int,
            "help": "how many decisions are made again for a change"
            f" ({REPLAYS}, and of many changes {REPLAYS_ALL} altogether)",
        },
    ),
}


def available() -> dict[str, Question]:
    """Return the questions whose facts exist."""
    return {name: one for name, one in QUESTIONS.items() if one.kinds <= ADMIN_KINDS}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    questions = parser.add_subparsers(dest="question", required=True, metavar="QUESTION")
    for name, one in available().items():
        _add_question(questions.add_parser(name, help=one.purpose, description=one.purpose), one)


def _add_question(parser: argparse.ArgumentParser, one: Question) -> None:
    parser.add_argument("--ledger", type=Path, required=True, help="the ledger's folder")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="YYYY-MM-DD")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, metavar="YYYY-MM-DD")
    parser.add_argument("--where", help='field op value, joined by "and"')
    parser.add_argument("--rows", type=int, default=ROWS_MAX, help="how many rows at most")
    parser.add_argument("--as", dest="form", choices=("table", "json", "csv"), default="table")
    parser.add_argument("--index", type=Path, help="the facts index, where not in the ledger")
    parser.add_argument("--node", type=Path, help="records the reading where no gateway runs")
    parser.add_argument("--copy", action="store_true", help="read a copy; nothing records it")
    parser.add_argument("--vkey", help="the public key, from a place that the host cannot change")
    parser.add_argument(
        "--prove", action="store_true", help="verify the whole log, and answer from what was read"
    )
    parser.add_argument("--checkpoints", type=Path, help="with --prove: the checkpoint store")
    parser.add_argument(
        "--kept",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="with --prove: a checkpoint that somebody kept elsewhere",
    )
    for option in one.options:
        names, described = OPTIONS[option]
        parser.add_argument(*names, **described)


def run(arguments: argparse.Namespace) -> int:
    """Return 0; 1 where the answer is a bad one or the log is not whole; 2 when unusable."""
    try:
        with standing(arguments) as ledger:
            return _run(arguments, ledger)
    except ChainBroken as error:
        hint = f" ({error.hint})" if error.hint else ""
        print(f"perimeter: {shown(error.what + hint)}", file=sys.stderr)
        return NOT_GOOD
    except (sqlite3.Error, OSError) as error:
        what = type(error).__name__
        raise LedgerUnavailable("the facts index cannot be used", hint=what) from None


def _run(arguments: argparse.Namespace, ledger: Ledger) -> int:
    asked = _asked(arguments, ledger)
    if any(one.field == LEVEL for one in asked.where):
        learn_ranks(ledger)
    answer = available()[arguments.question].answer(asked)
    _print(arguments, asked, answer, told(arguments, asked, answer))
    return 0 if answer.good else NOT_GOOD


def _asked(arguments: argparse.Namespace, ledger: Ledger) -> Asked:
    on, replays = (getattr(arguments, name, None) for name in ("on", "replays"))
    begin, end = (on, on) if on is not None else (arguments.first, arguments.last)
    first = 0 if begin is None else number_of(begin)
    last = DAYS_MAX if end is None else number_of(end)
    return Asked(
        ledger=ledger,
        period=Period(first, last),
        where=read_where(arguments.where) if arguments.where is not None else (),
        rows_max=max(1, min(arguments.rows, ROWS_LIMIT_MAX)),
        within=getattr(arguments, "within", ""),
        record=getattr(arguments, "record", ""),
        replays_max=None if replays is None else max(0, min(replays, REPLAYS_MAX)),
    )


def _print(arguments: argparse.Namespace, asked: Asked, answer: Answer, reading: str) -> None:
    if arguments.form == "json":
        print(written.json_of(arguments.question, asked, answer))
        return
    # WHY: what a program reads from CSV is rows alone; each row names its checkpoint.
    out = sys.stdout
    if arguments.form == "csv":
        print(written.csv_of(asked, answer), end="")
        out = sys.stderr
    else:
        for line in written.table(answer):
            print(line)
    for note in answer.notes:
        print(shown(note), file=out)
    print(_stands(asked), file=out)
    print(reading, file=out)


def _stands(asked: Asked) -> str:
    stands = written.stands_on(asked)
    proof = "verified afresh" if asked.ledger.report is not None else "not verified"
    closed = asked.ledger.parts[:-1]
    before = sum(one.checkpoint.size for one in closed)
    after = f", after {before} in {len(closed)} closed shards" if closed else ""
    gone = str(gone_of(asked.ledger.parts, asked.ledger.index))
    after += f" ({gone})" if gone else ""
    return (
        f"{asked.period}; checkpoint of {stands['origin']}: {stands['size']} records{after}, "
        f"root {stands['root']}; {proof}"
    )
