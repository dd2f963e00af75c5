"""Verifies a whole ledger from its bytes on disk, beside a running gateway or without one."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import structs

from gateway.audit.checkpoint import Checkpoint, NoteRefused, Vkey, parse_vkey
from gateway.audit.checkpoint import verify as verify_note
from gateway.audit.tree import Head
from gateway.audit.verify import Report, Verdict, verify
from gateway.ledger import documents
from gateway.ledger.checkpoints import CheckpointStore
from gateway.ledger.index import Index
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import Damage, DamageKind, Reading


def verify_folder(
    ledger: Path,
    vkey_text: str | None = None,
    checkpoints: Path | None = None,
    kept: Sequence[str] = (),
) -> Report:
    """Read every byte of a ledger and say what it proves.

    Without `vkey_text` the key in the ledger's own folder is used: then the log is only shown to
    agree with itself. With the checkpoint store, a log that was put back from an older copy is
    noticed too. `kept` are the texts of checkpoints that were kept elsewhere: each must fit, and
    then the log is shown to have grown from them.
    """
    folder = LedgerFolder(ledger)
    try:
        vkey = folder.vkey.read_text(encoding="utf-8") if vkey_text is None else vkey_text
        return _verify(folder, vkey.strip(), checkpoints, kept)
    except (OSError, UnicodeDecodeError, sqlite3.Error) as error:
        reason = f"the ledger cannot be read: {type(error).__name__}"
    except NoteRefused as error:
        reason = f"the verifier key or a kept checkpoint cannot be used: {error}"
    return Report(verdict=Verdict.UNREADABLE, reason=reason)


def _verify(
    folder: LedgerFolder, vkey: str, checkpoints: Path | None, kept: Sequence[str]
) -> Report:
    key = parse_vkey(vkey)
    known = [_head(verify_note(note, key)) for note in kept]
    # WHY: the checkpoint is read before the store and the journal, which only grow meanwhile.
    note = folder.checkpoint.read_text(encoding="utf-8")
    stored_head = None if checkpoints is None else _stored_head(checkpoints, key)
    reading = Reading(folder)
    report = verify(
        (stored.entry for stored in reading),
        note,
        vkey,
        known if stored_head is None else [*known, stored_head],
        _leaves(folder),
    )
    if checkpoints is not None and (stored_head is None or report.size > stored_head.size):
        reason = "the checkpoint store is older than the checkpoint beside the log"
        report = _tampered(report, None, reason)
    if reading.damage is not None:
        report = _with_damage(report, reading.damage)
    return _with_documents(report, folder)


def _stored_head(checkpoints: Path, key: Vkey) -> Head | None:
    """Return what the store keeps of the log; None where its note is not signed."""
    store = CheckpointStore.open(checkpoints, reading=True)
    try:
        sealed = store.latest(key.name)
        return None if sealed is None else _head(verify_note(sealed.note, key))
    except NoteRefused:
        return None
    finally:
        store.close()


def _head(found: Checkpoint) -> Head:
    return Head(found.size, found.root)


def _leaves(folder: LedgerFolder) -> Iterator[bytes]:
    index = Index.peek(folder)
    if index is None:
        return
    try:
        yield from index.leaves()
    except sqlite3.Error:
        return
    finally:
        index.close()


def _with_damage(report: Report, damage: Damage) -> Report:
    if damage.kind is DamageKind.TORN and damage.index >= report.size:
        return structs.replace(report, torn=True)
    return _tampered(report, damage.index, f"record {damage.index}: {damage.reason}")


def _with_documents(report: Report, folder: LedgerFolder) -> Report:
    for digest, index in report.documents.items():
        fault = documents.check(folder, digest)
        if fault:
            return _tampered(report, index, f"record {index}: the document {digest} {fault}")
    return report


def _tampered(report: Report, index: int | None, reason: str) -> Report:
    """Return the report with this fault, unless it names an earlier one already."""
    earlier = report.first_bad
    if earlier is not None and (index is None or earlier < index):
        return report
    return structs.replace(report, verdict=Verdict.TAMPERED, first_bad=index, reason=reason)
