"""The keys with which a shard is written: the one it began with, and the one announced since.

Three files may hold keys: the signing key, beside it `.next`, which waits for the next start to be
announced, and `.former`, which signs with the new one until its shard is closed. Which key is which
is never told by the name of a file: the shard says with which it began, and which it announced.
"""

from pathlib import Path

from gateway.audit.checkpoint import NoteRefused, sign, verify
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger import signing
from gateway.ledger.entry import Entry
from gateway.ledger.files import Files
from gateway.ledger.plain import read_plain
from gateway.ledger.signing import KEY_FILE_BYTES_MAX, SigningKey

_NEXT, _FORMER = ".next", ".former"


class KeyFiles:
    """The files that hold keys of one ledger."""

    def __init__(self, path: Path, files: Files) -> None:
        self.path = path
        self.waiting = path.with_name(path.name + _NEXT)
        self.former = path.with_name(path.name + _FORMER)
        self._files = files

    def load(self) -> tuple[SigningKey, ...]:
        """Return every key that is there, the signing key first; LedgerUnavailable."""
        more = (path for path in (self.waiting, self.former) if path.exists())
        return (signing.load(self.path), *map(signing.load, more))

    def wait(self) -> SigningKey:
        """Make a key that the next start announces; LedgerUnavailable, OSError."""
        key = signing.load(self.path)
        if self.waiting.exists():
            raise LedgerUnavailable("a new key waits for the next start already")
        if self.former.exists():
            raise LedgerUnavailable(
                "the last new key is signed beside the former one until the shard is closed",
                hint="perimeter ledger hand-over",
            )
        return signing.make(self.waiting, key.name, self._files)

    def pending(self, signers: "Signers") -> str:
        """Return the waiting key as the shard must announce it; empty when it need not be."""
        if signers.announced is not None or not self.waiting.exists():
            return ""
        return str(signing.load(self.waiting).under(signers.name).vkey)

    def take_over(self, signers: "Signers") -> None:
        """Put the new key in the place of the signing key once it was announced; OSError."""
        if not self.waiting.exists() or signers.announced is None:
            return
        if signing.load(self.waiting).private_bytes != signers.announced.private_bytes:
            return
        self._files.publish(self.former, read_plain(self.path, KEY_FILE_BYTES_MAX))
        self._files.rename(self.waiting, self.path)
        self._files.sync_folder(self.path.parent)

    def forget_former(self) -> None:
        """Remove the key that signs no shard any more; OSError."""
        if self.former.exists():
            self._files.remove(self.former)
            self._files.sync_folder(self.path.parent)


class Signers:
    """The keys of one shard; used by the thread that writes.

    `first` is the key that the shard began with: whoever verifies it alone trusts that one.
    """

    def __init__(self, first: SigningKey, others: tuple[SigningKey, ...] = ()) -> None:
        self.first = first
        self.announced: SigningKey | None = None
        self._others = {str(one.vkey): one for one in others}

    @classmethod
    def of(cls, vkey: str, origin: str, keys: tuple[SigningKey, ...]) -> "Signers":
        """Return the keys of the shard that began with that one; ChainBroken when it is missing."""
        known = {str(one.vkey): one for one in (key.under(origin) for key in keys)}
        first = known.pop(vkey, None)
        if first is None:
            raise ChainBroken("the signing key is not the one of this log", hint="docs/backup.md")
        return cls(first, tuple(known.values()))

    @property
    def name(self) -> str:
        """The origin of the shard."""
        return self.first.name

    @property
    def newest(self) -> SigningKey:
        """The key that signs the next shard too."""
        return self.announced or self.first

    def resume(self, note: str) -> None:
        """Go on from a checkpoint: a key whose signature it carries was announced below it."""
        for one in self._others.values():
            try:
                verify(note, one.vkey)
            except NoteRefused:
                continue
            self.announced = one

    def follow(self, entry: Entry) -> None:
        """From the record on that announces a key, that one signs and vouches; ChainBroken."""
        if entry.announces is None:
            return
        self.announced = self._others.get(entry.announces)
        if self.announced is None:
            raise ChainBroken("the log announces a key that is not here", hint="docs/backup.md")

    def mac(self, index: int, group: int, entry: bytes) -> bytes:
        """Return the MAC of an entry, under the newest key."""
        return self.newest.mac(index, group, entry)

    def sign(self, text: str) -> str:
        """Return the note of a checkpoint, signed with the first key and the announced one."""
        keys = [self.first] if self.announced is None else [self.first, self.announced]
        return sign(text, self.name, *(one.private for one in keys))
