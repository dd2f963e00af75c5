"""Makes the folder of a log, from its first record to its first checkpoint."""

from collections.abc import Sequence

from msgspec import Struct

from gateway.ledger.checkpoints import NOTHING_YET, CheckpointStore
from gateway.ledger.entry import Entry
from gateway.ledger.files import Files
from gateway.ledger.journal import SEGMENT_BYTES_MAX, Journal
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import START, Place
from gateway.ledger.sealer import Sealer
from gateway.ledger.signers import Signers

GROUP_ENTRIES_MAX = 1_024


class Founder(Struct, frozen=True):
    """Who signs, and what keeps the last checkpoint."""

    signers: Signers
    store: CheckpointStore
    files: Files

    def lay(self, folder: LedgerFolder, entries: Sequence[Entry]) -> Place:
        """Make a new log of these entries durable in its folder, and return its end; OSError.

        Nothing is signed yet: until that is done, the folder can be thrown away and laid again.
        """
        self.files.publish(folder.origin, f"{self.signers.name}\n".encode())
        self.files.publish(folder.vkey, f"{self.signers.first.vkey}\n".encode())
        journal = Journal(folder, self.files, 0, START, SEGMENT_BYTES_MAX)
        journal.mac_of = self.signers.mac
        for at in range(0, len(entries), GROUP_ENTRIES_MAX):
            journal.write([entry.data for entry in entries[at : at + GROUP_ENTRIES_MAX]])
        journal.close()
        return journal.end

    def sign(self, folder: LedgerFolder, entries: Sequence[Entry], end: Place) -> None:
        """Make the first checkpoint of a log that was laid; OSError, sqlite3.Error, ChainBroken."""
        self.store.begin(self.signers.name)
        sealer = Sealer(self.signers, self.store, folder, self.files)
        sealer.resume(NOTHING_YET, {})
        for entry in entries:
            sealer.add(entry)
        sealer.seal(end)
