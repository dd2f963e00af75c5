"""On what an answer stands: a signed checkpoint, and an index that was read exactly up to it."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from gateway.audit.verify import Report, Verdict
from gateway.cli.audit.question import Ledger
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.facts import HINT, FactsIndex, Part, assert_of, is_of, parts_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.pruning import is_pruned, last_of
from gateway.ledger.verify import LINE_BYTES_MAX, NOTE_BYTES_MAX, verify_folder

CACHE = "XDG_CACHE_HOME"
NAME_CHARS = 16
_NEXT = (
    "SELECT json_extract(facts, '$.next'), json_extract(facts, '$.vkey') FROM changes"
    " WHERE what = 'shard_closed'"
)


@contextmanager
def standing(arguments: argparse.Namespace) -> Iterator[Ledger]:
    """Open what answers; ChainBroken where the log is not what its checkpoint signs.

    With `--prove` the whole log is verified and read anew: no index that was there is looked at.
    """
    folder = LedgerFolder(arguments.ledger)
    parts = parts_of(folder, arguments.vkey)
    checkpoint = parts[-1].checkpoint
    if not arguments.prove:
        index = _caught_up(arguments.index or place_of(folder), parts)
        try:
            yield Ledger(folder, index, checkpoint, parts=parts)
        finally:
            index.close()
        return
    report = proven(arguments, sum(one.checkpoint.size for one in parts))
    with tempfile.TemporaryDirectory(prefix="perimeter-audit-") as place:
        index = FactsIndex.fresh(Path(place) / "facts.sqlite")
        try:
            index.catch_up(parts)
            assert_of(index, checkpoint)
            yield Ledger(folder, index, checkpoint, report, parts)
        finally:
            index.close()


def place_of(folder: LedgerFolder) -> Path:
    """Return where the facts index lies: of who may only read the ledger, in his own cache."""
    if os.access(folder.root, os.W_OK):
        return folder.facts
    name = sha256(str(folder.root.resolve()).encode()).hexdigest()[:NAME_CHARS]
    try:
        cache = Path(os.environ.get(CACHE) or Path.home() / ".cache") / "perimeter"
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        hint = "--index names another file"
        raise LedgerUnavailable("there is no place for the facts index", hint=hint) from None
    return cache / f"facts-{name}.sqlite"


def proven(arguments: argparse.Namespace, size: int) -> Report:
    """Return the report of a whole ledger of at least that size; ChainBroken where it is not."""
    kept = [read_plain(path, NOTE_BYTES_MAX).decode() for path in arguments.kept]
    report = verify_folder(arguments.ledger, arguments.vkey, arguments.checkpoints, kept)
    if report.verdict is not Verdict.WHOLE or report.size < size:
        where = "" if report.first_bad is None else f" at record {report.first_bad}"
        raise ChainBroken(f"nothing is proven: {report.verdict}{where}: {report.reason}")
    return report


def _caught_up(path: Path, parts: Sequence[Part]) -> FactsIndex:
    index = FactsIndex.make(path, parts)
    index.catch_up(parts)
    if not is_of(index, parts[-1].checkpoint):
        # WHY: the file may have been changed, and then it is only made anew.
        index.close()
        index = FactsIndex.fresh(path)
        index.catch_up(parts)
    try:
        assert_of(index, parts[-1].checkpoint)
        assert_handed_over(index, parts)
    except ChainBroken:
        index.close()
        raise
    return index


def assert_handed_over(index: FactsIndex, parts: Sequence[Part]) -> None:
    """Raise ChainBroken unless each shard is signed by the key that the one before it named.

    What a shard named was counted with its other records, up to its signed root; of a pruned one it
    is the last record, which stays. A next one that is not there is missed.
    """
    told = dict(index.sql.execute(_NEXT).fetchall())
    for part in parts:
        last = last_of(part.folder) if is_pruned(part.folder) else None
        told |= {last.facts.get("next"): last.facts.get("vkey")} if last else {}
    for part in parts[1:]:
        origin = part.checkpoint.origin
        vkey = read_plain(part.folder.vkey, LINE_BYTES_MAX).decode("ascii", "replace").strip()
        if told.pop(origin, None) != vkey:
            raise ChainBroken(f"no shard before it handed over to {origin} and its key", hint=HINT)
    for origin in told:
        # WHY: one that begins while this reads is there by now, and is not looked at.
        name = str(origin).rpartition("/")[2]
        if not any(parts[0].folder.shards.glob(f"{name}*")):
            raise ChainBroken(f"the shard {origin}, which is the next, is not here", hint=HINT)
