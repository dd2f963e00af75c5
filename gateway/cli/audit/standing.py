"""On what an answer stands: a signed checkpoint, and an index that was read exactly up to it."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.audit.checkpoint import Checkpoint
from gateway.audit.verify import Report, Verdict
from gateway.cli.audit.question import Ledger
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.facts import FactsIndex, assert_of, is_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.shards import shards
from gateway.ledger.signed import signed
from gateway.ledger.verify import NOTE_BYTES_MAX, verify_folder


@contextmanager
def standing(arguments: argparse.Namespace) -> Iterator[Ledger]:
    """Open what answers; ChainBroken where the log is not what its checkpoint signs.

    With `--prove` the whole log is verified and read anew: no index that was there is looked at.
    """
    folder = LedgerFolder(arguments.ledger)
    if len(shards(folder)) > 1:
        # WHY: an answer stands on one checkpoint, and must not pass for one over all shards.
        raise LedgerUnavailable("this ledger has several shards; ask about a copy of one of them")
    checkpoint = signed(folder, arguments.vkey)
    if not arguments.prove:
        index = _caught_up(arguments.index or folder.facts, folder, checkpoint)
        try:
            yield Ledger(folder, index, checkpoint)
        finally:
            index.close()
        return
    report = proven(arguments, checkpoint)
    with tempfile.TemporaryDirectory(prefix="perimeter-audit-") as place:
        index = FactsIndex.fresh(Path(place) / "facts.sqlite")
        try:
            index.catch_up(folder, checkpoint.size)
            assert_of(index, checkpoint)
            yield Ledger(folder, index, checkpoint, report)
        finally:
            index.close()


def proven(arguments: argparse.Namespace, checkpoint: Checkpoint) -> Report:
    """Return the report of a whole log; ChainBroken where it is not whole."""
    kept = [read_plain(path, NOTE_BYTES_MAX).decode() for path in arguments.kept]
    report = verify_folder(arguments.ledger, arguments.vkey, arguments.checkpoints, kept)
    if report.verdict is not Verdict.WHOLE or report.size < checkpoint.size:
        where = "" if report.first_bad is None else f" at record {report.first_bad}"
        raise ChainBroken(f"nothing is proven: {report.verdict}{where}: {report.reason}")
    return report


def _caught_up(path: Path, folder: LedgerFolder, checkpoint: Checkpoint) -> FactsIndex:
    index = FactsIndex.make(path, folder, checkpoint.size)
    index.catch_up(folder, checkpoint.size)
    if not is_of(index, checkpoint):
        # WHY: the file may have been changed, and then it is only made anew.
        index.close()
        index = FactsIndex.fresh(path)
        index.catch_up(folder, checkpoint.size)
    assert_of(index, checkpoint)
    return index
