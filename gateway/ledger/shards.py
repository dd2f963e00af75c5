"""The shards of a ledger: logs that follow one another, each named by the one before it.

The first shard lies in the ledger's folder itself. Each later one lies in a folder of its own under
`shards/`, whose name says its number and the period in which it began: `0002-2026-12`. No file of
a shard is ever moved. All but the last are closed. Documents, checkpoint and index are each
shard's own; the lock of the first is that of them all.
"""

import re
from pathlib import Path

from gateway.audit.checkpoint import NoteRefused, parse
from gateway.domain.errors import ChainBroken
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain

SHARDS_MAX = 9_999
# WHY: until it has its first checkpoint, a shard lies under a name that is none of a shard.
UNFINISHED = ".new"
FIRST = 1
NOTE_BYTES_MAX = 262_144

_NAME = re.compile(r"(?P<number>[0-9]{4})-(?P<period>[0-9]{4}(?:-[0-9]{2})?)")


def shards(folder: LedgerFolder) -> tuple[LedgerFolder, ...]:
    """Return every shard of a ledger in order, the one that is written last; OSError."""
    if not folder.shards.is_dir():
        return (folder,)
    names = sorted(path.name for path in folder.shards.iterdir() if number_of(path) is not None)
    return (folder, *(LedgerFolder(folder.shards / name) for name in names))


def number_of(path: Path) -> int | None:
    """Return the number of the shard in a folder of that name; None when it is no shard's name."""
    match = _NAME.fullmatch(path.name)
    return None if match is None else int(match["number"])


def name_of(number: int, period: str) -> str:
    """Return the name of a shard: that of its folder, and the end of its origin."""
    name = f"{number:04d}-{period}"
    if number > SHARDS_MAX or _NAME.fullmatch(name) is None:
        raise ChainBroken("a ledger has no shard of this name", hint=name)
    return name


def size_of(closed: LedgerFolder) -> int:
    """Return how many records a closed shard has, as its checkpoint says; OSError, ChainBroken.

    It is read and not verified: whoever reads past it reads the journal.
    """
    try:
        text = read_plain(closed.checkpoint, NOTE_BYTES_MAX).decode()
        return parse(text.partition("\n\n")[0] + "\n").size
    except (NoteRefused, UnicodeDecodeError):
        raise ChainBroken(
            f"the checkpoint of the shard {closed.root.name} cannot be read",
            hint="run perimeter verify",
        ) from None
