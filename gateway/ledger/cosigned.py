"""Checkpoints that witnesses signed too, beside the log: an export hands them out."""

from gateway.audit.checkpoint import NoteRefused, parse
from gateway.audit.cosignature import text_of
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain

FOLDER = "cosigned"
KEPT_MAX = 1_000
NOTE_BYTES_MAX = 262_144
_DIGITS = 20


def keep(folder: LedgerFolder, files: Files, note: str) -> None:
    """Keep a cosigned checkpoint under its size; of very many the oldest go. OSError, NoteRefused.

    One that is kept already is replaced: the new one holds its signatures too.
    """
    place = folder.root / FOLDER
    files.make_folder(place)
    size = parse(text_of(note)).size
    files.publish(place / f"{size:0{_DIGITS}d}", note.encode())
    for name in _names(folder)[:-KEPT_MAX]:
        files.remove(place / name)


def cosigned_of(folder: LedgerFolder) -> tuple[tuple[int, str], ...]:
    """Return the size and the text of every cosigned checkpoint, the oldest first; OSError.

    What cannot be read as one is left out: whoever verifies looks at the signatures himself.
    """
    found = (_read(folder, name) for name in _names(folder))
    return tuple(one for one in found if one is not None)


def _names(folder: LedgerFolder) -> list[str]:
    place = folder.root / FOLDER
    if not place.is_dir():
        return []
    names = (path.name for path in place.iterdir())
    return sorted(name for name in names if len(name) == _DIGITS and name.isdecimal())


def _read(folder: LedgerFolder, name: str) -> tuple[int, str] | None:
    try:
        note = read_plain(folder.root / FOLDER / name, NOTE_BYTES_MAX).decode()
        return parse(text_of(note)).size, note
    except (NoteRefused, UnicodeDecodeError):
        return None
