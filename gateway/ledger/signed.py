"""The checkpoint of a log, as its key signed it."""

from gateway.audit.checkpoint import Checkpoint, NoteRefused, parse_vkey, verify
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.verify import LINE_BYTES_MAX, NOTE_BYTES_MAX

HINT = "run perimeter verify"


def signed(folder: LedgerFolder, vkey: str | None) -> Checkpoint:
    """Return the checkpoint of a log, as its key signed it; ChainBroken, LedgerUnavailable."""
    try:
        key = vkey or read_plain(folder.vkey, LINE_BYTES_MAX).decode()
        note = read_plain(folder.checkpoint, NOTE_BYTES_MAX).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerUnavailable("the ledger cannot be read", hint=type(error).__name__) from None
    try:
        return verify(note, parse_vkey(key))
    except NoteRefused as error:
        raise ChainBroken(f"the checkpoint cannot be believed: {error}", hint=HINT) from None
