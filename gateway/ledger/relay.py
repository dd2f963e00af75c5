"""Hands over from one shard to the next, at the end of a period or when it is asked.

The steps, each of which a crash may follow: the closing record is durable; it is sealed; the next
shard is laid in a folder that nobody reads yet; its first checkpoint is in the checkpoint store,
then beside it; its folder gets its name. Whoever finds the last shard closed goes on from there.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from gateway.audit.ends import Carried, Former, Next, facts_of
from gateway.audit.record import Admin
from gateway.domain.errors import Unreachable
from gateway.ledger import documents
from gateway.ledger.checkpoints import Sealed
from gateway.ledger.documents import DOCUMENT_BYTES_MAX
from gateway.ledger.entry import Entry, entry_of
from gateway.ledger.files import Files
from gateway.ledger.founding import Founder
from gateway.ledger.naming import record_id
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.plain import read_plain
from gateway.ledger.shard import Ground, Shard, open_shard
from gateway.ledger.shards import FIRST, UNFINISHED, name_of, number_of, shards
from gateway.ledger.signers import Signers
from gateway.ledger.subject_keys import month_of
from gateway.ledger.timekeeping import stamped

NEVER, YEAR, MONTH = "never", "year", "month"
_CHARACTERS = {NEVER: 0, YEAR: 4, MONTH: 7}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Introduce = Callable[[Shard], Sequence[Entry]]


class Relay:
    """The shards of one ledger; used by the thread that writes, and before it by the start."""

    def __init__(self, ground: Ground, period: str = NEVER) -> None:
        self._ground = ground
        self._characters = _CHARACTERS[period]

    def open_last(self) -> Shard:
        """Open the shard that is written; a hand-over that was interrupted is finished first."""
        shard = open_shard(shards(self._ground.root)[-1], self._ground)
        if shard.signers.announced is None:
            self._ground.keys.forget_former()
        if shard.sealer.next is None:
            return shard
        shard.sealer.seal(shard.journal.end)
        return self.follow(shard)

    def is_due(self, shard: Shard, ts_us: int) -> bool:
        """Does that time lie in a later period than the beginning of the shard?"""
        at = self._characters
        return shard.sealer.next is not None or month_of(ts_us)[:at] > shard.began[:at]

    def closing(self, shard: Shard, ts_us: int, boot: str) -> Entry:
        """Return the last record of a shard."""
        number = FIRST if shard.folder == self._ground.root else number_of(shard.folder.root)
        if number is None:
            raise Unreachable("a shard without a number")
        origin = f"{self._ground.origin}/{name_of(number + 1, month_of(ts_us))}"
        vkey = shard.signers.newest.under(origin).vkey
        return _entry("shard_closed", ts_us, boot, facts_of(Next(origin, str(vkey))))

    def bring(self, shard: Shard, entries: Sequence[Entry]) -> None:
        """See that every document of which entries tell lies in their shard; OSError.

        WHY: it was put beside the shard that was written then, which may be closed by now.
        """
        for digest in (entry.stores[0] for entry in entries if entry.stores):
            if not documents.place_of(shard.folder, digest).exists():
                _copy(shards(self._ground.root)[-2], shard.folder, digest, self._ground.files)

    def follow(self, closed: Shard, introduce: Introduce | None = None) -> Shard:
        """Begin the shard that the closed one names, and return it.

        OSError, sqlite3.Error; then it can be tried again. `introduce` returns what a boot that
        goes on in the new shard says there first.
        """
        told = closed.sealer.next
        if told is None:
            raise Unreachable("a shard that is not closed has no next")
        ground, files = self._ground, self._ground.files
        place = ground.root.shards / told.next.removeprefix(f"{ground.origin}/")
        fresh = LedgerFolder(place.with_name(place.name + UNFINISHED))
        if not place.exists():
            sealed = ground.store.latest(told.next)
            if sealed is None or not sealed.note:
                self._begin(fresh, closed, told, introduce)
            else:
                _publish(fresh, sealed, ground)
            files.rename(fresh.root, place)
        files.sync_folder(ground.root.shards)
        shard = open_shard(LedgerFolder(place), ground)
        # WHY: a boot that goes on names the documents that it stored before.
        shard.sealer.documents |= closed.sealer.documents
        ground.keys.forget_former()
        return shard

    def _begin(
        self, fresh: LedgerFolder, closed: Shard, told: Next, introduce: Introduce | None
    ) -> None:
        """Lay the next shard and sign it.

        WHY: until it is signed it may be thrown away, and once it is signed it must not: two
        histories under one name would be signed.
        """
        files = self._ground.files
        files.make_folder(fresh.root.parent)
        files.sync_folder(self._ground.root.root)
        files.discard(fresh.root)
        for folder in (fresh.root, fresh.journal, fresh.documents):
            files.make_folder(folder)
        signers = Signers.of(told.vkey, told.next, self._ground.keys.load())
        entries = [*_beginning(closed, told), *(introduce(closed) if introduce else ())]
        for digest in closed.sealer.documents:
            _copy(closed.folder, fresh, digest, files)
        founder = Founder(signers, self._ground.store, files)
        end = founder.lay(fresh, entries)
        files.sync_folder(fresh.root)
        files.sync_folder(fresh.root.parent)
        founder.sign(fresh, entries, end)


def _copy(old: LedgerFolder, new: LedgerFolder, digest: str, files: Files) -> None:
    data = read_plain(documents.place_of(old, digest), DOCUMENT_BYTES_MAX)
    files.publish(documents.place_of(new, digest), data)


def _beginning(closed: Shard, told: Next) -> list[Entry]:
    """Return the first record of the next shard, and those that carry over what is open."""
    head, ts_us = closed.sealer.head, closed.sealer.latest_us
    former = Former(closed.signers.name, head.size, head.root.hex())
    facts: dict[str, object] = {
        "origin": told.next,
        "vkey": told.vkey,
        "inception": (_EPOCH + timedelta(microseconds=ts_us)).date().isoformat(),
        "former": facts_of(former),
    }
    carried = (
        Carried(name, one.boot, one.boundary, one.candidates, one.attempts)
        for name, one in closed.sealer.open_requests.items()
    )
    return [
        _entry("created", ts_us, "", facts),
        *(_entry("carried", ts_us, "", facts_of(one)) for one in carried),
    ]


def _publish(fresh: LedgerFolder, sealed: Sealed, ground: Ground) -> None:
    """Put the first checkpoint beside a shard that was signed before it got its name."""
    ground.files.publish(fresh.checkpoint, sealed.note.encode())


def _entry(what: str, ts_us: int, boot: str, facts: dict[str, object]) -> Entry:
    name = record_id(ts_us)
    told = Admin(id=name, ts_us=ts_us, boot=boot, what=what, facts=facts)
    return entry_of(stamped(told) if boot else told)
