"""Where a ledger lies on disk."""

from hashlib import sha256
from pathlib import Path

from msgspec import Struct

SEGMENT_SUFFIX = ".seg"
_INDEX_DIGITS = 20
_LOCK_NAME_DIGITS = 16
WRAPPING_KEY = "wrapping.key"


class LedgerPaths(Struct, frozen=True):
    """The ledger's folder, and the files that must lie apart from it.

    Whoever can read the folder alone can verify the log and see no personal datum; the signing
    key, the checkpoint store, the subject keys and the key that wraps those are each guarded by
    themselves. `wrapping_key` lies beside the subject keys where nothing else is said.
    """

    ledger: Path
    signing_key: Path
    checkpoints: Path
    subject_keys: Path
    wrapping_key: Path | None = None

    @property
    def wrapping(self) -> Path:
        """The file of the key that wraps the subject keys."""
        return self.wrapping_key or self.subject_keys.with_name(WRAPPING_KEY)

    def writer_lock(self, origin: str) -> Path:
        """The lock of a log beside its checkpoint store, where no writer of the folder reaches."""
        name = sha256(origin.encode()).hexdigest()[:_LOCK_NAME_DIGITS]
        return self.checkpoints.with_name(f"{self.checkpoints.name}.{name}.lock")

    @property
    def folder(self) -> "LedgerFolder":
        """The layout of the ledger's folder."""
        return LedgerFolder(self.ledger)


class LedgerFolder(Struct, frozen=True):
    """The layout of the folder that holds the evidence."""

    root: Path

    @property
    def origin(self) -> Path:
        """The name of the log, one line."""
        return self.root / "origin"

    @property
    def vkey(self) -> Path:
        """The public key of the log, one line."""
        return self.root / "vkey"

    @property
    def checkpoint(self) -> Path:
        """The latest signed checkpoint."""
        return self.root / "checkpoint"

    @property
    def journal(self) -> Path:
        """The folder of segments."""
        return self.root / "journal"

    @property
    def documents(self) -> Path:
        """The folder of policies and catalogues by digest."""
        return self.root / "documents"

    @property
    def blobs(self) -> Path:
        """The folder of what no entry could hold, by digest; that of all shards is the first's."""
        return self.root / "blobs"

    @property
    def shards(self) -> Path:
        """The folder of the later shards; `ledger/shards.py` reads it."""
        return self.root / "shards"

    @property
    def index(self) -> Path:
        """The index, which can be deleted and is made again."""
        return self.root / "index.sqlite"

    @property
    def facts(self) -> Path:
        """The index of facts, which can be deleted and is made again."""
        return self.root / "facts.sqlite"

    @property
    def queries(self) -> Path:
        """The folder in which whoever asks the ledger says so; a running gateway looks there."""
        return self.root / "queries"

    @property
    def lock(self) -> Path:
        """The file that the one writer holds locked."""
        return self.root / "lock"

    def segment(self, first: int) -> Path:
        """Return the path of the segment that begins with that record."""
        return self.journal / f"{first:0{_INDEX_DIGITS}d}{SEGMENT_SUFFIX}"

    def segments(self) -> list[int]:
        """Return the first index of every segment, in order; OSError."""
        names = (path.name for path in self.journal.iterdir())
        stems = (name.removesuffix(SEGMENT_SUFFIX) for name in names if is_segment(name))
        return sorted(int(stem) for stem in stems)


def is_segment(name: str) -> bool:
    """Is this the name of a segment file?"""
    stem = name.removesuffix(SEGMENT_SUFFIX)
    return stem != name and len(stem) == _INDEX_DIGITS and stem.isascii() and stem.isdecimal()
