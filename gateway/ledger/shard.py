"""One shard, open for writing: its keys, its journal and what seals it."""

from msgspec import Struct

from gateway.audit.canonical import decode
from gateway.domain.errors import ChainBroken
from gateway.ledger.adoption import Adoption
from gateway.ledger.checkpoints import CheckpointStore
from gateway.ledger.entry import entry_of
from gateway.ledger.files import Files
from gateway.ledger.journal import SEGMENT_BYTES_MAX, Journal, ObserveSync, unobserved
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.reading import Reading
from gateway.ledger.recovery import last_sealed, recover
from gateway.ledger.sealer import Sealer
from gateway.ledger.signers import KeyFiles, Signers
from gateway.ledger.subject_keys import month_of

LINE_BYTES_MAX = 1_024


class Ground(Struct, frozen=True):
    """On what every shard of a ledger stands."""

    root: LedgerFolder
    origin: str
    keys: KeyFiles
    store: CheckpointStore
    files: Files
    segment_bytes_max: int = SEGMENT_BYTES_MAX
    observe_sync_s: ObserveSync = unobserved


class Shard(Struct, frozen=True):
    """What the thread that writes needs of a shard. `began` is the month of its first record.

    `cut_bytes` of a torn tail are gone.
    """

    folder: LedgerFolder
    signers: Signers
    journal: Journal
    sealer: Sealer
    began: str
    cut_bytes: int


def open_shard(folder: LedgerFolder, ground: Ground) -> Shard:
    """Check that all parts belong together, and read the tail of the journal.

    ChainBroken when what lies there is not what was written last; LedgerUnavailable, OSError,
    sqlite3.Error. The time grows with the records since the last checkpoint, not with the log.
    """
    origin = _line(folder, "origin")
    if origin != origin_of(ground, folder):
        raise ChainBroken("the folder names another origin than its place", hint="docs/backup.md")
    signers = Signers.of(_line(folder, "vkey"), origin, ground.keys.load())
    sealed, last = last_sealed(ground.store, folder, signers.first.vkey)
    signers.resume(sealed.note)
    sealer = Sealer(signers, ground.store, folder, ground.files)
    opened = ground.store.open_requests(origin)
    sealer.resume(sealed, opened)
    sealer.next = entry_of(decode(last), last).closes_for
    adoption = Adoption(signers, sealed, opened, folder)
    recovered = recover(folder, sealed, sealer, adoption, ground.files)
    bytes_max = ground.segment_bytes_max
    journal = Journal(folder, ground.files, recovered.size, recovered.end, bytes_max)
    journal.observe, journal.mac_of = ground.observe_sync_s, signers.mac
    return Shard(folder, signers, journal, sealer, _began(folder), recovered.cut_bytes)


def origin_of(ground: Ground, folder: LedgerFolder) -> str:
    """Return the origin of the shard in that folder: that of the ledger, and its own name."""
    is_first = folder == ground.root
    return ground.origin if is_first else f"{ground.origin}/{folder.root.name}"


def _began(folder: LedgerFolder) -> str:
    for stored in Reading(folder):
        return month_of(decode(stored.entry).ts_us)
    raise ChainBroken("the log has no first record", hint="run perimeter verify")


def _line(folder: LedgerFolder, name: str) -> str:
    text = read_plain(folder.root / name, LINE_BYTES_MAX)
    return text.decode("ascii", "replace").strip()
