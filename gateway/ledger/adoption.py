"""What a start adopts: records that we wrote, that no checkpoint covers, and that keep the rules.

Whoever can write to the folder can make frames that are whole; without the signing key he cannot
make one that is adopted here.
"""

import hmac
from collections.abc import Mapping

from gateway.audit.canonical import EntryUnreadable, decode
from gateway.audit.record import Decided, Record
from gateway.audit.story import Broken, Story, _Open
from gateway.domain.errors import ChainBroken
from gateway.ledger import documents
from gateway.ledger.checkpoints import Sealed
from gateway.ledger.entry import TS_US_MAX, Entry, Opened, entry_of
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.reading import Stored
from gateway.ledger.signers import Signers


class _Going(Story):
    """A story that goes on from a checkpoint; ids of what was settled below it are not known."""

    def __init__(self, signers: Signers, sealed: Sealed, opened: Mapping[str, Opened]) -> None:
        super().__init__()
        announced = signers.announced
        self.ends.go_on(signers.first.vkey, None if announced is None else announced.vkey)
        self.admin = sealed.head.size
        self._latest_us = sealed.latest_us
        self._boot = sealed.boot or None
        self._boots = {sealed.boot}
        self._open = {
            name: _Open(one.boot, one.boundary, one.candidates, one.attempts)
            for name, one in opened.items()
        }


class Adoption:
    """Judges, in order, each entry that follows the last checkpoint."""

    def __init__(
        self, signers: Signers, sealed: Sealed, opened: Mapping[str, Opened], folder: LedgerFolder
    ) -> None:
        self._signers = signers
        self._story = _Going(signers, sealed, opened)
        self._folder = folder

    def adopt(self, stored: Stored) -> Entry:
        """Return the entry if it is ours and keeps the rules; ChainBroken.

        INVARIANT: nothing is signed at a start that this key did not vouch for when it was written.
        """
        mac = self._signers.mac(stored.index, stored.group, stored.entry)
        if not hmac.compare_digest(mac, stored.mac):
            raise _refused(stored, "was not written by a gateway of this log")
        try:
            record = decode(stored.entry)
        except EntryUnreadable as error:
            raise _refused(stored, "cannot be read", str(error)) from None
        if not 0 <= record.ts_us <= TS_US_MAX:
            raise _refused(stored, "has a time that no clock shows")
        try:
            self._know_documents(record)
            self._story.read(record)
        except Broken as error:
            raise _refused(stored, f"breaks a rule of the log: {error}") from None
        return entry_of(record, stored.entry)

    def _know_documents(self, record: Record) -> None:
        """Take those documents as stored that lie in the folder under the digest of their bytes."""
        if not isinstance(record, Decided):
            return
        for digest in record.documents.values():
            if digest not in self._story.documents and not documents.check(self._folder, digest):
                self._story.documents[digest] = 0


def _refused(stored: Stored, why: str, hint: str = "run perimeter verify") -> ChainBroken:
    return ChainBroken(f"record {stored.index}, which no checkpoint covers, {why}", hint=hint)
